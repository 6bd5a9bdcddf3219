"""Limits of the concurrence from tomographic counts, by entanglement witnesses.

They rest on one theorem. For every two-qubit state ρ

    λ1 − λ2 − λ3 − λ4  =  max over A with |det A| = 1 of  −Tr(|A><A|^Γ ρ)

(Verstraete, PhD thesis, Leuven 2002; λ are Wootters' numbers, Γ the partial transpose, |A> the
vector of the matrix A). So the signed concurrence is the largest of many *linear* functions of the
state, `entanglement_witness` gives the one that is largest at a chosen state, and a linear function
of tomographic frequencies has an unbiased estimate with a known error, also where C = 0 and
where the concurrence itself has a kink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from qmemcircuit.common.checks import BoolArray, ComplexArray, FloatArray, IntArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import FLIP, nearest_physical, pauli_matrix, signed_concurrence
from qmemcircuit.counts.means import joint_estimate
from qmemcircuit.counts.samples import Samples

if TYPE_CHECKING:
    from qmemcircuit.counts.mitigated import Assumption, MitigatedSamples

_LABELS = tuple("".join(letters) for letters in product("IXYZ", repeat=2))
_SETTINGS = tuple("".join(letters) for letters in product("XYZ", repeat=2))
_MATRICES = np.array([pauli_matrix(label) for label in _LABELS])
_FLIP_SIGNS = np.array([1.0, -1.0, -1.0, -1.0])

# Witnesses are taken at the estimated state with its eigenvalues shifted by these multiples of
# 1/√shots, about 0.4 of which is an eigenvalue's noise (11/4 per shot of squared Frobenius error
# on 16 entries). The lower limit needs a witness that is not an accident of its half; the upper
# one every witness that may be the best at the true state, which may have less noise in it.
_LOWER_SHIFTS = (0.125, 0.25, 0.5, 1.0)
_UPPER_SHIFTS = (-0.4, 0.03, 0.125, 0.5)
# Upper witnesses with an error above this many times the last one's are left out: such a one looks
# along a direction in which the state is nearly empty and hardly measured, and its mean plus error
# says nothing. With 2, coverage stays (tests), and limits of 0.3 where C = 0 (CR_y pair) go away.
_LARGEST_RATIO = 2.0
# No eigenvalue is taken for smaller than this multiple of 1/shots: half a count.
_SMALLEST_EIGENVALUE = 0.5
# Witnesses within errors of the means are taken at the state with its eigenvalues shifted by these
# multiples of the distance that the errors allow, and none below this multiple of it. Measured on
# 8400 states of seven kinds, each mean anywhere within its error: one concurrence was above.
_BOX_SHIFTS = (-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0)
_BOX_FLOOR = 0.03
_LEAST_NOISE = 1e-6
# Random halvings of the counts: their mean depends less on the seed than one halving does.
_HALVINGS = 4
# Normal limits of a witness's mean are poor for a handful of shots.
FEWEST_SHOTS = 50


@data_object
@dataclass(frozen=True, eq=False)
class Combination:
    """How means of a pair's Paulis are made of the counts of R runs (noise factors).

    Attributes:
        coefficients: the weight of each run in each label's mean, shape (R, 16).
        flips: readout flips of the two qubits, (2, 2), zero where readout is not corrected.
        excess: what is taken off the frequencies first, (T, 9 R, 4), or None.
        exchange: whether the pair's means are taken for symmetric.
        share: of what this combination changes, squared, in a variance.
    """

    coefficients: FloatArray
    flips: FloatArray
    excess: FloatArray | None = None
    exchange: bool = False
    share: float = 1.0

    @property
    def noise(self) -> float:
        """How many times larger a two-qubit mean's error is than that of plain counts, at most."""
        contrasts = 1 - self.flips.sum(axis=1)
        return float(np.linalg.norm(self.coefficients, axis=0).max() / np.prod(contrasts))


PLAIN = Combination(np.ones((1, 16)), np.zeros((2, 2)))


@data_object
@dataclass(frozen=True, eq=False)
class PairCounts:
    """The counts of a pair's tomography, and how means are made of them.

    Attributes:
        counts: shape (T, 9 R, 4): the nine settings of R runs, run by run.
        combination: as measured.
        moved: the same with one flip or fitted number moved by its standard error, one by one.
    """

    counts: IntArray
    combination: Combination = PLAIN
    moved: tuple[Combination, ...] = ()


