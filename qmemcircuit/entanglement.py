"""Concurrence of a pair, exact or from tomography with an interval; sudden deaths and births.

The interval rests on one theorem. For every two-qubit state ρ

    λ1 − λ2 − λ3 − λ4  =  max over A with |det A| = 1 of  −Tr(|A><A|^Γ ρ)

(Verstraete, PhD thesis, Leuven 2002; λ are Wootters' numbers, Γ the partial transpose, |A> the
vector of the matrix A). So the signed concurrence is the largest of many *linear* functions of the
state, `entanglement_witness` gives the one that is largest at a chosen state, and a linear function
of tomographic frequencies has an unbiased estimate with a known error, also where C = 0 and
where the concurrence itself has a kink.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtri

from qmemcircuit.checks import ComplexArray, FloatArray, IntArray, check_integer, check_real
from qmemcircuit.estimation import nearest_physical
from qmemcircuit.observables import FLIP, pauli_matrix, reduce_states, signed_concurrence

if TYPE_CHECKING:
    from qmemcircuit.trajectory import Samples, Trajectory

_LABELS = tuple("".join(letters) for letters in product("IXYZ", repeat=2))
_SETTINGS = tuple("".join(letters) for letters in product("XYZ", repeat=2))
_MATRICES = np.array([pauli_matrix(label) for label in _LABELS])
_FLIP_SIGNS = np.array([1.0, -1.0, -1.0, -1.0])

# Witnesses are taken at the estimated state mixed with this much white noise, in units of
# 1/√shots: below about 0.4/√shots an eigenvalue of the estimate is noise (11/4 per shot of squared
# Frobenius error on 16 entries). The lower limit needs a witness that is not an accident of the
# training half; the upper one, every witness that might be the best one.
_LOWER_MIXING = (0.5, 1.0, 2.0, 4.0)
_UPPER_MIXING = (0.125, 0.25, 0.5, 2.0)
# Random halvings of the counts: their mean depends less on the seed than one halving does.
_HALVINGS = 4
# Normal limits of a witness's mean are poor for a handful of shots.
_FEWEST_SHOTS = 50
# Wootters' λ are square roots: rounding of 1e-16 in a state moves them by up to 1e-8.
_ZERO = 1e-7


@dataclass(frozen=True, eq=False)
class Concurrence:
    """Wootters' concurrence of one pair against time; every array has shape (T,).

    Attributes:
        times: the times.
        value: the concurrence, 0 to 1. From shots: that of the physical state nearest to the linear
            inversion, moved to the end of the interval where it falls outside (projection makes
            a separable state look entangled and a pure one mixed). It is *not* unbiased: near
            zero it lies above the truth by about a standard error.
        signed: λ1 − λ2 − λ3 − λ4, whose positive part is the concurrence; negative in separable
            states. From shots: that of the nearest physical state.
        lower, upper: ends of the interval at each time, None where exact. lower > 0 means that
            the pair is entangled, and upper = 0 that it is separable, each time by itself at
            confidence (1 + level)/2.
        level: the probability, at each time by itself, that the interval holds the concurrence;
            None where exact.
        period: the period of the first of the pair, or None.
    """

    times: FloatArray
    value: FloatArray
    signed: FloatArray
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    level: float | None = None
    period: float | None = None


@dataclass(frozen=True)
class Event:
    """A sudden death (C falls to 0) or birth (C leaves 0) of entanglement.

    Attributes:
        kind: `"death"` or `"birth"`.
        time: where it is estimated to be.
        lower, upper: bounds on it. From exact states, the two neighbouring times. From shots,
            see `find_deaths_and_births`.
    """

    kind: Literal["death", "birth"]
    time: float
    lower: float
    upper: float


def entanglement_witness(states: ComplexArray) -> ComplexArray:
    """Return the Hermitian G with Tr(Gρ) = signed concurrence of ρ, for states (T, 4, 4).

    Tr(Gσ) ≤ signed concurrence of σ ≤ C(σ) for *every* state σ: G is −|A><A|^Γ of the theorem
    above, at its optimum for ρ. It is also the gradient of the signed concurrence. With ρ = R R†,
    λ_i and q_i the singular values and right singular vectors of Rᵀ (Y⊗Y) R, and y_i = R^{-†} q_i,
    G = λ1 y1 y1† − Σ_{i>1} λi yi yi†.

    `states` must have full rank: mix a little white noise in.

    >>> bell = np.array([[0, 0, 0, 0], [0, 1, -1, 0], [0, -1, 1, 0], [0, 0, 0, 0]]) / 2
    >>> G = entanglement_witness(0.9 * bell[None] + 0.1 * np.eye(4) / 4)[0]
    >>> round(float(np.trace(G @ bell).real), 6)
    1.0
    """
    weights, vectors = np.linalg.eigh(states)
    roots = np.sqrt(weights)[..., None, :]
    factor = vectors * roots
    _, values, right = np.linalg.svd(np.swapaxes(factor, -1, -2) @ FLIP @ factor)
    vectors = (vectors / roots) @ np.swapaxes(right.conj(), -1, -2)
    signed = (values * _FLIP_SIGNS)[..., None, :]
    return np.asarray((vectors * signed) @ np.swapaxes(vectors.conj(), -1, -2))


def concurrence_of(
    trajectory: Trajectory, first: int, second: int, *, level: float = 0.95, seed: int = 0
) -> Concurrence:
    """Return the concurrence of memristors `first` and `second`; see `Trajectory.concurrence`.

    From shots the interval has two ends of different making. Both use the Pauli means of
    two-qubit tomography, the nine settings of the pair; z is the normal quantile of
    (1 + level)/2.

    - Lower: the counts are halved at random. A witness chosen by one half is evaluated on the other,
      where it is unbiased for something that never exceeds C; both ways round, mean of 4 halvings,
      less z standard errors. No bias upwards, hence no false entanglement, remains.
    - Upper: the largest over a few witnesses of its mean on all counts plus z standard errors.
      The witness that is best for the true state would give a valid limit by itself.

    The standard error of both includes that of the choice of the witness. Coverage is at least
    nominal for the states and shots of tests/test_entanglement.py (50 to 20000 shots per setting);
    it is *not* promised for states that lie within the shot noise of a rank-deficient one and whose
    concurrence hangs on that deficiency (tests/oracles/entanglement.md shows one). The intervals are
    pointwise: of 100 times, about 100 (1 − level) miss.

    Args:
        trajectory: with exact states, or with tomography settings of the pair among its samples.
            Samples take precedence over states.
        first, second: two different devices.
        level: of the interval, between 0.5 and 1; unused where exact.
        seed: of the random halves.

    Raises:
        ValueError: neither states nor samples, a pair that was not measured in all nine settings,
            fewer than 50 shots in one of them, bad indices or level.
    """
    count = trajectory.device_count
    for name, index in (("first", first), ("second", second)):
        if not 0 <= check_integer(name, index, minimum=0) < count:
            raise ValueError(
                f"Argument {name} must be from 0 to {count - 1}, but {index} was given."
            )
    if first == second:
        raise ValueError(
            f"Argument second must differ from first, but both are {first}; concurrence is of two."
        )
    level = check_real("level", level, minimum=0.5)
    if level >= 1:
        raise ValueError(f"Argument level must be below 1, but {level:g} was given.")
    seed = check_integer("seed", seed, minimum=0)
    period = None if trajectory.periods is None else float(trajectory.periods[first])
    if trajectory.samples is not None:
        counts = pair_counts(trajectory.samples, first, second)
        return _from_counts(trajectory.times, counts, level, seed, period)
    if trajectory.states is None:
        raise ValueError(
            "Argument trajectory must hold states or samples, but it has neither; make it with "
            "exact_circuit, master_equation, or estimate(run(…, bases='tomography'))."
        )
    signed = signed_concurrence(reduce_states(trajectory.states, (first, second)))
    return Concurrence(trajectory.times, np.maximum(0.0, signed), signed, period=period)


def pair_counts(samples: Samples, first: int, second: int) -> IntArray:
    """Return the counts of the nine tomography settings of a pair, shape (T, 9, 4).

    Settings in the order XX, XY, …, ZZ, letter of `first` first; bit 0 of an outcome is `first`.
    Other memristors are summed over, settings that agree on the pair are added up.
    Raises ValueError where one of the nine was not measured.
    """
    memristors = len(samples.bases[0])
    outcomes = np.arange(2**memristors)
    place = ((outcomes >> first) & 1) + 2 * ((outcomes >> second) & 1)
    marginal = samples.counts @ (place[:, None] == np.arange(4)).astype(np.int64)
    letters = np.array([basis[first] + basis[second] for basis in samples.bases])
    missing = [setting for setting in _SETTINGS if setting not in letters]
    if missing:
        raise ValueError(
            f"Argument samples must contain all nine settings of memristors {first} and {second}, "
            f"but {', '.join(missing)} was not measured; run again with bases='tomography', or "
            "with these letters for the pair among the bases."
        )
    return np.stack([marginal[:, letters == setting].sum(axis=1) for setting in _SETTINGS], axis=1)


def find_deaths_and_births(concurrence: Concurrence) -> tuple[Event, ...]:
    """Return the sudden deaths and births of entanglement, in order of time.

    Exact: every change of sign of the signed concurrence between two neighbouring times; `time`
    is the root of the straight line between them, and they are the bounds. Two changes within one
    step are not seen. C = 0 at the first time alone (a product state that starts to entangle) is
    no birth.

    From shots: an event is claimed only where entanglement *and* separability are both established.
    Let α = (1 − level)/2 and m the smallest integer with 2 T α^m ≤ 1 − level. A stretch of m
    neighbouring times whose lower limits are all above 0 establishes that C > 0 at one of
    them; m upper limits that are all 0, that C = 0 at one of them. Shots at different times being
    independent, all such statements of a series hold together with probability at least `level`.
    A death lies between the start of the last such entangled stretch and the end of the first
    separable one after it, a birth the other way round: at least one crossing (an odd number) is
    in there. `time` is where a straight line fitted to the middles of the intervals between the
    bounds crosses zero (their midpoint, where it does not). Where C stays within the
    noise of zero nothing is claimed: no event found does not mean that there is none.
    """
    if concurrence.lower is None or concurrence.upper is None or concurrence.level is None:
        return _exact_events(concurrence.times, concurrence.signed)
    times = concurrence.times
    length = _stretch_length(times.size, concurrence.level)
    entangled = _stretches(concurrence.lower > 0, length)
    separable = _stretches(concurrence.upper <= 0, length)
    starts = sorted([(k, True) for k in entangled] + [(k, False) for k in separable])
    events = []
    for (before, was), (after, now) in zip(starts, starts[1:], strict=False):
        if was != now:
            stop = after + length - 1
            time = _crossing(concurrence, before, stop)
            events.append(
                Event("death" if was else "birth", time, float(times[before]), float(times[stop]))
            )
    return tuple(events)


def _from_counts(
    times: FloatArray, counts: IntArray, level: float, seed: int, period: float | None
) -> Concurrence:
    fewest = int(counts.sum(axis=2).min())
    if fewest < _FEWEST_SHOTS:
        raise ValueError(
            f"Argument trajectory must hold at least {_FEWEST_SHOTS} shots in each setting of the "
            f"pair for an interval of the concurrence, but one has {fewest}; take more shots."
        )
    z = float(ndtri((1 + level) / 2))
    random = np.random.default_rng(seed)
    mean, variance, choice = (np.zeros(times.size) for _ in range(3))
    for _ in range(_HALVINGS):
        one, other = _halve(counts, random)
        chosen, crossed = _best_witness(one, z), _best_witness(other, z)
        mean += (_mean(chosen, other) + _mean(crossed, one)) / 2
        variance += (_variance(chosen, counts) + _variance(crossed, counts)) / 2
        # Were the witness fixed, the two evaluations would be independent. It is not: each half
        # also moves the other's witness, and both ways that gives the same bilinear term, of
        # variance half that of the difference of the two.
        choice += _variance(chosen - crossed, counts) / 2
    lower = mean / _HALVINGS - z * np.sqrt((variance + choice) / _HALVINGS)
    physical = nearest_physical(_linear_inversion(counts))
    upper = np.full(times.size, -np.inf)
    for mixing in _UPPER_MIXING:
        witness = _witness_coefficients(physical, counts, mixing)
        error = np.sqrt(_variance(witness, counts) + choice / _HALVINGS)
        upper = np.maximum(upper, _mean(witness, counts) + z * error)
    signed = signed_concurrence(physical)
    lower, upper = np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)
    upper = np.maximum(upper, lower)
    value = np.clip(np.maximum(0.0, signed), lower, upper)
    return Concurrence(times, value, signed, lower, upper, level, period)


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


def _best_witness(counts: IntArray, z: float) -> FloatArray:
    """Return the Pauli coefficients (T, 16) of the witness with the highest lower limit here."""
    physical = nearest_physical(_linear_inversion(counts))
    candidates = [_witness_coefficients(physical, counts, mixing) for mixing in _LOWER_MIXING]
    limits = [_mean(c, counts) - z * np.sqrt(_variance(c, counts)) for c in candidates]
    return np.asarray(
        np.take_along_axis(
            np.array(candidates), np.argmax(limits, axis=0)[None, :, None], axis=0
        )[0]
    )


def _witness_coefficients(physical: ComplexArray, counts: IntArray, mixing: float) -> FloatArray:
    """Return g with Tr(Gρ) = Σ g_P <P>, shape (T, 16), for the witness of a noisier state."""
    shots = counts.sum(axis=2).min(axis=1)
    share = np.minimum(mixing / np.sqrt(shots), 0.5)[:, None, None]
    witness = entanglement_witness((1 - share) * physical + share * np.eye(4) / 4)
    return np.asarray(np.einsum("tij,pji->tp", witness, _MATRICES).real / 4)


def _linear_inversion(counts: IntArray) -> ComplexArray:
    weights = _SIGNS / _shots_of_labels(counts)[:, None, None, :]
    means = np.einsum("tskp,tsk->tp", weights, counts)
    return np.asarray(np.einsum("tp,pij->tij", means, _MATRICES) / 4)


def _mean(coefficients: FloatArray, counts: IntArray) -> FloatArray:
    return np.asarray(np.sum(_weights(coefficients, counts) * counts, axis=(1, 2)))


def _variance(coefficients: FloatArray, counts: IntArray) -> FloatArray:
    """Return the variance of `_mean` under the Jeffreys posterior, as in `combine_paulis`."""
    weights = _weights(coefficients, counts)
    shots = counts.sum(axis=2)
    posterior = (counts + 0.25) / (shots + 1)[..., None]
    first = np.sum(weights * posterior, axis=2)
    second = np.sum(weights**2 * posterior, axis=2)
    return np.asarray(np.sum(shots * np.maximum(second - first**2, 0.0), axis=1))


def _weights(coefficients: FloatArray, counts: IntArray) -> FloatArray:
    """Return what one shot of each setting and outcome adds to Σ g_P <P>, shape (T, 9, 4)."""
    return np.asarray(np.einsum("skp,tp->tsk", _SIGNS, coefficients / _shots_of_labels(counts)))


def _shots_of_labels(counts: IntArray) -> FloatArray:
    """Return how many shots measured each Pauli label, shape (T, 16)."""
    return np.asarray(counts.sum(axis=2) @ (_SIGNS[:, 0, :] != 0)).astype(float)


def _signs_of_labels() -> FloatArray:
    """Return each label's eigenvalue by setting and outcome (9, 4, 16); 0 where not measured."""
    signs = np.zeros((len(_SETTINGS), 4, len(_LABELS)))
    for s, setting in enumerate(_SETTINGS):
        for p, label in enumerate(_LABELS):
            if all(wanted in ("I", got) for wanted, got in zip(label, setting, strict=True)):
                diagonal = pauli_matrix(label.translate(str.maketrans("XY", "ZZ"))).diagonal()
                signs[s, :, p] = diagonal.real
    return signs


