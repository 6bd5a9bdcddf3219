"""Error mitigation after the measurement: readout, zero-noise extrapolation, physical states.

Everything here is a linear function of measured frequencies, so every error bar is propagated
from the counts and includes the price: correcting readout by 5 % flips multiplies errors by 1.1 a
qubit, the linear extrapolation of factors 1, 3, 5 by 1.21 (and needs three runs).

Choose factors and order before looking at results: several extrapolations with a choice at the
end are a bias with an error bar. Folding amplifies the errors of two-qubit gates; errors of
waiting and of resets stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from qmemcircuit.checks import ComplexArray, FloatArray, check_integer
from qmemcircuit.circuits import build_circuits
from qmemcircuit.currents import local_fit
from qmemcircuit.execution import Record
from qmemcircuit.memristors import Memristor, Network
from qmemcircuit.observables import interaction_terms, nearest_physical, pauli_matrix, pauli_terms
from qmemcircuit.provenance import make_provenance
from qmemcircuit.rates import ConstantRate
from qmemcircuit.targets import Placeable, Target
from qmemcircuit.trajectory import Samples, Trajectory


@dataclass(frozen=True, eq=False)
class Readout:
    """How often each memristor's qubit is read wrongly, as measured.

    Attributes:
        flips: shape (M, 2): the probability to read 1 after |0>, and to read 0 after |1>.
        shots: how many shots of each preparation it was measured with.

    Flips of different qubits are taken as independent.
    """

    flips: FloatArray
    shots: int

    def weights(self, flips: FloatArray | None = None) -> FloatArray:
        """Return w (M, 2) with Σ_r w[j, r] P(r | z) = ±1 for |0> and |1>: the corrected signs."""
        chosen = self.flips if flips is None else flips
        wrong0, wrong1 = chosen[:, 0], chosen[:, 1]
        contrast = 1 - wrong0 - wrong1
        return np.stack([(1 + wrong0 - wrong1) / contrast, (-1 + wrong0 - wrong1) / contrast], 1)


def measure_readout(target: Target, memristors: int, *, shots: int) -> Readout:
    """Measure the readout flips of `memristors` qubits on `target` with two circuits.

    Args:
        target: the target of the run, with its layout fixed, for flips belong to qubits:
            `target.place(circuits)` fixes it.
        memristors: their number M.
        shots: of each of the two circuits, all in |0> and all in |1>.

    The preparation of |1> takes one gate, whose error is counted as a flip.
    """
    memristors = check_integer("memristors", memristors, minimum=1)
    shots = check_integer("shots", shots, minimum=1)
    if isinstance(target, Placeable) and getattr(target, "placement", True) is None:
        raise ValueError(
            "Argument target must have its layout fixed, but it has none yet; give "
            "target.place(circuits) with the circuits of the run."
        )
    flips = np.empty((memristors, 2))
    for place, a in enumerate((np.pi / 2, 0.0)):
        prepared = Network([Memristor(ConstantRate(0.0), a=a)] * memristors)
        circuits = build_circuits(prepared, [0.0], bases="Z")
        counts = target.sample(circuits, shots)[0, 0]
        outcomes = np.arange(counts.size)
        for j in range(memristors):
            ones = counts[((outcomes >> j) & 1) == 1].sum() / counts.sum()
            flips[j, place] = ones if place == 0 else 1 - ones
    if np.any(flips.sum(axis=1) >= 1):
        raise ValueError(
            f"Argument target must read its qubits better than chance, but the flips are {flips}; "
            "choose another layout."
        )
    return Readout(flips, shots)


@dataclass(frozen=True, eq=False)
class MitigatedMeans:
    """Pauli means of one or several noise factors, corrected for readout and extrapolated.

    Attributes:
        runs: the counts at each noise factor.
        factors: how often the two-qubit gates are repeated in each run.
        readout: the measured flips, or None for raw readout.
        order: of the polynomial in the factor that is extrapolated to 0; 0 where there is one run.
    """

    runs: tuple[Samples, ...]
    factors: tuple[int, ...]
    readout: Readout | None
    order: int

    def __post_init__(self) -> None:
        if len(self.runs) != len(self.factors) or not self.runs:
            raise ValueError(
                f"Argument factors must name one factor for each of {len(self.runs)} runs, but "
                f"{len(self.factors)} were given."
            )
        if not 0 <= self.order < len(set(self.factors)) or len(set(self.factors)) < len(self.runs):
            raise ValueError(
                f"Argument order must be below the number of different factors, but order "
                f"{self.order} was given for factors {self.factors}."
            )

    @property
    def coefficients(self) -> FloatArray:
        """The weight of each run in the extrapolated value, summing to 1."""
        if len(self.runs) == 1:
            return np.ones(1)
        design = np.vander(np.array(self.factors, dtype=float), self.order + 1, increasing=True)
        return np.asarray(np.linalg.pinv(design)[0])

    def combine(
        self, terms: Mapping[str, float], times: slice | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return Σ coefficient × <Pauli>, mitigated, and its standard error, each (T,).

        The error has the shots of all runs (Jeffreys posterior, correlations included) and the
        uncertainty of the measured flips.
        """
        chosen = times or slice(None)
        mean, variance = self._value(terms, chosen, None)
        if self.readout is not None:
            flips = self.readout.flips
            deviation = np.sqrt((flips * (1 - flips) + 1 / self.readout.shots) / self.readout.shots)
            for place in np.ndindex(flips.shape):
                moved = flips.copy()
                moved[place] += deviation[place]
                variance = variance + (self._value(terms, chosen, moved)[0] - mean) ** 2
        return mean, np.sqrt(variance)

    def _value(
        self, terms: Mapping[str, float], times: slice, flips: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        mean, variance = 0.0, 0.0
        for samples, coefficient in zip(self.runs, self.coefficients, strict=True):
            counts = samples.counts[times].astype(float)
            shots = counts.sum(axis=2)
            weights = np.zeros(counts.shape)
            for label, factor in terms.items():
                weights += factor * self._weights(samples.bases, label, shots, flips)
            posterior = (counts + 1 / counts.shape[2]) / (shots + 1)[:, :, None]
            first = np.einsum("tsk,tsk->ts", weights, posterior)
            second = np.einsum("tsk,tsk->ts", weights**2, posterior)
            frequencies = counts / shots[:, :, None]
            mean = mean + coefficient * np.einsum("tsk,tsk->t", weights, frequencies)
            spread = np.maximum((second - first**2) / (shots + 2), 0.0)
            variance = variance + coefficient**2 * spread.sum(axis=1)
        return np.asarray(mean), np.asarray(variance)

    def _weights(
        self, bases: tuple[str, ...], label: str, shots: FloatArray, flips: FloatArray | None
    ) -> FloatArray:
        chosen = [
            place
            for place, setting in enumerate(bases)
            if all(want in ("I", got) for want, got in zip(label, setting, strict=True))
        ]
        if not chosen:
            raise ValueError(
                f"Argument records must measure {label!r}, but only {', '.join(bases)} were; run "
                "again with bases='tomography'."
            )
        outcomes = np.arange(2 ** len(label))
        signs = np.ones(outcomes.size)
        plain = np.tile([1.0, -1.0], (len(label), 1))
        corrected = plain if self.readout is None else self.readout.weights(flips)
        for j, letter in enumerate(label):
            if letter != "I":
                signs *= corrected[j][(outcomes >> j) & 1]
        weights = np.zeros((*shots.shape, outcomes.size))
        share = shots[:, chosen] / shots[:, chosen].sum(axis=1, keepdims=True)
        weights[:, chosen, :] = share[:, :, None] * signs
        return weights

    def states(self) -> ComplexArray:
        """Return the physical states nearest to the linear inversion, (T, 2^M, 2^M), M ≤ 2.

        Projection to physical states together with noise biases a concurrence near zero upwards.
        """
        means = {label: self.combine({label: 1.0})[0] for label in self._labels()}
        return states_of_means(means)

    def concurrence_error(self, *, repetitions: int = 200, seed: int = 0) -> FloatArray:
        """Return the standard deviation of the concurrence of two memristors, shape (T,).

        From redrawing all counts from their frequencies (a bootstrap), with the readout flips
        kept. Near zero concurrence it is no interval: the estimate is biased there.
        """
        from qmemcircuit.observables import concurrence_of_states

        random = np.random.default_rng(seed)
        drawn = []
        for _ in range(repetitions):
            runs = tuple(_redraw(samples, random) for samples in self.runs)
            drawn.append(concurrence_of_states(replace(self, runs=runs).states()))
        return np.asarray(np.std(drawn, axis=0))

    def _labels(self) -> list[str]:
        memristors = len(self.runs[0].bases[0])
        if memristors > 2:
            raise ValueError(
                f"Argument records must be of one or two memristors for tomography, but there are "
                f"{memristors}."
            )
        labels = ["".join(letters) for letters in product("IXYZ", repeat=memristors)]
        return labels[1:]


def states_of_means(means: Mapping[str, FloatArray]) -> ComplexArray:
    """Return the physical states nearest to ρ = (1 + Σ <P> P)/d, shape (T, d, d).

    Args:
        means: for every Pauli label but the identity, its mean at each time, shape (T,).
    """
    label, first = next(iter(means.items()))
    dimension = 2 ** len(label)
    linear = np.zeros((first.size, dimension, dimension), dtype=complex)
    linear += np.eye(dimension) / dimension
    for name, mean in means.items():
        linear += mean[:, None, None] * pauli_matrix(name) / dimension
    return nearest_physical(linear)


def mitigate(
    records: Record | Sequence[Record], *, readout: Readout | None = None, order: int | None = None
) -> Trajectory:
    """Return V, I and, from tomography, physical states, mitigated, with errors.

    Args:
        records: one record, or one for each noise factor (`device(…, fold=1)`, `fold=3`, …) of
            the same model at the same times; the factor is read from the provenance.
        readout: of `measure_readout`, or None to leave readout as it is.
        order: of the extrapolation; None is 1 (linear) for several records. Fix it beforehand.

    Raises ValueError where the records do not belong together or a Pauli was not measured.
    """
    given = [records] if isinstance(records, Record) else list(records)
    means = mitigated_means(given, readout=readout, order=order)
    network, times = given[0].network, given[0].times
    shape = (times.size, len(network.memristors))
    voltage, voltage_error, current, current_error = (np.empty(shape) for _ in range(4))
    covariance = np.zeros((shape[1], times.size, times.size))
    for j, memristor in enumerate(network.memristors):
        scale, count = memristor.current_scale, shape[1]
        label_y = "I" * j + "Y" + "I" * (count - j - 1)
        y, y_error = means.combine({label_y: 1.0})
        voltage[:, j], voltage_error[:, j] = 0.5 * scale * y, 0.5 * scale * y_error
        if network.couplings:
            value, error = _operator_current(network, means, j, times, label_y)
            covariance[j] = np.diag(error**2)
        else:
            x, x_error = means.combine({label_y.replace("Y", "X"): 1.0})
            found = local_fit(times, x, y, x_error, y_error, omega=memristor.omega, scale=scale)
            value, error, covariance[j] = found.value, found.error, found.covariance
        current[:, j], current_error[:, j] = value, error
    complete = shape[1] <= 2 and len(set(means.runs[0].bases)) == 3 ** shape[1]
    return Trajectory(
        times,
        voltage,
        current,
        voltage_error=voltage_error,
        current_error=current_error,
        current_covariance=covariance,
        states=means.states() if complete else None,
        variables={
            "decay_rate": np.stack([item.decay_rate(times) for item in network.memristors], 1)
        },
        periods=np.array([memristor.period for memristor in network.memristors]),
        provenance=make_provenance(
            "mitigate",
            factors=list(means.factors),
            order=means.order,
            coefficients=means.coefficients.tolist(),
            readout_flips=None if readout is None else readout.flips.tolist(),
            records=[dict(record.provenance) for record in given],
        ),
    )


def mitigated_means(
    records: Sequence[Record], *, readout: Readout | None = None, order: int | None = None
) -> MitigatedMeans:
    """Return the mitigated Pauli means of records that differ in their noise factor only."""
    factors = []
    for record in records:
        target: Mapping[str, Any] = record.provenance.get("target", {})
        factors.append(int(target.get("fold", 1)))
        if not np.allclose(record.times, records[0].times) or (
            record.samples.bases != records[0].samples.bases
        ):
            raise ValueError(
                "Argument records must have the same times and settings, but they differ; collect "
                "all of them completely first."
            )
    chosen = (1 if len(records) > 1 else 0) if order is None else order
    return MitigatedMeans(
        tuple(record.samples for record in records), tuple(factors), readout, chosen
    )


def _operator_current(
    network: Network, means: MitigatedMeans, j: int, times: FloatArray, label_y: str
) -> tuple[FloatArray, FloatArray]:
    """Return I = ΓV + √(mħω/2) <i[H_int, σy]>/ħ from mitigated means (see `estimate`)."""
    memristor, count = network.memristors[j], len(network.memristors)
    interaction: dict[str, float] = {}
    for pair, operator in interaction_terms(network, j):
        for label, weight in pauli_terms(operator, pair, count).items():
            interaction[label] = interaction.get(label, 0.0) + memristor.current_scale * weight
    rates = memristor.decay_rate(times)
    value, error = np.empty(times.size), np.empty(times.size)
    for index in range(times.size):
        terms = dict(interaction)
        scale = 0.5 * memristor.current_scale * float(rates[index])
        terms[label_y] = terms.get(label_y, 0.0) + scale
        found = means.combine(terms, slice(index, index + 1))
        value[index], error[index] = found[0][0], found[1][0]
    return value, error


def _redraw(samples: Samples, random: np.random.Generator) -> Samples:
    shots = samples.shots
    frequencies = samples.counts / shots[:, :, None]
    return Samples(samples.bases, random.multinomial(shots, frequencies))