def entanglement_witness(states: ComplexArray) -> ComplexArray:
    """Return the Hermitian G with Tr(Gρ) = signed concurrence of ρ, for states (T, 4, 4).

    Tr(Gσ) ≤ signed concurrence of σ ≤ C(σ) for *every* state σ: G is −|A><A|^Γ of the theorem
    above, at its optimum for ρ. It is also the gradient of the signed concurrence. With ρ = R R†,
    Rᵀ (Y⊗Y) R = Q* Λ Q† (Takagi's decomposition of a symmetric matrix: where two λ are equal,
    singular vectors would do no longer), and y_i = R^{-†} q_i, G = λ1 y1 y1† − Σ_{i>1} λi yi yi†.

    Raises:
        ValueError: where a state does not have full rank: mix a little white noise in.

    >>> bell = np.array([[0, 0, 0, 0], [0, 1, -1, 0], [0, -1, 1, 0], [0, 0, 0, 0]]) / 2
    >>> G = entanglement_witness(0.9 * bell[None] + 0.1 * np.eye(4) / 4)[0]
    >>> round(float(np.trace(G @ bell).real), 6)
    1.0
    """
    weights, vectors = np.linalg.eigh(states)
    if weights.min() <= 0:
        raise ValueError(
            "Argument states must be positive definite, but the smallest eigenvalue is "
            f"{weights.min():.3g}; mix white noise in: 0.999 * states + 0.001 * np.eye(4) / 4."
        )
    roots = np.sqrt(weights)[..., None, :]
    factor = vectors * roots
    values, right = _takagi(np.swapaxes(factor, -1, -2) @ FLIP @ factor)
    vectors = (vectors / roots) @ right
    signed = (values * _FLIP_SIGNS)[..., None, :]
    return np.asarray((vectors * signed) @ np.swapaxes(vectors.conj(), -1, -2))


