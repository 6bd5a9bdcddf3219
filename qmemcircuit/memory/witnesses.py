"""Bounds of a channel's entanglement that are linear in what is measured.

χ is a channel's image of one half of a maximally entangled pair. C ≥ −Tr(|A⟩⟩⟨⟨A|^{T_B}χ) for any
A of determinant 1 (Verstraete), and C# ≤ ½Tr[(B + ỸB⁻¹*Ỹ)χ] for any B > 0, with Ỹ = σy⊗σy
(Alberti's bound of the fidelity of χ with its spin flip). The best A and B for a model are found
once, before the data; for any other channel the bounds still hold, only less tightly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from qmemcircuit.circuits.channels.synthesis import choi_matrix
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_real, check_times
from qmemcircuit.common.data_objects import data_object

SPIN_FLIP: ComplexArray = np.array(
    [[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=complex
)
MIXING = 0.02
"""Of 1/4 in the model's states: without it the best bounds of rank-2 states have huge weights."""


@data_object
@dataclass(frozen=True, eq=False)
class MemoryWitness:
    """Linear bounds fixed before the data: gap ≥ Σ first·E(t1) + Σ second·E(t2).

    Attributes:
        first, second: weights of the two maps, (4, 4) each.
        first_time, second_time: when.
        predicted: the bound's value in the model.
        axis: 0, 1 or 2, of ‖E(t)n‖² to watch.
        direction: the Choi vector whose quadratic form is watched for divisibility, (4,).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8, b=0.6)
    >>> times = [2.0, 4.0, 6.0, 8.0, 10.0]
    >>> witness = memory.design_witness(memory.memristor_maps(memristor, times), times)
    >>> witness.first_time < witness.second_time
    True
    """

    first: FloatArray
    second: FloatArray
    first_time: float
    second_time: float
    predicted: float
    axis: int
    direction: ComplexArray

    def __post_init__(self) -> None:
        check_fields(self, complex_numbers=("direction",))


def concurrence_and_assistance(pauli_map: ArrayLike) -> tuple[float, float]:
    """Return C and C# of a channel's χ: of entanglement kept, and kept at best with assistance.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> import numpy as np
    >>> [
    ...     round(float(value), 6) for value in memory.concurrence_and_assistance(np.eye(4))
    ... ]
    [1.0, 1.0]
    """
    check_arguments(concurrence_and_assistance, locals())
    chi = entangled_state(_checked_maps(np.asarray(pauli_map, dtype=float)[None])[0])
    values, vectors = np.linalg.eigh(chi)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.conj().T
    singular = np.linalg.svd(root.T @ SPIN_FLIP @ root, compute_uv=False)
    return max(0.0, float(2 * singular[0] - singular.sum())), float(singular.sum())


def design_witness(maps: ArrayLike, times: ArrayLike, *, mixing: float = MIXING) -> MemoryWitness:
    """Return the linear bounds that are best for a model, at the two times of its largest gap.

    Args:
        maps: the model's, noise included where it is known, (T, 4, 4).
        times: (T,), increasing.
        mixing: share of 1/4 in the states for which the bounds are best: more of it, smaller
            weights and errors, and a weaker bound.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8, b=0.6)
    >>> times = [2.0, 4.0, 6.0, 8.0, 10.0]
    >>> witness = memory.design_witness(memory.memristor_maps(memristor, times), times)
    >>> witness.predicted > 0  # quantum memory, if it is measured so
    True
    """
    check_arguments(design_witness, locals())
    instants = check_times(times, minimum_length=2)
    checked = maps_of(maps, instants)
    share = check_real("mixing", mixing, minimum=0, exclusive=True)
    if share > 1:
        raise ValueError(f"Argument mixing must be at most 1, but {share:g} was given.")
    early, late = widest_gap(checked)[1:]
    states = [
        (1 - share) * entangled_state(checked[k]) + share * np.eye(4) / 4 for k in (early, late)
    ]
    first, second = -assistance_bound(states[0]), concurrence_bound(states[1])
    weights = [weights_on_maps(operator) for operator in (first, second)]
    predicted = sum(
        float((w * m).sum()) for w, m in zip(weights, checked[[early, late]], strict=True)
    )
    lengths = np.linalg.norm(checked[:, 1:, 1:], axis=1)
    between = map_between(checked[early], checked[late])
    return MemoryWitness(
        weights[0],
        weights[1],
        float(instants[early]),
        float(instants[late]),
        predicted,
        int(np.argmax(lengths[late] ** 2 - lengths[early] ** 2)),
        np.linalg.eigh(choi_matrix(between))[1][:, 0],
    )


