"""Which mitigation for hardware.fig8? The study behind its declaration, on FakeTorino.

    python -m experiments.benchmarks.mitigation_choice

Prints for every candidate, at the settings of the experiment but with shot seeds 0 to 199 (the
experiment begins at 1000): the largest trace distance to the master equation with unlimited
shots (the bias), its 95 % quantile with shots, and the shares of seeds that reach each of
our goals: distance ≤ 0.020, first lobe ≥ 95 %, C(8T) ≤ 0.02, C(10T) and C(12T) ≥ 0.17. About two
minutes. FakeFez is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import PAIR_SHOTS, TRANSPILER_SEED, pair, pair_times
from qmemcircuit.common.drawing import rounded
from qmemcircuit.common.states import concurrence_of_states, trace_distance
from qmemcircuit.counts.extrapolations.exponential import extrapolate_pooled
from qmemcircuit.counts.means import joint_weights, measured_labels, states_of_means, weighted_mean
from qmemcircuit.counts.readout import Readout
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.measurement import measure_readout

SEEDS = 200
MANY = (1, 3, 5, 7, 9, 11, 13, 15)
UNLIMITED = 10**9

Means = Callable[[tuple[Samples, ...], tuple[int, ...], Readout], Mapping[str, np.ndarray]]


def main() -> None:
    """Simulate every circuit once, then draw shots for every candidate."""
    model = pair()
    times = pair_times(model)
    master = qm.master_equation(model, times)
    target = qm.device(fake_backend("FakeTorino"), seed=TRANSPILER_SEED)
    reset = qm.build_circuits(model, times, splitting="compiled")
    fresh = qm.build_circuits(model, times, splitting="compiled", ancilla="fresh")
    placed, apart = target.place(reset), target.place(fresh)
    absorbed, _ = absorb_device_decay(reset, placed)
    everything = replace(placed, folding=Folding(everything=True))
    circuits = {
        "absorbed, two-qubit folds": (absorbed, placed, MANY[:4]),
        "plain, two-qubit folds": (reset, placed, MANY[:5]),
        "plain, all folded": (reset, everything, MANY),
        "fresh ancillas, all folded": (
            fresh,
            replace(apart, folding=Folding(everything=True)),
            MANY[:5],
        ),
    }
    chances = {
        name: [where.amplify(factor).probabilities(these) for factor in factors]
        for name, (these, where, factors) in circuits.items()
    }
    candidates: list[tuple[str, int, str, Means]] = [
        ("absorbed, two-qubit folds", 4, "line", _polynomial(1)),
        ("plain, two-qubit folds", 5, "pooled", pooled),
        ("fresh ancillas, all folded", 5, "pooled", pooled),
        ("plain, all folded", 3, "line", _polynomial(1)),
        ("plain, all folded", 4, "line", _polynomial(1)),
        ("plain, all folded", 6, "parabola", _polynomial(2)),
        ("plain, all folded", 7, "parabola", _polynomial(2)),
        ("plain, all folded", 7, "one rate", one_rate),
        ("plain, all folded", 7, "pooled, settings apart", pooled_apart),
        *[("plain, all folded", count, "pooled", pooled) for count in (5, 6, 7, 8)],
    ]
    print(
        f"{'circuits':27} {'largest f':>9} {'extrapolation':23} bias   95 %   ≤.02 lobe 8T 10T 12T"
    )
    labels = measured_labels(reset.bases)
    ideal = concurrence_of_states(master.states)
    lobe = ideal[:4].max()
    for name, count, method, means in candidates:
        where = apart if name.startswith("fresh") else placed
        factors, exact = MANY[:count], chances[name][:count]
        counts = [np.round(p * UNLIMITED).astype(np.int64) for p in exact]
        known = measure_readout(where, 2, shots=10**12)
        found = _states(means, counts, factors, known, reset.bases, labels)
        bias = trace_distance(found, master.states).max()
        largest, reached = [], []
        for seed in range(SEEDS):
            random = np.random.default_rng([seed, 0])
            counts = [random.multinomial(PAIR_SHOTS, rounded(p)) for p in exact]
            readout = known.redrawn(PAIR_SHOTS, random)
            found = _states(means, counts, factors, readout, reset.bases, labels)
            largest.append(trace_distance(found, master.states).max())
            c = concurrence_of_states(found)
            reached.append(
                [
                    largest[-1] <= 0.02,
                    c[:4].max() >= 0.95 * lobe,
                    c[4] <= 0.02,
                    c[5] >= 0.17,
                    c[6] >= 0.17,
                ]
            )
        shares = " ".join(f"{share:4.2f}" for share in np.mean(reached, axis=0))
        print(
            f"{name:27} {factors[-1]:>9} {method:23} {bias:.4f} "
            f"{np.quantile(largest, 0.95):.4f} {shares}",
            flush=True,
        )


def pooled(
    runs: tuple[Samples, ...], factors: tuple[int, ...], readout: Readout
) -> Mapping[str, np.ndarray]:
    """The declared one: joint means, rates pooled over alike Paulis."""
    labels = measured_labels(runs[0].bases)
    means = np.array([_joint(samples, readout) for samples in runs])
    return dict(zip(labels, extrapolate_pooled(means, labels, factors)[0].T, strict=True))


def one_rate(
    runs: tuple[Samples, ...], factors: tuple[int, ...], readout: Readout
) -> Mapping[str, np.ndarray]:
    """Joint means, and the same rate for every Pauli: all are called X."""
    labels = measured_labels(runs[0].bases)
    means = np.array([_joint(samples, readout) for samples in runs])
    same = ["X"] * len(labels)
    return dict(zip(labels, extrapolate_pooled(means, same, factors)[0].T, strict=True))


def pooled_apart(
    runs: tuple[Samples, ...], factors: tuple[int, ...], readout: Readout
) -> Mapping[str, np.ndarray]:
    """Pooled rates, but every Pauli from the mean over its own settings."""
    labels = measured_labels(runs[0].bases)
    means = np.array([_apart(samples, readout, labels) for samples in runs])
    return dict(zip(labels, extrapolate_pooled(means, labels, factors)[0].T, strict=True))


def _joint(samples: Samples, readout: Readout) -> np.ndarray:
    weights = joint_weights(samples, readout.flips)
    places = range(weights.shape[3])
    return np.stack([weighted_mean(samples.counts, weights[..., p])[0] for p in places], axis=1)


def _apart(samples: Samples, readout: Readout, labels: tuple[str, ...]) -> np.ndarray:
    single = qm.MitigatedSamples(qm.Mitigation(), (samples,), readout)
    return np.stack([single.combine({label: 1.0})[0] for label in labels], axis=1)


def _polynomial(order: int) -> Means:
    def means(
        runs: tuple[Samples, ...], factors: tuple[int, ...], readout: Readout
    ) -> Mapping[str, np.ndarray]:
        found = qm.MitigatedSamples(qm.Mitigation(factors, order=order), runs, readout)
        return {label: found.combine({label: 1.0})[0] for label in measured_labels(runs[0].bases)}

    return means


def _states(
    means: Means,
    counts: list[np.ndarray],
    factors: tuple[int, ...],
    readout: Readout,
    bases: tuple[str, ...],
    labels: tuple[str, ...],
) -> np.ndarray:
    runs = tuple(Samples(bases, drawn) for drawn in counts)
    found = means(runs, factors, readout)
    return states_of_means({label: found[label] for label in labels})


if __name__ == "__main__":
    main()
