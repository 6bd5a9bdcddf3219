"""Run the experiments: `python -m experiments list | run NAME … | draw NAME … | report`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.registry import experiment_names, load_experiment, title_of
from experiments.report import write_report
from experiments.results import Settings, read_result, write_result

if TYPE_CHECKING:
    from types import ModuleType

    from matplotlib.figure import Figure


def run_experiment(name: str, settings: Settings, out: Path) -> list[Path]:
    """Compute, print, draw and write one experiment; return the written paths."""
    module = load_experiment(name)
    print(f"{name}: {title_of(name)}")
    start = time.perf_counter()
    result = module.compute(settings)
    for quantity in result.quantities:
        print(f"  {quantity.line()}")
    figures = _draw(module, result)
    written = write_result(out, name, result, figures, time.perf_counter() - start)
    print(f"  {time.perf_counter() - start:.1f} s; written to {out / name}:")
    print("  " + ", ".join(path.name for path in written))
    return written


def draw_experiment(name: str, out: Path) -> None:
    """Redraw the figures of an experiment from its files alone."""
    from qmemcircuit.plotting.figures import save_figure

    module = load_experiment(name)
    if not (out / name / "summary.json").is_file():
        raise ValueError(
            f"Argument --out must name a folder that holds {name}, but {str(out)!r} does not; "
            f"`python -m experiments run {name}` makes it."
        )
    for suffix, figure in _draw(module, read_result(out, name)).items():
        for path in save_figure(figure, out / name / (f"{name}.{suffix}" if suffix else name)):
            print(path)


def _draw(module: ModuleType, result: Any) -> Mapping[str, Figure]:
    from qmemcircuit.plotting.figures import house_style

    with house_style():
        drawn = module.draw(result)
    return drawn if isinstance(drawn, Mapping) else {"": drawn}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the experiments")
    run = commands.add_parser("run", help="compute, draw and save experiments")
    run.add_argument("names", nargs="+", metavar="NAME", help="as `list` prints them")
    run.add_argument("--quick", action="store_true", help="a smaller run of the same figure")
    run.add_argument("--shots", type=int, help="shots per circuit (default: the experiment's own)")
    run.add_argument("--seed", type=int, default=1, help="seed of everything random (default: 1)")
    run.add_argument(
        "--target", help="aer (default), fake:NAME such as fake:FakeTorino, or ibm:NAME"
    )
    draw = commands.add_parser("draw", help="redraw figures from the files of an earlier run")
    draw.add_argument("names", nargs="+", metavar="NAME", help="as `list` prints them")
    report = commands.add_parser("report", help="write experiments/README.md from all summaries")
    for command in (run, draw, report):
        help_of_out = "folder of the results (default: results)"
        command.add_argument(
            "--out", type=Path, default=Path("results"), metavar="DIR", help=help_of_out
        )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; errors of the user's making are one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            for name in experiment_names():
                print(f"{name:26s} {title_of(name)}")
        elif options.command == "draw":
            for name in options.names:
                draw_experiment(name, options.out)
        elif options.command == "report":
            for path in write_report(options.out):
                print(path)
        else:
            from experiments.terminal import parse_target, progress_bar

            target = None if options.target is None else parse_target(options.target, options.seed)
            for name in options.names:
                with progress_bar(name) as progress:
                    settings = Settings(
                        options.quick, options.shots, options.seed, target, progress
                    )
                    run_experiment(name, settings, options.out)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 141  # what a shell shows for a program that SIGPIPE ended
    except KeyboardInterrupt:  # files are written whole or not at all: nothing is half done
        print("interrupted", file=sys.stderr)
        return 130  # what a shell shows for a program that Ctrl-C ended
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