def _takagi(matrices: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """Return Λ (T, 4), decreasing, and unitary Q with M = Q* Λ Q†, of symmetric M of full rank.

    M q = λ q* is, of real and imaginary parts, a real symmetric eigenvalue problem of twice the
    size, with eigenvalues ±λ; orthogonal vectors of the positive ones are orthogonal as complex
    ones, also where some λ are equal.
    """
    real, imaginary = matrices.real, matrices.imag
    doubled = np.block([[real, -imaginary], [-imaginary, -real]])
    values, vectors = np.linalg.eigh(doubled)
    size = matrices.shape[-1]
    kept = vectors[..., :, : size - 1 : -1]
    return values[..., : size - 1 : -1], kept[..., :size, :] + 1j * kept[..., size:, :]


def pair_counts(data: Samples | MitigatedSamples, first: int, second: int) -> PairCounts:
    """Return the counts of a pair's nine tomography settings, of all runs where mitigated.

    Readout is undone by the inverse on all outcomes (of a pair there are four), however many
    memristors there are. Raises ValueError where one of the nine was not measured.
    """
    if isinstance(data, Samples):
        return PairCounts(_nine_settings(data.counts, data.bases, first, second))
    used = np.abs([data.coefficients(label) for label in _LABELS[1:]]).sum(axis=0) > 0
    runs = [run for run, is_used in zip(data.runs, used, strict=True) if is_used]
    counts = np.concatenate(
        [_nine_settings(run.counts, run.bases, first, second) for run in runs], axis=1
    )
    here, *moved = (_combination(data, item, (first, second), used) for item in data.assumptions)
    # Flips of other memristors are summed over with their outcomes.
    return PairCounts(counts, here, tuple(item for item in moved if not _same(item, here)))


def _combination(
    data: MitigatedSamples, assumption: Assumption, pair: tuple[int, int], used: BoolArray
) -> Combination:
    share = used / np.count_nonzero(used)  # <II> is 1 in every run
    columns = [share, *(data.coefficients(label, assumption) for label in _LABELS[1:])]
    flips = np.zeros((2, 2)) if assumption.flips is None else assumption.flips[list(pair)]
    read = data.read_excess(assumption)
    excess = None
    if read is not None:
        parts = []
        for run, own in zip(data.runs, read, strict=True):
            # Settings that agree on the pair were added up, each with its shots.
            shots = run.shots[:, :, None] * np.ones(own.shape[2])
            total = _nine_settings(shots / own.shape[2], run.bases, *pair).sum(axis=2)
            summed = _nine_settings(own * run.shots[:, :, None], run.bases, *pair)
            parts.append(summed / total[:, :, None])
        kept = [part for part, is_used in zip(parts, used, strict=True) if is_used]
        excess = np.concatenate(kept, axis=1)
    coefficients = np.stack(columns, axis=1)[used]
    exchange = data.mitigation.exchange
    return Combination(coefficients, flips, excess, exchange, assumption.share)


def _same(one: Combination, other: Combination) -> bool:
    return (
        np.array_equal(_excess_of(one), _excess_of(other))
        and np.array_equal(one.flips, other.flips)
        and np.array_equal(one.coefficients, other.coefficients)
    )


def _nine_settings(
    counts: FloatArray | IntArray, bases: Sequence[str], first: int, second: int
) -> Any:
    """Return the counts of the nine tomography settings of a pair, shape (T, 9, 4).

    Settings in the order XX, XY, …, ZZ, letter of `first` first; bit 0 of an outcome is `first`.
    Other memristors are summed over, settings that agree on the pair are added up.
    Raises ValueError where one of the nine was not measured.
    """
    outcomes = np.arange(2 ** len(bases[0]))
    place = ((outcomes >> first) & 1) + 2 * ((outcomes >> second) & 1)
    marginal = counts @ (place[:, None] == np.arange(4)).astype(counts.dtype)
    letters = np.array([basis[first] + basis[second] for basis in bases])
    missing = [setting for setting in _SETTINGS if setting not in letters]
    if missing:
        raise ValueError(
            f"Argument samples must contain all nine settings of memristors {first} and {second}, "
            f"but {', '.join(missing)} was not measured; run again with bases='tomography', or "
            "with these letters for the pair among the bases."
        )
    return np.stack([marginal[:, letters == setting].sum(axis=1) for setting in _SETTINGS], axis=1)


def concurrence_limits(
    data: PairCounts, level: float, seed: int, residual: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return lower and upper limits of C and the signed concurrence of the estimate, each (T,).

    `concurrence_of_counts` says how they are made. `data` is that of `pair_counts`,
    `level` is below 1, `seed` that of the random halves, `residual` (T,) the largest trace distance
    of the measured states to those that are meant. Raises ValueError for fewer than 50 shots.
    """
    fewest = int(data.counts.sum(axis=2).min())
    if fewest < FEWEST_SHOTS:
        raise ValueError(
            f"Argument trajectory must hold at least {FEWEST_SHOTS} shots in each setting of the "
            f"pair for an interval of the concurrence, but one has {fewest}; take more shots."
        )
    z = float(ndtri((1 + level) / 2))
    random = np.random.default_rng(seed)
    every = _weighed(data)
    mean, variance, choice = (np.zeros(len(data.counts)) for _ in range(3))
    for _ in range(_HALVINGS):
        halves = _halve(data.counts, random)
        # What is moved is the same for both halves: it matters for the limits, not for the choice.
        one, other = (_weighed(replace(data, counts=half, moved=())) for half in halves)
        first, second = _best_witness(one, z), _best_witness(other, z)
        mean += (_mean(first, other, one.weights) + _mean(second, one, other.weights)) / 2
        mean -= residual * (_spread(first) + _spread(second)) / 2
        for witness in (first, second):
            variance += _variance(witness, every) / 2
        # Were the witness fixed, the two evaluations would be independent. It is not: each half
        # also moves the other's witness, and both ways that gives the same bilinear term, of
        # variance half that of the difference of the two. Its tails are longer than normal (a
        # product of two noises), so twice that is taken: with half of it, pure product states are
        # called entangled too often; elsewhere the term is small.
        choice += _variance(first - second, every)
    lower = mean / _HALVINGS - z * np.sqrt((variance + choice) / _HALVINGS)
    witnesses = _witnesses(every, _UPPER_SHIFTS)
    variances = np.array([_variance(witness, every) for witness in witnesses])
    means = np.array([_mean(witness, every, every.weights) for witness in witnesses])
    quiet = variances <= _LARGEST_RATIO**2 * variances[-1]
    limits = means + z * np.sqrt(variances + choice / _HALVINGS)
    limits += residual * np.array([_spread(witness) for witness in witnesses])
    upper = np.where(quiet, limits, -np.inf).max(axis=0)
    signed = signed_concurrence(nearest_physical(_linear_inversion(every)))
    lower, upper = np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)
    return lower, np.maximum(upper, lower), signed


def concurrence_within(
    states: ComplexArray, errors: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return lower and upper limits of C where Pauli means have errors, and the signed concurrence.

    Args:
        states: Hermitian matrices of trace 1, (T, 4, 4), not all of them physical.
        errors: of their Pauli means, (T, 4, 4): the first qubit's letter, the second's.

    Lower: Tr(Gρ) ≤ C(ρ) for every witness G = Σ g_P P and every state ρ, so that every ρ whose
    means differ from those of σ by at most ε has at least Tr(Gσ) − Σ |g_P| ε_P: the largest of it
    over a few witnesses. Upper: the largest Tr(Gσ) + Σ |g_P| ε_P of the same ones. The best witness
    of ρ would give a valid limit by itself; these are best at states nearby, and where ρ has no
    full rank may miss it. It is never above the limit that is proved: |√ρ − √σ|₂² ≤ |ρ − σ|₁ ≤ 2D
    (Powers and Størmer, Commun. Math. Phys. 16, 1, 1970), which moves λ1 − λ2 − λ3 − λ4 by at most
    2 √(2D). The signed concurrence is that of the nearest physical state.
    """
    radius = errors.reshape(len(states), 16)
    means = np.einsum("tij,pji->tp", states, _MATRICES).real
    middle = nearest_physical(states)
    signed = signed_concurrence(middle)
    values, vectors = np.linalg.eigh(middle)
    # Trace distance within the errors, at most: ½‖Δ‖₁ ≤ ‖Δ‖₂ of four eigenvalues, and ‖P‖₂ = 2.
    distance = 0.5 * np.linalg.norm(radius, axis=1)
    lower, upper = np.zeros(len(states)), signed.copy()
    for shift in _BOX_SHIFTS:
        noise = np.maximum(distance, _LEAST_NOISE)[:, None]
        shifted = np.maximum(values + shift * noise, _BOX_FLOOR * noise)
        shifted /= shifted.sum(axis=1, keepdims=True)
        near = (vectors * shifted[:, None, :]) @ np.swapaxes(vectors.conj(), -1, -2)
        coefficients = _coefficients(entanglement_witness(near))
        value = np.sum(coefficients * means, axis=1)
        reach = np.sum(np.abs(coefficients) * radius, axis=1)
        lower, upper = np.maximum(lower, value - reach), np.maximum(upper, value + reach)
    upper = np.minimum(upper, signed + 2 * np.sqrt(2 * distance))
    lower, upper = np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)
    return lower, np.maximum(upper, lower), signed


@dataclass(frozen=True, eq=False)
class _Weighed:
    """Counts (T, S, 4), the weights of their Pauli means (T, S, 4, 16), and 1/√shots (T,).

    `excess` is taken off the frequencies, (T, S, 4) or zero. `moved` holds weights, excess and
    share in the variance with one number moved by its error, one by one.
    """

    counts: IntArray
    weights: FloatArray
    excess: FloatArray | float
    moved: tuple[tuple[FloatArray, FloatArray | float, float], ...]
    unit: FloatArray


def _weighed(data: PairCounts) -> _Weighed:
    unit = data.combination.noise / np.sqrt(data.counts.sum(axis=2).min(axis=1))
    moved = tuple(
        (_pauli_weights(data.counts, item), _excess_of(item), item.share) for item in data.moved
    )
    here = data.combination
    return _Weighed(data.counts, _pauli_weights(data.counts, here), _excess_of(here), moved, unit)


def _excess_of(combination: Combination) -> FloatArray | float:
    return 0.0 if combination.excess is None else combination.excess


def _halve(counts: IntArray, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return the counts of a random half of the shots and of the rest."""
    total = counts.sum(axis=2)
    left = (total + random.integers(0, 2, total.shape)) // 2
    half = np.empty_like(counts)
    for outcome in range(3):
        rest = total - counts[..., outcome]
        half[..., outcome] = random.hypergeometric(counts[..., outcome], rest, left)
        left, total = left - half[..., outcome], rest
    half[..., 3] = left
    return half, counts - half


def _best_witness(data: _Weighed, z: float) -> FloatArray:
    """Return the Pauli coefficients (T, 16) of the witness with the highest lower limit here."""
    candidates = np.array(_witnesses(data, _LOWER_SHIFTS))
    limits = [_mean(c, data, data.weights) - z * np.sqrt(_variance(c, data)) for c in candidates]
    best = np.argmax(limits, axis=0)
    return np.asarray(candidates[best, np.arange(best.size)])


def _witnesses(data: _Weighed, shifts: tuple[float, ...]) -> list[FloatArray]:
    """Return witnesses as Pauli coefficients g, Tr(Gρ) = Σ g_P <P>, (T, 16) for each shift.

    Each is taken at the estimated state with its eigenvalues shifted, in units of 1/√shots.
    """
    physical = nearest_physical(_linear_inversion(data))
    values, vectors = np.linalg.eigh(physical)
    unit = data.unit[:, None]
    found = []
    for shift in shifts:
        shifted = np.maximum(values + shift * unit, _SMALLEST_EIGENVALUE * unit**2)
        shifted /= shifted.sum(axis=1, keepdims=True)
        states = (vectors * shifted[:, None, :]) @ np.swapaxes(vectors.conj(), -1, -2)
        witness = entanglement_witness(states)
        found.append(_coefficients(witness))
    return found


def _coefficients(witness: ComplexArray) -> FloatArray:
    """Return g with G = Σ g_P P, (T, 16)."""
    return np.asarray(np.einsum("tij,pji->tp", witness, _MATRICES).real / 4)


def _linear_inversion(data: _Weighed) -> ComplexArray:
    frequencies = _frequencies(data.counts) - data.excess
    means = np.einsum("tskp,tsk->tp", data.weights, frequencies)
    return np.asarray(np.einsum("tp,pij->tij", means, _MATRICES) / 4)


def _mean(
    coefficients: FloatArray,
    data: _Weighed,
    weights: FloatArray,
    excess: FloatArray | float | None = None,
) -> FloatArray:
    """Return Σ g_P <P>, shape (T,), the means made with `weights`; `excess` instead of its own."""
    frequencies = _frequencies(data.counts) - (data.excess if excess is None else excess)
    return np.asarray(
        np.einsum("tskp,tp,tsk->t", weights, coefficients, frequencies, optimize=True)
    )


def _variance(coefficients: FloatArray, data: _Weighed) -> FloatArray:
    """Return the variance of `_mean`, shape (T,): of the shots, and of the readout calibration."""
    combined = np.einsum("tskp,tp->tsk", data.weights, coefficients, optimize=True)
    posterior, shots = _posterior(data.counts)
    first = np.sum(combined * posterior, axis=2)
    second = np.sum(combined**2 * posterior, axis=2)
    variance = np.sum(np.maximum(second - first**2, 0.0) / shots, axis=1)
    here = _mean(coefficients, data, data.weights) if data.moved else np.zeros(len(first))
    for weights, excess, share in data.moved:
        variance = variance + share * (_mean(coefficients, data, weights, excess) - here) ** 2
    return np.asarray(variance)


def _spread(coefficients: FloatArray) -> FloatArray:
    """Return largest less smallest eigenvalue of Σ g_P P, (T,): times D, the most it can change."""
    values = np.linalg.eigvalsh(np.einsum("tp,pij->tij", coefficients, _MATRICES))
    return np.asarray(values[:, -1] - values[:, 0])


def _pauli_weights(counts: IntArray, combination: Combination) -> FloatArray:
    """Return weights w with <P> = Σ w f, f the frequencies of all runs, (T, 9 R, 4, 16)."""
    size = len(_SETTINGS)
    found = np.zeros((*counts.shape, len(_LABELS)))
    for run, coefficients in enumerate(combination.coefficients):
        part = slice(size * run, size * (run + 1))
        shots = counts[:, part].sum(axis=2)
        found[:, part, :, 0] = (shots / shots.sum(axis=1, keepdims=True))[:, :, None]
        samples = Samples(_SETTINGS, counts[:, part])
        found[:, part, :, 1:] = joint_estimate(
            samples, combination.flips, exchange=combination.exchange
        )[0]
        found[:, part] *= coefficients
    return found


def _frequencies(counts: IntArray) -> FloatArray:
    return np.asarray(counts / counts.sum(axis=2, keepdims=True))


def _posterior(counts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the Jeffreys posterior's mean (T, 9, 4), as in `combine_paulis`, and its shots."""
    shots = counts.sum(axis=2)
    return (counts + 0.25) / (shots + 1)[..., None], shots + 1.0
