"""Whether a joint fit of the model's few numbers helps the pair at equal shots, and when it hurts.

All times, settings and noise factors are fitted at once by g, γ0 and the size λ of the calibrated
noise; the fitted model's states are the estimate. It assumes what it is to show: that the states
obey the master equation. Against it the shaped extrapolation of the same counts, which assumes the
shape of the noise alone. Both assume the calibrated shape; circuits, shots and goal are those of
hardware.certainty. It prints for each device the largest distance to the master equation (unlimited
shots; 95 % of the seeds) of both, the fitted numbers, and χ² of the fit.

    python -m experiments.benchmarks.joint_fits
"""

from __future__ import annotations

from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import (
    PAIR_GAMMA0,
    PAIR_STRENGTH,
    TRANSPILER_SEED,
    pair,
    pair_times,
)
from experiments.hardware.suppression_methods import TWO_QUBIT_ANGLE
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.drawing import rounded
from qmemcircuit.common.states import outcome_probabilities, trace_distance
from qmemcircuit.counts.readout import read_probabilities
from qmemcircuit.devices.drift import drifted_part
from qmemcircuit.devices.noise.calibrated import simulate
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.measurement import measure_readout

SHOTS, SEEDS = 140_000, 40
"""A time in all, a tenth of them at factor 3."""

SHARES = (0.9, 0.1)
STEP = 0.02
"""Relative, of g and γ0: states are taken as linear in them."""


def states_of(strength: float, gamma0: float, times: FloatArray) -> ComplexArray:
    """Return the master equation's states."""
    memristor = qm.Memristor(qm.SquidRate(gamma0), a=np.pi / 4)
    model = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", strength)})
    states = qm.master_equation(model, times).states
    assert states is not None
    return states


def outcomes(states: ComplexArray, bases: tuple[str, ...]) -> FloatArray:
    """Return outcome probabilities, (T, B, 4)."""
    return np.stack([outcome_probabilities(states, basis) for basis in bases], axis=1)


def main() -> None:
    """Simulate every device once, draw shots, and print."""
    model = pair()
    times = pair_times(model)
    circuits = qm.build_circuits(model, times, splitting="compiled", bases="tomography")
    placed = qm.device(fake_backend("FakeTorino"), seed=TRANSPILER_SEED).place(circuits)
    part, bases = placed.restricted(), circuits.bases
    compiled = [
        device.compile(circuits, measured=False)
        for device in (placed, placed.amplify(3, fold_all=True))
    ]

    def noisy(device: Any = part, reset: float = 0.0, errors: Any = None) -> list[FloatArray]:
        found = []
        for items in compiled:
            states = simulate(items, device, reset, errors, save="density_matrix").mean(axis=1)
            found.append(outcomes(states, bases))
        return found

    exact = qm.exact_circuit(model, times, splitting="compiled").states
    assert exact is not None
    calibrated = noisy()
    excess = [table - outcomes(exact, bases) for table in calibrated]
    random = np.random.default_rng(16)
    coherent = CoherentErrors(two_qubit_angle=TWO_QUBIT_ANGLE)
    devices = {
        "as calibrated": calibrated,
        "all +20 %": noisy(drifted_part(part, 0.2, None)),
        "all −20 %": noisy(drifted_part(part, -0.2, None)),
        "each ±20 %": noisy(drifted_part(part, 0.2, random)),
        "coherent CZ": noisy(errors=coherent),
        "reset 1 %": noisy(reset=0.01),
        "reset 3 %": noisy(reset=0.03),
    }
    known = measure_readout(placed, 2, shots=10**12)
    master = states_of(PAIR_STRENGTH, PAIR_GAMMA0, times)
    nominal = np.array([PAIR_STRENGTH, PAIR_GAMMA0])
    moved = [
        [states_of(*(nominal * (1 + sign * STEP * unit)), times) for sign in (1, -1)]
        for unit in np.eye(2)
    ]
    slopes = [(up - down) / (2 * STEP) for up, down in moved]

    def read(table: FloatArray) -> FloatArray:
        return read_probabilities(table, known.flips)

    # Columns: relative changes of g and γ0, and λ; rows: all factors, times, settings, outcomes.
    base = np.stack([read(outcomes(master, bases))] * 2)
    columns = [
        np.stack([read(outcomes(up, bases)) - read(outcomes(down, bases))] * 2) / (2 * STEP)
        for up, down in moved
    ]
    columns.append(np.stack([read(table) for table in calibrated]) - read(outcomes(exact, bases)))
    design = np.stack(columns, axis=-1)

    def fitted(counts: list[Any]) -> tuple[FloatArray, float, ComplexArray]:
        """Return parameters, χ² per degree of freedom, and the states of the fitted model."""
        shots = np.stack([table.sum(axis=2, keepdims=True) for table in counts])
        seen = np.stack(counts) / shots
        weight = shots / np.maximum(base + columns[2], 1e-3)
        rows = (design * np.sqrt(weight)[..., None]).reshape(-1, 3)
        wanted = ((seen - base) * np.sqrt(weight)).ravel()
        found, residual, _, _ = np.linalg.lstsq(rows, wanted, rcond=None)
        freedom = seen.size * 3 // 4 - 3
        changed = master + found[0] * slopes[0] + found[1] * slopes[1]
        return found, float(residual[0]) / freedom, changed

    shaped = qm.Mitigation((1, 3), fold_all=True, extrapolation="shaped", drift=0.0)
    print(f"{SHOTS} shots a time, {SEEDS} seeds; largest trace distance to the master equation")
    print(
        "device            joint: all shots   95 %      g gamma0  noise  χ²/freedom  shaped   95 %"
    )
    for name, chances in devices.items():
        tables = [rounded(np.maximum(read(table), 0.0)) for table in chances]

        def counts(
            shots: float, random: np.random.Generator | None, tables: Any = tables
        ) -> list[Any]:
            drawn = []
            for table, share in zip(tables, SHARES, strict=True):
                each = round(shots * share / len(bases))
                if random is None:
                    drawn.append(np.round(table * each).astype(np.int64))
                else:
                    drawn.append(random.multinomial(each, table))
            return drawn

        def distances(found: list[Any]) -> tuple[FloatArray, float, float, float]:
            numbers, square, states = fitted(found)
            runs = tuple(qm.Samples(bases, table) for table in found)
            rival = qm.MitigatedSamples(shaped, runs, known, np.stack(excess)[None]).states()
            return (
                numbers,
                square,
                float(trace_distance(states, master).max()),
                float(trace_distance(rival, master).max()),
            )

        _, _, joint_bias, shaped_bias = distances(counts(10**11, None))
        drawn = [
            distances(counts(SHOTS, np.random.default_rng([seed, 18]))) for seed in range(SEEDS)
        ]
        numbers = np.mean([item[0] for item in drawn], axis=0)
        high = np.quantile([item[2:] for item in drawn], 0.95, axis=0)
        square = np.mean([item[1] for item in drawn])
        print(
            f"{name:18s} {joint_bias:11.4f} {high[0]:6.4f} {1 + numbers[0]:6.3f} "
            f"{1 + numbers[1]:6.3f} {numbers[2]:6.3f} {square:11.3f} {shaped_bias:7.4f} "
            f"{high[1]:6.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
