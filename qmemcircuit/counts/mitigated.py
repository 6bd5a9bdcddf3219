"""`MitigatedSamples`: the counts of a declared mitigation, and the means that they combine to.

Everything is a linear function of measured frequencies once a few numbers are known (readout flips,
reset errors, what the extrapolation fits), so every error bar is propagated from the counts, with
each of those numbers moved by its error, and includes the price: correcting readout by 5 % flips
multiplies errors by 1.1 a qubit, the linear extrapolation of factors 1, 3, 5 by 1.21.

What a shaped extrapolation subtracts, the predicted excess, is turned into what would be read of
it and taken off the frequencies, so that it goes through the same weights as they do.
"""

# More than 400 lines: one class knows how counts, calibrations and fits make a mean, and each of
# its questions (mean, error, test of a symmetry, state) is asked of the same weights.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.chi_squared import ChiSquared
from qmemcircuit.counts.extrapolations.exponential import FittedRate
from qmemcircuit.counts.extrapolations.protocols import Fitted, MeasuredMeans
from qmemcircuit.counts.means import (
    Terms,
    is_tomography,
    joint_estimate,
    marginal_terms,
    measured_labels,
    members_of,
    pauli_weights,
    tomography_states,
    weighted_mean,
    weights_covariance,
)
from qmemcircuit.counts.mitigation import Mitigation, restore_mitigation
from qmemcircuit.counts.readout import Readout, marginal_readout, read_probabilities
from qmemcircuit.counts.resets import inversion_weights
from qmemcircuit.counts.samples import Samples, marginal_samples

MOST_FITTED = {"exponential": 2, "shaped": 4}
"""Memristors for which a method is fitted: rates are pooled over all Paulis of one or two, and
joint means of five would take covariances of 1023 labels."""


@data_object
@dataclass(frozen=True, eq=False)
class Assumption:
    """What the combination of the counts takes for known.

    Attributes:
        flips: readout flips, shape (M, 2), or None.
        parameters: what the extrapolation fitted, by name; empty for polynomials.
        resets: how often each reset leaves |1>, shape (R,); empty where that is not inverted.
        draw: which prediction of the excess is taken; 0 is that of the calibration itself.
        share: of the squared change that this assumption makes in the variance.
    """

    flips: FloatArray | None
    parameters: Mapping[str, float]
    resets: FloatArray = field(default_factory=lambda: np.zeros(0))
    draw: int = 0
    share: float = 1.0


