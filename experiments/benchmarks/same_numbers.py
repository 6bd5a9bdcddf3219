"""Do two checkouts give the same numbers? Every quick experiment on both, to the last digit.

    python -m experiments.benchmarks.same_numbers OLD NEW [NAME …] [--python PYTHON]

OLD and NEW are folders: checkouts, in which every experiment (or those named) is run with
`--quick`, or results of such runs, which are read. Printed: for each experiment how many numbers
are equal as printed, and each that is not, old beside new; numbers that only one of them has are
named. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.results import Quantity


def read_lines(results: Path, name: str) -> dict[str, str]:
    """Return the printed lines of one experiment's quantities by the quantity's name."""
    path = results / name / "summary.json"
    if not path.is_file():
        return {}
    items = json.loads(path.read_text())["quantities"]
    return {item["name"]: Quantity(**item).line() for item in items}


def results_of(place: Path, names: list[str], python: str, out: Path) -> Path:
    """Return the folder of the results: `place` itself, or where its experiments now are."""
    if not (place / "experiments" / "__main__.py").is_file():
        return place
    environment = {**os.environ, "PYTHONPATH": str(place.resolve())}
    known = subprocess.run(
        [python, "-m", "experiments", "list"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    chosen = names or [line.split()[0] for line in known if line.strip()]
    for name in chosen:
        command = [python, "-m", "experiments", "run", name, "--quick", "--out", str(out)]
        subprocess.run(command, cwd=place, env=environment, stdout=subprocess.DEVNULL, check=True)
    return out


def main(arguments: list[str] | None = None) -> int:
    """Run or read both sides and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        sides = [
            results_of(place, options.names, options.python, Path(temporary) / side)
            for side, place in (("old", options.old), ("new", options.new))
        ]
        found = sorted({path.parent.name for side in sides for path in side.glob("*/summary.json")})
        differing = 0
        for name in options.names or found:
            old, new = (read_lines(side, name) for side in sides)
            shared = [key for key in old if key in new]
            changed = [key for key in shared if old[key] != new[key]]
            only = [(key, "old") for key in old if key not in new]
            only += [(key, "new") for key in new if key not in old]
            differing += len(changed) + len(only)
            print(f"{name}: {len(shared) - len(changed)} of {len(shared)} equal")
            for key in changed:
                print(f"  old  {old[key]}\n  new  {new[key]}")
            for key, side in only:
                print(f"  only {side}: {(old if side == 'old' else new)[key]}")
    print(f"{differing} numbers differ in {len(options.names or found)} experiments")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
