"""How often the 95 % intervals of shaped means hold the truth, on devices that have drifted.

Run as `python -m experiments.benchmarks.device_coverage`. For each fake and coupling the paper's
pair is measured, readout corrected and extrapolated by the shape of the calibrated noise
(`hardware.certainty`, 140,000 executions a time), on `DEVICES` devices each of whose calibrated
numbers is off by up to 20 % of its own. Judged are the Pauli means of `LABELS` at every time but
t = 0, against the noiseless circuits: with the declared drift in the error bar, and without it.
Means of one experiment are not independent; the last column is the range of the devices' shares.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

import qmemcircuit as qm
from experiments.hardware.certainty import HIGH_LABELS as LABELS
from experiments.hardware.certainty import SHOTS
from experiments.hardware.certainty_devices import DRIFTED, METHODS, READOUT_SHOTS
from experiments.hardware.params import PAIR_GAMMA0, PAIR_STRENGTH, TRANSPILER_SEED, pair_times
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.drawing import rounded
from qmemcircuit.common.states import expectation, pauli_matrix
from qmemcircuit.counts.allocation import predicted_shares
from qmemcircuit.counts.readout import read_probabilities
from qmemcircuit.devices.drift import drifted_part
from qmemcircuit.devices.excess import predicted_excess, setting_outcomes
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.measurement import measure_readout
from qmemcircuit.simulation.exact import setting_probabilities

FAKES = ("FakeTorino", "FakeMarrakesh", "FakeSherbrooke")
COUPLINGS: tuple[Literal["x", "y", "z"], ...] = ("x", "y")
DEVICES, EXPERIMENTS = 8, 12
SEED = 19
SHAPED = METHODS["shaped"].mitigation


def shares_held(
    name: str, axis: Literal["x", "y", "z"], devices: int, experiments: int
) -> Iterator[FloatArray]:
    """Yield for each drifted device the shares (2,) held, with the declared drift and without."""
    memristor = qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=math.pi / 4)
    model = qm.Network([memristor] * 2, {(0, 1): qm.Native(axis, PAIR_STRENGTH)})
    circuits = qm.build_circuits(model, pair_times(model), splitting="compiled", bases="tomography")
    placed = qm.device(fake_backend(name), seed=TRANSPILER_SEED).place(circuits)
    part, clean = placed.restricted(), setting_probabilities(circuits)
    excess = predicted_excess(circuits, placed, replace(SHAPED, drift=DRIFTED))
    known = measure_readout(placed, 2, shots=10**12)
    compiled = [placed.compile(circuits, measured=False)]
    amplified = placed.amplify(3, fold_all=True)
    compiled.append(amplified.compile(circuits, measured=False))
    # What the gates before a measurement do, as calibrated.
    last = [
        clean + excess[0, k] - setting_outcomes(items, part, circuits.bases)
        for k, items in enumerate(compiled)
    ]

    def read(chances: FloatArray) -> FloatArray:
        positive = np.maximum(read_probabilities(chances, known.flips), 0.0)
        return rounded(positive / positive.sum(axis=2, keepdims=True))

    shares = predicted_shares(
        read(clean + excess[0, 0]), circuits.bases, SHAPED, flips=known.flips, excess=excess[0]
    )
    states = qm.exact_circuit(model, circuits.times, splitting="compiled").states
    assert states is not None
    truth = {label: expectation(states, pauli_matrix(label))[1:] for label in LABELS}
    random = np.random.default_rng(SEED)
    for _ in range(devices):
        drifted = drifted_part(part, DRIFTED, random)
        chances = [
            read(setting_outcomes(items, drifted, circuits.bases) + moved)
            for items, moved in zip(compiled, last, strict=True)
        ]
        held: list[list[bool]] = []
        for _ in range(experiments):
            runs = []
            for table, own in zip(chances, shares, strict=True):
                each = np.maximum(np.round(SHOTS * own), 1).astype(np.int64)
                runs.append(qm.Samples(circuits.bases, random.multinomial(each, table)))
            readout = known.redrawn(READOUT_SHOTS, random)
            found = qm.MitigatedSamples(SHAPED, tuple(runs), readout, excess)
            bare = replace(found, excess=excess[:1])
            for label, true in truth.items():
                mean, error = (item[1:] for item in found.combine({label: 1.0}))
                narrow = bare.combine({label: 1.0})[1][1:]
                away = np.abs(mean - true)
                held += np.stack([away <= 1.96 * error, away <= 1.96 * narrow], axis=1).tolist()
        yield np.mean(held, axis=0)


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each fake and coupling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fakes", nargs="+", default=list(FAKES))
    parser.add_argument("--couplings", nargs="+", default=list(COUPLINGS))
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    given = parser.parse_args(arguments)
    print("fake            coupling   held in %, with drift   without   range of the devices")
    for name in given.fakes:
        for axis in given.couplings:
            rows = 100 * np.array(list(shares_held(name, axis, given.devices, given.experiments)))
            mean, low, high = rows.mean(axis=0), rows[:, 0].min(), rows[:, 0].max()
            between = f"{low:.1f} to {high:.1f}"
            print(
                f"{name:15s} {2 * axis:8s} {mean[0]:23.1f} {mean[1]:9.1f}   {between}", flush=True
            )


if __name__ == "__main__":
    main()