@data_object
@dataclass(frozen=True, eq=False)
class MitigatedSamples:
    """Counts at every noise factor, the readout calibration, and how they are combined.

    Attributes:
        mitigation: as it was declared.
        runs: the counts at each of its factors; where reset errors are inverted, at each factor
            those of all 2^R circuits, bit i of their number an X after reset i.
        readout: the calibration, or None where none was declared.
        excess: where the extrapolation needs it, what noise is predicted to add to the outcomes'
            probabilities before readout, (N, F, T, B, 2^M): first as calibrated, then with
            calibrated numbers off at random by up to the declared drift.

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(
    ...     memristor,
    ...     [0.3],
    ...     target=qm.device(FakeManilaV2(), seed=1),
    ...     shots=300,
    ...     mitigation=qm.Mitigation((1, 3)),
    ... )
    >>> [int(run.counts.sum()) for run in record.mitigated.runs]  # at noise factor 1 and at 3
    [600, 600]
    """

    mitigation: Mitigation
    runs: tuple[Samples, ...]
    readout: Readout | None
    excess: FloatArray | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        factors, first = self.mitigation.factors, self.runs[0] if len(self.runs) else None
        inverted = self.mitigation.resets is not None
        variants = len(self.runs) // len(factors)
        whole = variants * len(factors) == len(self.runs) and variants & (variants - 1) == 0
        if first is None or not whole or (variants > 1 and not inverted):
            raise ValueError(
                f"Argument runs must hold the counts of factors {list(factors)}, but there are "
                f"{len(self.runs)}."
            )
        for run in self.runs:
            if run.bases != first.bases or run.counts.shape != first.counts.shape:
                raise ValueError(
                    "Argument runs must have the same times and settings, but they differ; "
                    "collect all of them completely first."
                )
        if (self.readout is not None) != self.mitigation.readout:
            raise ValueError(
                f"Argument readout must be a calibration just where one is declared, but "
                f"{self.readout!r} was given with readout={self.mitigation.readout}."
            )
        memristors = len(first.bases[0])
        method = self.mitigation.extrapolation
        if memristors > MOST_FITTED.get(method, memristors):
            raise ValueError(
                f"Argument extrapolation must be 'polynomial' for {memristors} memristors, but "
                f"{method!r} was declared: it is fitted to the Paulis of at most "
                f"{MOST_FITTED[method]}."
            )
        if self.mitigation.exchange and memristors != 2:
            raise ValueError(
                f"Argument exchange must be False for {memristors} memristors, but it is True: it "
                "is the symmetry of a pair."
            )
        if self.readout is not None and self.readout.memristors != memristors:
            raise ValueError(
                f"Argument readout must be of {memristors} memristors, but it is of "
                f"{self.readout.memristors}."
            )
        self._check_excess(first)

    def _check_excess(self, first: Samples) -> None:
        wanted = (len(self.mitigation.factors), *first.counts.shape)
        if not self.mitigation.predicts and self.excess is None:
            return
        shape = None if self.excess is None else np.shape(self.excess)
        if not self.mitigation.predicts or shape is None or not shape[0] or shape[1:] != wanted:
            raise ValueError(
                f"Argument excess must be a prediction of shape (N, {wanted}) just where the "
                f"extrapolation is 'shaped', but {'none' if shape is None else shape} was given "
                f"with {self.mitigation.extrapolation!r}; predicted_excess makes it."
            )

    def under(self, mitigation: Mitigation) -> MitigatedSamples:
        """Return the same counts as if `mitigation` had been declared, e.g. readout alone.

        Raises:
            ValueError: where it needs a noise factor, a calibration or a prediction that is not
                there.
        """
        check_arguments(MitigatedSamples.under, locals())
        here = self.mitigation.factors
        missing = [factor for factor in mitigation.factors if factor not in here]
        lacking = f"factor {missing[0]}" if missing else ""
        if mitigation.readout and self.readout is None:
            lacking = lacking or "a readout calibration"
        if mitigation.predicts and self.excess is None:
            lacking = lacking or "the model's prediction"
        if lacking:
            raise ValueError(
                f"Argument mitigation must need only what was measured, factors {list(here)}"
                f"{'' if self.readout is None else ' and readout'}, but it needs {lacking}."
            )
        kept = self.variants if mitigation.resets is not None else 1
        places = [here.index(factor) for factor in mitigation.factors]
        runs = [self.runs[place * self.variants + v] for place in places for v in range(kept)]
        excess = None
        if mitigation.predicts and self.excess is not None:
            excess = np.asarray(self.excess)[:, places]
        readout = self.readout if mitigation.readout else None
        return MitigatedSamples(mitigation, tuple(runs), readout, excess)

    @property
    def bases(self) -> tuple[str, ...]:
        """The measurement settings, the same at every factor."""
        return self.runs[0].bases

    @property
    def variants(self) -> int:
        """How many circuits stand for one: 2^R where the errors of R resets are inverted."""
        return len(self.runs) // len(self.mitigation.factors)

    @property
    def decay_rates(self) -> dict[str, FittedRate]:
        """The fitted decay rate of each kind of label; none but for `"exponential"`."""
        fitted = self.fitted.items()
        return {name: found for name, found in fitted if isinstance(found, FittedRate)}

    @cached_property
    def fitted(self) -> Mapping[str, Fitted]:
        """What the extrapolation fitted, by name, with errors; nothing for a polynomial."""
        return self._fit(self._known(), 0)

    def _fit(self, known: Assumption, draw: int) -> Mapping[str, Fitted]:
        """Return the parameters that the counts give with the excess of one prediction."""
        method = self.mitigation.method
        if not method.fits:
            return {}
        labels = measured_labels(self.bases)
        count, weights = len(self.mitigation.factors), inversion_weights(known.resets)
        tables = self._joint(known.flips, exchange=False)
        means, variances = np.zeros((2, count, self.runs[0].counts.shape[0], len(labels)))
        covariances = np.zeros((*means.shape, len(labels)))
        excess = None if self.excess is None else np.zeros_like(means)
        for number, run in enumerate(self.runs):
            factor, variant = divmod(number, self.variants)
            table, covariance = tables[number]
            if method.predicts and factor:
                # Weights from few counts of their own go with what happens to be measured, and
                # shrink the difference: 3 % of λ at 2000 shots a setting. Those of factor 1 do not.
                table = tables[0][0]
                covariance = weights_covariance(self.runs[0], table, run.shots)
            for place in range(len(labels)):
                mean, variance = weighted_mean(run.counts, table[..., place])
                means[factor, :, place] += weights[variant] * mean
                variances[factor, :, place] += weights[variant] ** 2 * variance
            covariances[factor] += weights[variant] ** 2 * covariance
            if excess is not None and variant == 0:
                read = self._read_excess(known.flips, draw, factor)
                excess[factor] = np.einsum("tskp,tsk->tp", table, read)
        factors = self.mitigation.factors
        return method.fit(MeasuredMeans(labels, factors, means, variances, covariances, excess))

    def _known(self) -> Assumption:
        """Return what is known without a fit: flips and reset errors as measured."""
        flips = None if self.readout is None else self.readout.flips
        if flips is not None and np.any(flips.sum(axis=1) >= 1):
            raise ValueError(
                f"Argument record must have a readout calibration better than chance, but its "
                f"flips are {flips.tolist()}; measure again with another layout or more shots. "
                "estimate(record) takes the raw counts."
            )
        resets = self.mitigation.resets
        count = self.variants.bit_length() - 1
        errors = np.zeros(0)
        if resets is not None and count:
            errors = resets.errors[np.arange(count) % resets.ancillas]
        return Assumption(flips, {}, errors)

    @cached_property
    def assumptions(self) -> tuple[Assumption, ...]:
        """All as measured, then with one number moved by its standard error, or one prediction.

        What is fitted is kept where flips and reset errors are moved (both cancel in what folding
        changes, to first order), and fitted anew to every other prediction of the excess.
        """
        known = self._known()
        flips, resets = known.flips, known.resets
        values = {name: found.value for name, found in self.fitted.items()}
        found = [Assumption(flips, values, resets)]
        if flips is not None and self.readout is not None:
            for place in np.ndindex(flips.shape):
                moved = flips.copy()
                moved[place] += self.readout.flip_errors[place]
                found.append(Assumption(moved, values, resets))
        if resets.size and self.mitigation.resets is not None:
            own = np.arange(resets.size) % self.mitigation.resets.ancillas
            for ancilla in np.unique(own):
                error = self.mitigation.resets.uncertainties[ancilla]
                shifted = np.minimum(resets + np.where(own == ancilla, error, 0.0), 0.499)
                found.append(Assumption(flips, values, shifted))
        for name, parameter in self.fitted.items():
            other = parameter.moved(self.mitigation.factors).value
            found.append(Assumption(flips, {**values, name: other}, resets))
        draws = 0 if self.excess is None else len(self.excess) - 1
        for draw in range(1, draws + 1):
            again = {name: item.value for name, item in self._fit(known, draw).items()}
            found.append(Assumption(flips, again, resets, draw, 1 / draws))
        return tuple(found)

    def coefficients(self, label: str, assumption: Assumption | None = None) -> FloatArray:
        """Return the weight of each run in the extrapolated mean of `label`, summing to 1."""
        check_arguments(MitigatedSamples.coefficients, locals())
        chosen = assumption or self.assumptions[0]
        mitigation, count = self.mitigation, len(self.mitigation.factors)
        weights = mitigation.method.weights(label, mitigation, chosen.parameters)
        if weights is None:
            if set(label) != {"I"}:
                pauli_weights(self.runs[0], {label: 1.0})  # says which setting is missing
            weights = np.full(count, 1 / count)
        return np.asarray(np.outer(weights, inversion_weights(chosen.resets)).ravel())

    def read_excess(self, assumption: Assumption) -> FloatArray | None:
        """Return what is taken off each run's frequencies, (R, T, B, 2^M); None for nothing."""
        check_arguments(MitigatedSamples.read_excess, locals())
        if self.excess is None:
            return None
        return np.array([self._subtracted(number, assumption) for number in range(len(self.runs))])

    def _subtracted(self, number: int, assumption: Assumption) -> FloatArray:
        """Return what is taken off one run's frequencies.

        Of a mean over variants, whose weights sum to 1, the same is taken off each.
        """
        factor = number // self.variants
        scales = self.mitigation.method.subtracted(self.mitigation, assumption.parameters)
        read = self._read_excess(assumption.flips, assumption.draw, factor)
        return np.asarray(scales[factor] * read)

    def _read_excess(self, flips: FloatArray | None, draw: int, factor: int) -> FloatArray:
        assert self.excess is not None
        own = np.asarray(self.excess[draw, factor])
        if flips is None:
            return own
        key = (flips.tobytes(), draw, factor)
        if key not in self._read:
            self._read[key] = read_probabilities(own, flips)
        return self._read[key]

    @cached_property
    def _read(self) -> dict[tuple[bytes, int, int], FloatArray]:
        return {}

    def combine(self, terms: Terms) -> tuple[FloatArray, FloatArray]:
        """Return Σ coefficient × <Pauli>, mitigated, and its standard error, each (T,).

        The error has the shots of all runs (as in `weighted_mean`, correlations included), the
        uncertainty of the measured flips and reset errors and of what was fitted, and what the
        declared drift does to a predicted shape. It does not have what else extrapolation leaves.
        """
        check_arguments(MitigatedSamples.combine, locals())
        members = members_of(self.runs[0], terms)
        if members is not None and self._acts_on_each:
            return self._of(members).combine(marginal_terms(terms, members))
        mean, variance = self._value(terms, self.assumptions[0])
        for moved in self.assumptions[1:]:
            variance = variance + moved.share * (self._mean(terms, moved) - mean) ** 2
        return mean, np.sqrt(variance)

    @property
    def _acts_on_each(self) -> bool:
        """Whether what is done about one memristor takes no other's outcomes.

        Readout is inverted qubit by qubit, and a polynomial has the same weights for all means.
        """
        mitigation = self.mitigation
        joint = mitigation.method.fits or mitigation.exchange or self.excess is not None
        return not joint and mitigation.inversion == "tensored"

    def _of(self, members: tuple[int, ...]) -> MitigatedSamples:
        """Return the counts and the calibration of some memristors, whatever the others showed."""
        if members not in self._parts:
            runs = tuple(marginal_samples(run, members) for run in self.runs)
            readout = None if self.readout is None else marginal_readout(self.readout, members)
            self._parts[members] = MitigatedSamples(self.mitigation, runs, readout)
        return self._parts[members]

    @cached_property
    def _parts(self) -> dict[tuple[int, ...], MitigatedSamples]:
        return {}

    def _value(self, terms: Terms, assumption: Assumption) -> tuple[FloatArray, FloatArray]:
        """Return the mean of a sum of Paulis, (T,), and the variance that its shots give."""
        variance = np.zeros(self.runs[0].counts.shape[0])
        for number, weights in self._used(terms, assumption):
            variance = variance + weighted_mean(self.runs[number].counts, weights)[1]
        return self._mean(terms, assumption), variance

    def _mean(self, terms: Terms, assumption: Assumption) -> FloatArray:
        mean = np.zeros(self.runs[0].counts.shape[0])
        for number, weights in self._used(terms, assumption):
            frequencies = self._frequencies[number]
            mean = mean + np.einsum("tsk,tsk->t", weights, frequencies)
            if self.excess is not None:
                mean = mean - np.einsum("tsk,tsk->t", weights, self._subtracted(number, assumption))
        return mean

    def _used(self, terms: Terms, assumption: Assumption) -> Iterator[tuple[int, FloatArray]]:
        """Yield each run that the sum is made of, and the weights of its frequencies."""
        coefficients = {label: self.coefficients(label, assumption) for label in terms}
        for number in range(len(self.runs)):
            if any(item[number] for item in coefficients.values()):
                scaled = {
                    label: np.asarray(factor) * coefficients[label][number]
                    for label, factor in terms.items()
                }
                yield number, self._weights(number, scaled, assumption)

    @cached_property
    def _frequencies(self) -> list[FloatArray]:
        return [run.counts / np.maximum(run.shots, 1)[:, :, None] for run in self.runs]

    def _weights(self, number: int, terms: Terms, assumption: Assumption) -> FloatArray:
        """Return the weights of one run's frequencies, (T, B, 2^M), readout corrected."""
        run, mitigation = self.runs[number], self.mitigation
        if mitigation.method.fits or mitigation.exchange:
            table, _ = self._joint(assumption.flips, exchange=mitigation.exchange)[number]
            labels = measured_labels(self.bases)
            factors = np.zeros((run.counts.shape[0], len(labels)))
            for label, factor in terms.items():
                if label not in labels:
                    pauli_weights(run, {label: 1.0})
                factors[:, labels.index(label)] += factor
            return np.asarray(np.einsum("tskp,tp->tsk", table, factors))
        weights = pauli_weights(run, terms)
        if self.readout is None:
            return weights
        if mitigation.inversion == "mthree":
            return self.readout.correct_seen(weights, run.counts, assumption.flips)
        return self.readout.correct(weights, assumption.flips)

    def _joint(
        self, flips: FloatArray | None, *, exchange: bool
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return `joint_estimate` of every run, kept: each mean asks for it again.

        A circuit with an X after a reset has few shots, and takes the weights of the one without.
        """
        key = (b"" if flips is None else flips.tobytes(), exchange)
        if key not in self._tables:
            found: list[tuple[FloatArray, FloatArray]] = []
            for number, run in enumerate(self.runs):
                if number % self.variants == 0:
                    found.append(joint_estimate(run, flips, exchange=exchange))
                    continue
                weights, covariance = found[number - number % self.variants]
                base = self.runs[number - number % self.variants]
                ratio = base.shots.sum(axis=1) / run.shots.sum(axis=1)
                found.append((weights, covariance * ratio[:, None, None]))
            self._tables[key] = found
        return self._tables[key]

    @cached_property
    def _tables(self) -> dict[tuple[bytes, bool], list[tuple[FloatArray, FloatArray]]]:
        return {}

    @cached_property
    def exchange_residuals(self) -> ChiSquared | None:
        """The test of declared exchange symmetry: of all <AB> − <BA>, made without declaring it.

        χ² with the covariance of the counts and of everything that `combine` moves. None where no
        symmetry is declared. Counts that pass say no more than that they do not contradict it.
        """
        if not self.mitigation.exchange:
            return None
        labels = measured_labels(self.bases)
        pairs = [(a, a[::-1]) for a in labels if a < a[::-1] and a[::-1] in labels]
        if not pairs:
            return None
        here, *others = self.assumptions
        mean, covariance = self._differences(pairs, here)
        size = mean.size
        joint = np.zeros((len(mean), len(pairs), len(mean), len(pairs)))
        joint[np.arange(len(mean)), :, np.arange(len(mean)), :] = covariance
        total = joint.reshape(size, size)
        for moved in others:
            change = (self._differences(pairs, moved)[0] - mean).ravel()
            total = total + moved.share * np.outer(change, change)
        flat = mean.ravel()
        return ChiSquared(float(flat @ np.linalg.solve(total, flat)), size)

    def _differences(
        self, pairs: list[tuple[str, str]], assumption: Assumption
    ) -> tuple[FloatArray, FloatArray]:
        """Return <AB> − <BA> of each pair of labels, (T, D), and their covariance, (T, D, D)."""
        labels = measured_labels(self.bases)
        signs = np.zeros((len(labels), len(pairs)))
        for column, (first, second) in enumerate(pairs):
            signs[labels.index(first), column] = 1.0
            signs[labels.index(second), column] = -1.0
        coefficients = np.array([self.coefficients(label, assumption) for label in labels])
        excess = self.read_excess(assumption)
        times = self.runs[0].counts.shape[0]
        mean, covariance = np.zeros((times, len(pairs))), np.zeros((times, len(pairs), len(pairs)))
        for number, (weights, spread) in enumerate(self._joint(assumption.flips, exchange=False)):
            run = self.runs[number]
            frequencies = run.counts / run.shots[:, :, None]
            if excess is not None:
                frequencies = frequencies - excess[number]
            scaled = coefficients[:, number, None] * signs
            mean += np.einsum("tskp,pd,tsk->td", weights, scaled, frequencies, optimize=True)
            covariance += np.einsum("pd,tpq,qe->tde", scaled, spread, scaled, optimize=True)
        return mean, covariance

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the counts themselves say about the declaration, a line each."""
        found = [str(item) for item in self.fitted.values() if not isinstance(item, FittedRate)]
        if self.exchange_residuals is not None:
            found.append(f"exchange symmetry: {self.exchange_residuals}")
        if self.mitigation.resets is not None:
            found.append(str(self.mitigation.resets))
        return tuple(found)

    def states(self) -> ComplexArray:
        """Return the physical states nearest to the linear inversion, (T, 2^M, 2^M), M ≤ 2.

        Raises:
            ValueError: where the settings are not those of a tomography.
        """
        if not is_tomography(self.runs[0]):
            raise ValueError(
                f"Argument runs must hold the tomography of one or two memristors, but the "
                f"settings are {', '.join(self.bases)}; run with bases='tomography'."
            )
        here = self.assumptions[0]
        return tomography_states(lambda terms: self._value(terms, here), len(self.bases[0]))

    def arrays(self) -> dict[str, Any]:
        """Return the counts by name, as `restore` takes them."""
        named = product(self.mitigation.factors, range(self.variants))
        found: dict[str, Any] = {
            _name(factor, variant): run.counts
            for (factor, variant), run in zip(named, self.runs, strict=True)
        }
        if self.readout is not None:
            found["readout"] = self.readout.counts
        if self.excess is not None:
            found["excess"] = self.excess
        return found


def _name(factor: int, variant: int) -> str:
    return f"factor_{factor}" + (f"_x{variant}" if variant else "")


def restore_mitigated(
    described: Mapping[str, Any], bases: tuple[str, ...], arrays: Mapping[str, Any]
) -> MitigatedSamples:
    """Return what `Mitigation.describe` and `MitigatedSamples.arrays` wrote."""
    mitigation = restore_mitigation(described)
    variants = 1
    while _name(1, variants) in arrays:
        variants += 1
    named = product(mitigation.factors, range(variants))
    runs = tuple(Samples(bases, arrays[_name(factor, variant)]) for factor, variant in named)
    readout = Readout(arrays["readout"]) if mitigation.readout else None
    return MitigatedSamples(mitigation, runs, readout, arrays.get("excess"))
