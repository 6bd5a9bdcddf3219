"""The excess: what a device's calibrated noise is predicted to add to what circuits show.

It is the shape that `extrapolation="shaped"` scales. Predicted for the very circuits that run,
before readout, at each noise factor; and again with the calibrated numbers off at random, for an
error bar that knows how well the shape is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.states import outcome_probabilities
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.drift import drifted_part
from qmemcircuit.devices.noise.calibrated import read_out, simulate
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.simulation.exact import setting_probabilities

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

DRAWS = 8
"""Calibrations drawn within the declared drift. Their variance is that of a mean of eight squares,
known to 50 %; beside the shots' it is small (experiment hardware.certainty)."""

DRIFT_SEED = 20261126
"""Of these draws: the same for every record, so that its error bar can be made again."""


def predicted_excess(
    circuits: CircuitSet, target: DeviceTarget, mitigation: Mitigation
) -> FloatArray:
    """Return noisy less noiseless outcome probabilities, (N, F, T, B, 2^M), before readout.

    Args:
        circuits: those that run.
        target: the device with its qubits chosen. Of its noise, what a calibration states is
            taken; an assumed `reset_error` and `coherent_errors` are not.
        mitigation: its noise factors and its drift, which is 0 for one prediction (N = 1) instead
            of `DRAWS` + 1.
    """
    parts = [_excess(branch, target, mitigation) for branch in circuits.branches]
    return np.asarray(np.mean(parts, axis=0))


def _excess(circuits: CircuitSet, target: DeviceTarget, mitigation: Mitigation) -> FloatArray:
    calibrated = replace(target.place(circuits), reset_error=0.0, coherent_errors=None)
    part = calibrated.restricted()
    amplified = [
        calibrated.amplify(factor, fold_all=mitigation.fold_all) if factor > 1 else calibrated
        for factor in mitigation.factors
    ]
    noisy = np.array([noisy_probabilities(device, circuits) for device in amplified])
    first = noisy - setting_probabilities(circuits)
    if mitigation.drift == 0:
        return np.asarray(first[None])
    # The draws change the state; what the few gates before a measurement add hardly changes.
    compiled = [device.compile(circuits, measured=False) for device in amplified]
    random = np.random.default_rng(DRIFT_SEED)
    here = np.array([setting_outcomes(items, part, circuits.bases) for items in compiled])
    found = [first]
    for _ in range(DRAWS):
        drifted = drifted_part(part, mitigation.drift, random)
        moved = np.array([setting_outcomes(items, drifted, circuits.bases) for items in compiled])
        found.append(first + moved - here)
    return np.array(found)


def noisy_probabilities(target: DeviceTarget, circuits: CircuitSet) -> FloatArray:
    """Return the outcome probabilities of a device's noise without its readout, (T, B, 2^M)."""
    placed = target.place(circuits)
    part, compiled = placed.restricted(), placed.compile(circuits)
    raw = simulate(compiled, part, placed.reset_error, placed.coherent_errors, save="probabilities")
    perfect = [np.eye(2)] * part.num_qubits
    found = np.array(
        [
            np.mean(
                [
                    read_out(chances, instance, perfect)  # twirled outcomes are turned back
                    for chances, instance in zip(rows, item.instances, strict=True)
                ],
                axis=0,
            )
            for rows, item in zip(raw, compiled, strict=True)
        ]
    )
    return found.reshape(len(circuits.times), len(circuits.bases), -1)


def setting_outcomes(
    compiled: Sequence[CompiledCircuit], part: QiskitTarget, bases: Sequence[str]
) -> FloatArray:
    """Return the probabilities of circuits without measurement in each setting, (T, B, 2^M)."""
    states = simulate(compiled, part, 0.0, None, save="density_matrix").mean(axis=1)
    return np.stack([outcome_probabilities(states, basis) for basis in bases], axis=1)
