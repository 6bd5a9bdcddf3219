"""`qmemcircuit rehearse FOLDER`: the whole live experiment, on a fake device, before it costs.

Every step is a command that a live night needs, typed into a process of its own, as on the next
day: what is not on the disk is gone. The service is rehearsed too (`runs.jobs.rehearsed`): an
answer is lost, jobs queue, one fails, one comes back incomplete. The last step compares the record
with its master equation, or, of more than about eight memristors, with Pauli propagation.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from qmemcircuit.common.storage import write_atomically
from qmemcircuit.runs.jobs.rehearsed import prepare_rehearsal

EXAMPLE = """# One memristor over a period: change it to your experiment, and rehearse again.
[run]
target = "ibm:ibm_torino"
points = 12
shots = "to reach 0.02 on V"
ancilla = "merged"

[mitigation]
readout = true

[[memristor]]
rate = "squid"
gamma = 0.4
a = 0.7853981633974483
b = 0.6283185307179586
"""

ROUNDS = 12
"""So often a rehearsal collects, and submits again what failed, before it gives up."""

Run = Callable[[Sequence[str]], int]


def in_a_new_process(arguments: Sequence[str]) -> int:
    """Run the command line in a process of its own and return its exit code."""
    command = [sys.executable, "-m", "qmemcircuit", *arguments]
    return subprocess.run(command, check=False).returncode


def rehearse_night(folder: Path, device: str, run: Run = in_a_new_process) -> int:
    """Rehearse the experiment of `folder`/experiment.toml; return 0 where all of it worked.

    Args:
        folder: made, with an example in it, where it is not there. The rehearsal goes to its
            folder `rehearsal`, which must not be there yet.
        device: the fake device's name, `FakeManilaV2` is one.
        run: runs one command line and returns its exit code.

    Raises:
        ValueError: where there is a rehearsal already.
    """
    experiment, place = folder / "experiment.toml", folder / "rehearsal"
    if place.exists():
        raise ValueError(
            f"Argument folder must have no rehearsal yet, but {str(place)!r} exists; remove it to "
            "rehearse again."
        )
    if not experiment.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(experiment, EXAMPLE.encode())
        print(f"{experiment}: written, an example to change")
    prepare_rehearsal(place)
    record = str(folder / "rehearsal-record.json")
    target = ["--target", f"fake:{device}"]

    def step(said: str, arguments: list[str], expected: tuple[int, ...]) -> int:
        print(f"\n# {said}\n$ qmemcircuit {' '.join(arguments)}", flush=True)
        code = run(arguments)
        if code not in expected:
            raise RuntimeError(
                f"The rehearsal stopped: qmemcircuit {arguments[0]} ended with {code}, not with "
                f"{' or '.join(map(str, expected))}; see what it printed."
            )
        return code

    step("What it costs, and how precise it will be.", ["plan", str(experiment), *target], (0,))
    submit = ["submit", str(experiment), *target, "--folder", str(place), "--yes"]
    step("Sent. The answer is lost on its way back: an error, but the job is there.", submit, (2,))
    step("The next day: what was accepted is found, not sent twice.", ["resume", str(place)], (0,))
    collect = ["collect", str(place), "--out", record]
    for number in range(ROUNDS):
        said = "Fetched what is there." if number else "In the queue: come back later."
        if step(said, collect, (0, 1)) == 0:
            break
        step("Sent again what failed, if anything did.", ["resume", str(place), "--retry"], (0,))
    else:
        raise RuntimeError(f"The rehearsal did not end within {ROUNDS} rounds; see {place}.")
    step("What was measured, against the equations.", ["compare", record], (0,))
    print(
        "\nThe rehearsal went through. Live, the same commands without --target:\n"
        f"  qmemcircuit plan {experiment}\n"
        f"  qmemcircuit submit {experiment} --folder {folder}/night"
    )
    return 0