_SIGNS = _signs_of_labels()


def _exact_events(times: FloatArray, signed: FloatArray) -> tuple[Event, ...]:
    entangled = signed > _ZERO
    events = []
    for k in np.flatnonzero(entangled[1:] != entangled[:-1]):
        if k == 0 and abs(signed[0]) <= _ZERO:
            continue
        before, after = (0.0 if abs(c) <= _ZERO else float(c) for c in signed[k : k + 2])
        time = times[k] + (times[k + 1] - times[k]) * before / (before - after)
        kind: Literal["death", "birth"] = "death" if entangled[k] else "birth"
        events.append(Event(kind, float(time), float(times[k]), float(times[k + 1])))
    return tuple(events)


def _stretch_length(times: int, level: float) -> int:
    """Return the smallest m with 2 T α^m ≤ 1 − level, α = (1 − level)/2."""
    return max(1, int(np.ceil(np.log((1 - level) / (2 * times)) / np.log((1 - level) / 2))))


def _stretches(holds: np.ndarray[tuple[int], np.dtype[np.bool_]], length: int) -> list[int]:
    """Return where `length` neighbouring entries are all true."""
    if holds.size < length:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(holds, length)
    return [int(k) for k in np.flatnonzero(windows.all(axis=1))]


def _crossing(concurrence: Concurrence, start: int, stop: int) -> float:
    times = concurrence.times[start : stop + 1]
    middle = concurrence.signed[start : stop + 1]
    slope, offset = np.polyfit(times - times[0], middle, 1)
    root = float(times[0] - offset / slope) if slope != 0 else float("nan")
    return root if times[0] <= root <= times[-1] else float((times[0] + times[-1]) / 2)