def widest_gap(maps: FloatArray) -> tuple[float, int, int]:
    """Return the largest C[χ(t2)] − C#[χ(t1)] and its two places."""
    kept, assisted = np.array([concurrence_and_assistance(item) for item in maps]).T
    gaps = np.where(np.triu(np.ones((kept.size,) * 2), 1) > 0, kept - assisted[:, None], -np.inf)
    early, late = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
    return float(gaps[early, late]), int(early), int(late)


def map_between(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return E(t')E(t)⁻¹, the pseudo-inverse where E(t) has none."""
    return np.asarray(second @ np.linalg.pinv(first, rcond=1e-13))


def entangled_state(pauli_map: FloatArray) -> ComplexArray:
    """Return χ, what the channel makes of one half of a maximally entangled pair: (4, 4)."""
    return choi_matrix(pauli_map) / 2


def weights_on_maps(operator: ComplexArray) -> FloatArray:
    """Return W with Tr(operator χ) = Σ W·E."""
    weights = np.empty((4, 4))
    for a in range(4):
        for b in range(4):
            unit = np.zeros((4, 4))
            unit[a, b] = 1
            weights[a, b] = np.trace(operator @ entangled_state(unit)).real
    return weights


def _partial_transpose(matrix: ComplexArray) -> ComplexArray:
    return np.asarray(matrix.reshape(2, 2, 2, 2).transpose(0, 3, 2, 1).reshape(4, 4))


def concurrence_bound(state: ComplexArray) -> ComplexArray:
    """Return −|A⟩⟩⟨⟨A|^{T_B} of the best A, det A = 1: Tr(it χ) ≤ C(χ) for every χ."""
    turned = _partial_transpose(state)

    def energy(parts: FloatArray) -> float:
        vector = parts[:4] + 1j * parts[4:]
        size = abs(vector[0] * vector[3] - vector[1] * vector[2])
        return float((vector.conj() @ turned @ vector).real / max(size, 1e-12))

    lowest = np.linalg.eigh(turned)[1][:, 0]
    # A product vector has no determinant; a little of the singlet gives it one.
    starts = [lowest + 0.05 * np.array([0, 1, -1, 0]), np.array([0, 1, -1, 0]) + 0j]
    starts.append(np.array([1, 0, 0, 1]) + 0j)
    solved = [
        minimize(energy, np.concatenate([v.real, v.imag]), options={"gtol": 1e-7}) for v in starts
    ]
    best = min(solved, key=lambda item: float(item.fun)).x
    vector = best[:4] + 1j * best[4:]
    vector = vector / np.sqrt(abs(vector[0] * vector[3] - vector[1] * vector[2]))
    return -_partial_transpose(np.outer(vector, vector.conj()))


def assistance_bound(state: ComplexArray) -> ComplexArray:
    """Return ½(B + ỸB⁻¹*Ỹ) of the best B: Tr(it χ) ≥ C#(χ) for every χ."""
    flipped = SPIN_FLIP @ state.conj() @ SPIN_FLIP
    values, vectors = np.linalg.eigh(state)
    values = np.clip(values, 1e-12, None)
    root = (vectors * np.sqrt(values)) @ vectors.conj().T
    inverse = (vectors / np.sqrt(values)) @ vectors.conj().T
    inner, turned = np.linalg.eigh(root @ flipped @ root)
    middle = (turned * np.sqrt(np.clip(inner, 1e-14, None))) @ turned.conj().T
    best = inverse @ middle @ inverse
    other = SPIN_FLIP @ np.linalg.inv(best).conj() @ SPIN_FLIP
    return np.asarray(0.5 * (best + other))


def maps_of(maps: ArrayLike, times: FloatArray) -> FloatArray:
    """Return maps (T, 4, 4) if all are channels; an error names the first time that has none."""
    found = np.asarray(maps, dtype=float)
    if found.shape != (times.size, 4, 4) or not np.all(np.isfinite(found)):
        raise ValueError(
            f"Argument maps must be finite numbers of shape ({times.size}, 4, 4), one map for each "
            f"time, but shape {found.shape} was given."
        )
    for k, item in enumerate(_checked_maps(found)):
        lowest = float(np.linalg.eigvalsh(entangled_state(item))[0])
        if lowest < -1e-8:
            raise ValueError(
                "Argument maps must be physical (completely positive) at every time, but at t = "
                f"{times[k]:g} the least eigenvalue of the Choi matrix is {lowest:.3g}; "
                "stop before."
            )
    return found


def _checked_maps(maps: FloatArray) -> FloatArray:
    if maps.shape[-2:] != (4, 4) or np.abs(maps[:, 0] - [1, 0, 0, 0]).max() > 1e-9:
        raise ValueError(
            "Argument maps must be 4×4 on (1, X, Y, Z) with the first row (1, 0, 0, 0), but they "
            f"have shape {maps.shape[1:]} or another first row."
        )
    return maps
