"""Which kind of memory a memristor has: none, information that flows back, quantum memory.

Three questions about its maps E(t) from 0 to t:

- *CP-divisible* (no memory at all): is E(t')E(t)⁻¹ a channel, by its least Choi eigenvalue?
- *Information flowing back* (Breuer, Laine, Piilo, PRL 103, 210401): does the distance of two
  states grow? ‖E(t)n‖ for opposite states ±n on the Bloch sphere.
- *Quantum memory* (Bäcker, Beyer, Strunz, PRL 132, 060402): with χ(t) = (E⊗1) of a maximally
  entangled pair, C[χ(t2)] > C#[χ(t1)], t1 < t2, cannot be had by measuring and feeding forward.
  C = max(0, 2λ₁ − Σλ) is the concurrence, C# = Σλ that of assistance, λ the singular values of
  √χᵀ(σy⊗σy)√χ. A feed-forward memory makes χ(t1) an ensemble of known pieces and each later map
  acts on one of them: C[χ(t2)] ≤ Σ p C(piece) ≤ C#. The test is sufficient, and local in time.

From shots, intervals of C and C# themselves do not cover: both are convex or concave near the edge
of the states. So the questions are put as *linear* functions of means, fixed beforehand from a
model (`design_witness`), and asked of fresh data: C ≥ −Tr(|A⟩⟩⟨⟨A|^{T_B}χ) for any det A = 1, and
C# ≤ ½Tr[(B + ỸB⁻¹*Ỹ)χ] for any B > 0, Ỹ = σy⊗σy (Alberti's bound of the fidelity of χ with its
spin flip). They are unbiased with plain errors, and whatever the model was, the gap is at least as
large as the bound: a wrong model loses power, never validity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from qmemcircuit.circuits.channels.synthesis import choi_matrix
from qmemcircuit.common.arguments import check_arguments, check_fields, check_value
from qmemcircuit.common.checks import FloatArray, check_real, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.memory.tomography import FROM_INPUTS, ProcessRecord, memristor_maps
from qmemcircuit.memory.witnesses import (
    MemoryWitness,
    map_between,
    maps_of,
    weights_on_maps,
    widest_gap,
)
from qmemcircuit.model.memristors import Memristor

ROUNDING = 1e-9


@data_object
@dataclass(frozen=True)
class Interval:
    """A number and what bounds it: equal where it is exact.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8, b=0.6)
    >>> found = memory.classify_memory(memristor, [2.0, 4.0, 6.0])
    >>> found.growth.lower == found.growth.upper  # a model: exact
    True
    """

    value: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        check_fields(self, infinite=("lower", "upper"))


@data_object
@dataclass(frozen=True)
class MemoryClass:
    """The kind of memory between two times, each number with its interval.

    Attributes:
        kind: "quantum memory", "information flows back", "not divisible", "divisible" (exact
            maps alone) or "undecided" (shots that show none of the three).
        least_eigenvalue: of the Choi matrix (trace 1) of E(t')E(t)⁻¹; below 0 it is no channel.
            From shots it is the quadratic form in the direction that the model gave, an upper
            bound of the least eigenvalue, with the error of its linearisation: of no use where E(t)
            has hardly an inverse (its interval is then huge).
        growth: of ‖E(t)n‖² for the direction in which it grows most: above 0, information flows
            back. Debiased: the mean of a square holds its noise, which is subtracted.
        quantum_gap: C[χ(t2)] − C#[χ(t1)]; from shots a *lower bound* of it and that bound's errors.
        first_time, second_time: between which the gap is taken.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8, b=0.6)
    >>> memory.classify_memory(memristor, [2.0, 4.0, 6.0, 8.0, 10.0]).kind
    'quantum memory'
    """

    kind: str
    least_eigenvalue: Interval
    growth: Interval
    quantum_gap: Interval
    first_time: float
    second_time: float

    def __post_init__(self) -> None:
        check_fields(self)


def classify_memory(
    subject: Memristor | ProcessRecord | ArrayLike,
    times: ArrayLike | None = None,
    *,
    witness: MemoryWitness | None = None,
    level: float = 0.95,
) -> MemoryClass:
    """Say which kind of memory a memristor has, from its model, its maps or measured counts.

    Args:
        subject: a `Memristor` (its circuits' merged maps), maps (T, 4, 4) on (1, X, Y, Z) from 0
            to each time, or the `ProcessRecord` of an experiment.
        times: (T,), increasing; left out for a record, which has its own. Nothing is seen of what
            comes back between two of them: take them dense where the law may turn.
        witness: for a record: what was fixed beforehand, `design_witness(…)`.
        level: of two-sided intervals; each bound of them is one-sided at (1 + level)/2.

    Raises:
        ValueError: for times out of order, a law whose map is not physical at some time (the first
            is named), a record without a witness or of other times.

    >>> import qmemcircuit as qm
    >>> remembering = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8)
    >>> classify_memory(remembering, np.linspace(0.1, 14, 50)).kind
    'quantum memory'
    >>> classify_memory(qm.Memristor(qm.SquidRate(0.4), a=0.8), [0.5, 1.0, 2.0]).kind
    'divisible'
    """
    check_arguments(classify_memory, locals(), own=("subject",))
    if isinstance(subject, ProcessRecord):
        if witness is None:
            raise ValueError(
                "Argument witness must be given with a record, fixed before its data: "
                "design_witness(maps, times) of the model; but None was given."
            )
        if times is not None:
            raise ValueError(
                f"Argument times must be left out with a record, which has its own, but {times!r} "
                "was given."
            )
        return _from_shots(subject, witness, check_real("level", level, minimum=0.5))
    if times is None:
        raise ValueError("Argument times must be given with a model or maps, but None was given.")
    instants = check_times(times, minimum_length=2)
    if isinstance(subject, Memristor):
        maps = memristor_maps(subject, instants)
    else:
        check_value("subject", ArrayLike, subject)
        maps = maps_of(subject, instants)
    return _exactly(maps, instants)


# --- exact --------------------------------------------------------------------------------------


def _exactly(maps: FloatArray, times: FloatArray) -> MemoryClass:
    gap, early, late = widest_gap(maps)
    least = 0.0
    for first, second in pairwise(maps):
        lowest = float(np.linalg.eigvalsh(choi_matrix(map_between(first, second)) / 2)[0])
        # Where E(t) hardly has an inverse, rounding is blown up.
        if lowest < -ROUNDING * np.linalg.cond(first):
            least = min(least, lowest)
    lengths = np.linalg.norm(maps[:, 1:, 1:] @ _directions().T, axis=1) ** 2
    growth = float(np.clip(np.diff(lengths, axis=0), 0, None).sum(axis=0).max())
    growth = growth if growth > ROUNDING else 0.0
    kind = "divisible"
    if gap > ROUNDING:
        kind = "quantum memory"
    elif growth > 0:
        kind = "information flows back"
    elif least < 0:
        kind = "not divisible"
    lowest_of, growth_of, gap_of = (Interval(x, x, x) for x in (least, growth, gap))
    return MemoryClass(kind, lowest_of, growth_of, gap_of, float(times[early]), float(times[late]))


def _directions() -> FloatArray:
    """Return some eighty unit vectors, spread evenly over half the sphere, and the axes."""
    heights = (np.arange(80) + 0.5) / 80
    turns = np.pi * (1 + 5**0.5) * np.arange(80)
    flat = np.sqrt(1 - heights**2)
    spread = np.stack([flat * np.cos(turns), flat * np.sin(turns), heights], axis=1)
    return np.concatenate([np.eye(3), spread])


# --- from shots ---------------------------------------------------------------------------------


def _from_shots(record: ProcessRecord, witness: MemoryWitness, level: float) -> MemoryClass:
    wanted = (witness.first_time, witness.second_time)
    places = [int(np.argmin(np.abs(record.times - t))) for t in wanted]
    if not np.allclose(record.times[places], wanted, rtol=1e-9, atol=1e-12):
        raise ValueError(
            f"Argument record must hold the witness's times {wanted[0]:g} and {wanted[1]:g}, but "
            f"its nearest are {record.times[places[0]]:g} and {record.times[places[1]]:g}."
        )
    maps = record.maps()[places]
    variances = record.errors[places] ** 2
    factor = float(norm.ppf(0.5 * (1 + level)))

    def interval(value: float, variance: float) -> Interval:
        width = factor * float(np.sqrt(variance))
        return Interval(value, value - width, value + width)

    weights = (witness.first, witness.second)
    value = sum(float((w * m).sum()) for w, m in zip(weights, maps, strict=True))
    gap = interval(value, _variance(weights, variances))
    squares, spread = [], 0.0
    for k in (0, 1):
        column = maps[k][1:, witness.axis + 1]
        shares = FROM_INPUTS[:, witness.axis + 1]
        noise = (variances[k] * shares[:, None] ** 2).sum(axis=0)
        squares.append(float((column**2 - noise).sum()))
        spread += float((4 * np.maximum(column**2 - noise, 0) * noise + 2 * noise**2).sum())
    growth = interval(squares[1] - squares[0], spread)
    # <v|Choi(E2 E1⁻¹)|v> = Σ W·(E2 E1⁻¹), and its gradients in both maps.
    form = weights_on_maps(np.outer(witness.direction, witness.direction.conj()))
    inverse = np.linalg.pinv(maps[0], rcond=1e-6)
    between = maps[1] @ inverse
    gradients = (-between.T @ form @ inverse.T, form @ inverse.T)
    least = interval(float((form * between).sum()), _variance(gradients, variances))
    kind = "undecided"
    if gap.lower > 0:
        kind = "quantum memory"
    elif growth.lower > 0:
        kind = "information flows back"
    elif least.upper < 0:
        kind = "not divisible"
    return MemoryClass(kind, least, growth, gap, *wanted)


def _variance(weights: Sequence[FloatArray], variances: FloatArray) -> float:
    """Return the variance of Σ W·E over both maps; `variances` (2, 4, 3) of the measured means."""
    total = 0.0
    for w, variance in zip(weights, variances, strict=True):
        shares = (w @ FROM_INPUTS.T)[1:].T  # (input, axis)
        total += float((shares**2 * variance).sum())
    return total
