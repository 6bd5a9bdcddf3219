"""The command line: `qmemcircuit run MODEL.toml | choose | submit | resume | collect | …`."""

# More than 400 lines: one parser, and a short function for each of its commands.

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmemcircuit.command_line.description import Description
    from qmemcircuit.results.records import Record
    from qmemcircuit.runs.planning import Plan

EXTRAS = {
    "qiskit_ibm_runtime": ("hardware", "fake devices and IBM hardware"),
    "numba": ("neurons", "compiled equations of neurons, and Pauli propagation"),
    "distributed": ("distributed", "sweeps on more than one machine"),
    "nbclient": ("notebooks", "running the notebooks"),
    "mthree": ("mitigation", "readout mitigation on the outcomes seen"),
    "cvxpy": ("entanglement", "the best witness of genuine entanglement"),
    "sphinx": ("docs", "building the site"),
}
"""Optional modules: the extra that installs each, and what it is for."""


def parse_target(
    text: str,
    seed: int,
    *,
    device: Mapping[str, Any] | None = None,
    ibm: Mapping[str, Any] | None = None,
) -> Any:
    """Return the target that a command line names: `aer`, `fake:NAME` or `ibm:NAME`.

    `device` and `ibm` are the options of the latter two. Raises ValueError for any other name.
    Only command lines name targets by strings.
    """
    import qmemcircuit as qm

    kind, _, name = text.partition(":")
    if text == "aer":
        return qm.aer(seed=seed)
    if kind == "fake" and name:
        from qmemcircuit.runs.jobs.services import fake_backend

        return qm.device(fake_backend(name), seed=seed, **(device or {}))
    if kind == "ibm" and name:
        return qm.ibm(name, seed=seed, **(ibm or {}))
    raise ValueError(
        f"Argument --target must be aer, fake:NAME (fake:FakeTorino) or ibm:NAME (ibm:ibm_torino), "
        f"but {text!r} was given."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; errors of the user's making are one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        from qmemcircuit.common.resources import allow_large

        with allow_large() if options.allow_large else nullcontext():
            code = int(options.action(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 141  # what a shell shows for a program that SIGPIPE ended
    except KeyboardInterrupt:  # files are written whole or not at all: nothing is half done
        print("interrupted", file=sys.stderr)
        return 130  # what a shell shows for a program that Ctrl-C ended
    except Exception as error:
        if not _says_what_to_do(error):
            raise
        notes = "".join(f" {note}" for note in getattr(error, "__notes__", ()))
        print(f"error: {' '.join(str(error).split())}{notes}", file=sys.stderr)
        return 2


def _says_what_to_do(error: Exception) -> bool:
    """Whether an error is of the user's making and its words are enough: ours, or Qiskit's."""
    if isinstance(error, ValueError | TypeError | OSError | ImportError | RuntimeError):
        return True
    qiskit = sys.modules.get("qiskit.exceptions")  # not imported: then the error is not Qiskit's
    return qiskit is not None and isinstance(error, qiskit.QiskitError)


MODEL = "what is simulated and how (`qmemcircuit rehearse FOLDER` writes an example)"
FOLDER = "the submission's folder"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qmemcircuit",
        description="Simulate quantum memristors by circuits on a simulator, a device's noise model"
        " or IBM hardware, and compare them with their master equation.",
    )
    parser.add_argument(
        "--allow-large",
        action="store_true",
        help="start even what is estimated to take too long or too much memory",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = _command(commands, "run", "measure a model and compare it with its master equation")
    submit = _command(commands, "submit", "send a model's circuits to a device and return at once")
    plan = _command(
        commands, "plan", "say what a run or submission would cost, and how large its error bars"
    )
    for command in (run, submit, plan):
        command.add_argument("model", type=Path, metavar="MODEL.toml", help=MODEL)
        command.add_argument("--target", help="aer, fake:NAME or ibm:NAME (default: the file's)")
        command.add_argument(
            "--shots",
            type=_shots,
            help="a number, or 'to reach 0.01 on V' (or I, F, C); default: the file's, or 5000",
        )
        command.add_argument("--seed", type=int, help="seed of the shots (default: the file's)")
        command.add_argument(
            "--form",
            choices=("best",),
            help="of all equivalent circuits, take those that the device should disturb least",
        )
    run.add_argument(
        "--out",
        type=Path,
        default=Path("record.json"),
        help="the record's file (default: record.json)",
    )
    run.add_argument("--force", action="store_true", help="replace that file where it exists")
    run.set_defaults(action=_run)
    submit.add_argument(
        "--folder", type=Path, default=Path("submission"), help=f"{FOLDER} (default: submission)"
    )
    submit.add_argument("--yes", action="store_true", help="do not ask before spending")
    submit.set_defaults(action=_submit)
    plan.set_defaults(action=_plan)
    choose = _command(
        commands,
        "choose",
        "compare devices: say which one, which qubits, circuits and mitigation to take",
    )
    choose.add_argument("model", type=Path, metavar="MODEL.toml", help=MODEL)
    choose.add_argument("targets", nargs="+", metavar="TARGET", help="fake:NAME or ibm:NAME")
    choose.add_argument(
        "--demand",
        type=float,
        default=0.02,
        help="largest trace distance to the master equation (default: 0.02)",
    )
    choose.add_argument(
        "--executions",
        type=int,
        default=200_000,
        help="shots at each time, all settings and factors together (default: 200000)",
    )
    choose.add_argument("--seed", type=int, help="seed of the placement (default: the file's)")
    choose.set_defaults(action=_choose)
    resume = _command(commands, "resume", "continue an interrupted submission")
    resume.add_argument("folder", type=Path, help=FOLDER)
    resume.add_argument("--retry", action="store_true", help="send failed parts again, too")
    resume.set_defaults(action=_resume)
    collect = _command(
        commands, "collect", "fetch the counts of a submission that are there; say what is missing"
    )
    collect.add_argument("folder", type=Path, help=FOLDER)
    collect.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for jobs that are not done (default: 0)",
    )
    collect.add_argument(
        "--out",
        type=Path,
        default=Path("record.json"),
        help="the record's file (default: record.json)",
    )
    collect.add_argument("--force", action="store_true", help="replace another record's file")
    collect.set_defaults(action=_collect)
    rehearse = _command(
        commands,
        "rehearse",
        "go through a whole live experiment, with its troubles, on a fake device",
    )
    rehearse.add_argument(
        "folder",
        type=Path,
        help="with experiment.toml, the model; where there is none, an example is written",
    )
    rehearse.add_argument(
        "--device", default="FakeManilaV2", help="the fake device's name (default: FakeManilaV2)"
    )
    rehearse.set_defaults(action=_rehearse)
    compare = _command(commands, "compare", "compare a record with its master equation")
    compare.add_argument("record", type=Path, help="the file that run or collect wrote")
    compare.add_argument("--figure", type=Path, help="write the error budget to NAME.png and .pdf")
    compare.add_argument(
        "--certificate",
        action="store_true",
        help="say, too, how far the circuits can be from the exact map for any initial state",
    )
    compare.add_argument("--force", action="store_true", help="replace figures that exist")
    compare.set_defaults(action=_compare)
    volume = _command(
        commands, "volume", "measure how many memristors a device shows correctly, and for how long"
    )
    volume.add_argument(
        "--target", default="aer", help="aer, fake:NAME or ibm:NAME (default: aer, without noise)"
    )
    volume.add_argument(
        "--shots", type=int, default=1000, help="shots of every circuit (default: 1000)"
    )
    volume.add_argument("--seed", type=int, default=1, help="seed of the shots (default: 1)")
    volume.add_argument("--sizes", type=int, nargs="+", help="numbers of memristors to try")
    volume.add_argument("--periods", type=int, nargs="+", help="numbers of periods to try")
    volume.add_argument(
        "--channel",
        choices=("ibm_quantum_platform", "ibm_cloud", "local"),
        help="of the account; local rehearses ibm:NAME on the fake device of that name",
    )
    volume.add_argument(
        "--folder",
        type=Path,
        help="of the jobs of ibm:NAME; what is measured there is not measured again "
        "(default: volume)",
    )
    volume.add_argument(
        "--yes",
        action="store_true",
        help="send jobs to ibm:NAME; without it their plan is printed, and asked for on a terminal",
    )
    volume.add_argument(
        "--wait",
        type=float,
        default=float("inf"),
        metavar="SECONDS",
        help="how long to wait for the jobs of each cell (default: until they are done)",
    )
    volume.set_defaults(action=_volume)
    doctor = _command(
        commands, "doctor", "list versions, saved accounts (no tokens) and missing extras"
    )
    doctor.set_defaults(action=_doctor)
    return parser


def _command(commands: Any, name: str, purpose: str) -> argparse.ArgumentParser:
    """Add a command that says the same of itself in the list and on its own page."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
    )
    return made


def _run(options: argparse.Namespace) -> int:
    import qmemcircuit as qm
    from qmemcircuit.common.storage import check_suffix

    described, name, seed, shots = _described(options)
    used = {"fake": ("device", "mitigation"), "ibm": ("ibm", "mitigation")}
    _say_unused(described, used.get(name.partition(":")[0], ()))
    check_suffix(options.out)
    _check_free("--out", options.out, options.force)
    record = qm.run(
        described.network,
        described.times,
        target=parse_target(name, seed, device=described.device, ibm=described.ibm),
        **_measured(described, name, options, shots),
    )
    print(f"record: {record.save(options.out)}")
    print(qm.judge(record))
    return 0


def _check_free(argument: str, path: Path, force: bool) -> None:
    """Refuse to replace a file that exists, before anything is spent on its successor."""
    if path.exists() and not force:
        raise ValueError(
            f"Argument {argument} must name a new file, but {str(path)!r} exists; give another "
            "name, or --force to replace it."
        )


def _say_unused(described: Description, used: tuple[str, ...]) -> None:
    """Print which tables of the file this target does not use, so that none is lost in silence."""
    tables = ("device", "ibm", "mitigation")
    unused = [name for name in tables if getattr(described, name) and name not in used]
    if unused:
        print(f"not used for this target: {', '.join(f'[{name}]' for name in unused)}")


def _shots(text: str) -> int | str:
    """Return a number of shots as a number; words are read where the measurement is planned."""
    return int(text) if text.strip().lstrip("+-").isdecimal() else text


def _described(options: argparse.Namespace) -> tuple[Description, str, int, int | str]:
    """Return the file's description, and target, seed and shots with the command line's."""
    from qmemcircuit.command_line.description import read_description

    described = read_description(options.model)
    name = options.target or described.target
    seed = described.seed if options.seed is None else options.seed
    shots = described.shots if options.shots is None else options.shots
    return described, name, seed, shots


def _measured(
    described: Description, name: str, options: argparse.Namespace, shots: int | str
) -> dict[str, Any]:
    """Return the keywords that `run`, `plan` and `submit` share."""
    form = {} if options.form is None else {"form": options.form}
    return {
        "shots": shots,
        "absorb_decay": described.absorb_decay,
        "mitigation": None if name == "aer" else described.mitigation,
        **described.circuits,
        **form,
    }


def _submit(options: argparse.Namespace) -> int:
    import qmemcircuit as qm

    described, name, seed, shots = _described(options)
    kind, _, fake = name.partition(":")
    _say_unused(described, ("ibm", "mitigation"))
    # A fake device takes jobs too, in the runtime client's local testing mode.
    target = (
        qm.ibm(fake, channel="local", seed=seed, **described.ibm)
        if kind == "fake"
        else parse_target(name, seed, ibm=described.ibm)
    )

    def confirm(found: Plan) -> bool:
        print(found)
        if options.yes or not sys.stdin.isatty():
            return True
        return input("submit? [y/N] ").strip().lower() in ("y", "yes")

    folder = qm.submit(
        described.network,
        described.times,
        target=target,
        folder=options.folder,
        confirm=confirm,
        **_measured(described, name, options, shots),
    )
    print(f"submitted: {folder}; fetch with: qmemcircuit collect {folder}")
    return 0


def _plan(options: argparse.Namespace) -> int:
    import qmemcircuit as qm

    described, name, seed, shots = _described(options)
    found = qm.plan(
        described.network,
        described.times,
        target=parse_target(name, seed, device=described.device, ibm=described.ibm),
        **_measured(described, name, options, shots),
    )
    print(found)
    return 0


def _choose(options: argparse.Namespace) -> int:
    import qmemcircuit as qm
    from qmemcircuit.command_line.description import read_description

    described = read_description(options.model)
    seed = described.seed if options.seed is None else options.seed
    found = qm.choose_device(
        described.network,
        described.times,
        [parse_target(name, seed, device=described.device) for name in options.targets],
        demand=options.demand,
        executions=options.executions,
        splitting=described.circuits.get("splitting", "lie"),
    )
    print(found)
    return 0 if found.reached else 1


def _resume(options: argparse.Namespace) -> int:
    import qmemcircuit as qm

    print(f"resumed: {qm.resume(options.folder, retry=options.retry)}")
    return 0


def _collect(options: argparse.Namespace) -> int:
    import qmemcircuit as qm

    found = qm.collect(options.folder, wait=options.wait)
    print(found)
    if found.record is not None:
        if not _is_earlier(options.out, found.record):
            _check_free("--out", options.out, options.force)
        print(f"record: {found.record.save(options.out)}")
    return 0 if found.complete else 1


def _rehearse(options: argparse.Namespace) -> int:
    from qmemcircuit.command_line.rehearsal import rehearse_night

    return rehearse_night(options.folder, options.device)


def _is_earlier(path: Path, record: Record) -> bool:
    """Whether the file holds what an earlier collect of the same submission brought."""
    import qmemcircuit as qm

    if not path.exists():
        return False
    try:
        there = qm.Record.load(path).provenance.get("submission")
    except ValueError:
        return False
    return there is not None and there == record.provenance.get("submission")


def _compare(options: argparse.Namespace) -> int:
    import qmemcircuit as qm

    record = qm.Record.load(options.record)
    if options.figure is not None:
        for suffix in (".png", ".pdf"):
            _check_free("--figure", options.figure.with_suffix(suffix), options.force)
    judgement = qm.judge(record, certificate=options.certificate)
    print(judgement)
    if options.figure is not None:
        if judgement.budget is None:
            raise ValueError(
                "Argument --figure must be left out for a record without an error budget, but it "
                "was given; device(…) and ibm(…) leave a calibration that makes one."
            )
        from qmemcircuit.plotting.figures import house_style, make_figure, save_figure

        with house_style():
            figure, ax = make_figure(width=5.0, height=2.6)
            qm.plot_budget(judgement.budget, ax=ax, unit=record.network.period)
        for path in save_figure(figure, options.figure.with_suffix("")):
            print(path)
    return 0


def _volume(options: argparse.Namespace) -> int:
    import qmemcircuit as qm
    from qmemcircuit.command_line.volume import measure_by_jobs

    if options.target.startswith("ibm:"):
        return measure_by_jobs(options)
    unused = [name for name in ("channel", "folder") if getattr(options, name)]
    if unused:
        raise ValueError(
            f"Argument --{unused[0]} must go with --target ibm:NAME, but {options.target!r} was "
            "given, which sends no jobs."
        )
    given = {name: getattr(options, name) for name in ("sizes", "periods")}
    found = qm.memristor_volume(
        parse_target(options.target, options.seed),
        shots=options.shots,
        **{name: value for name, value in given.items() if value},
    )
    print(found)
    return 0


def _doctor(_: argparse.Namespace) -> int:
    import importlib.util

    from qmemcircuit.common.provenance import versions

    print("versions:")
    for package, number in versions().items():
        print(f"  {package:20s} {number}")
    print("optional packages:")
    for module, (extra, purpose) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        word = "installed" if there else f"missing; pip install 'qmemcircuit[{extra}]'"
        print(f"  {module:20s} {word} ({purpose})")
    print("accounts of the runtime client:")
    for line in _accounts():
        print(f"  {line}")
    return 0


def _accounts() -> list[str]:
    """Return the saved accounts by name and channel; a token is never read out of them."""
    try:
        from qiskit_ibm_runtime import QiskitRuntimeService
    except ImportError:
        return ["none: the runtime client is missing; pip install 'qmemcircuit[hardware]'"]
    try:
        saved = QiskitRuntimeService.saved_accounts()
    except Exception as error:
        # Its words may quote the file, and the file holds the token.
        return [
            f"unreadable ({type(error).__name__}): repair ~/.qiskit/qiskit-ibm.json, or remove it "
            "and save the account again"
        ]
    found = [f"{name}: channel {account.get('channel')}" for name, account in saved.items()]
    if os.environ.get("QISKIT_IBM_TOKEN"):
        found.append("from the environment: QISKIT_IBM_TOKEN is set")
    return found or [
        "none saved; once, in Python: QiskitRuntimeService.save_account(channel="
        "'ibm_quantum_platform', token=…)"
    ]


if __name__ == "__main__":
    sys.exit(main())
