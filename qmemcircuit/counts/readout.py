"""Readout errors: how often each qubit is read wrongly, measured and undone.

A measured distribution is A p with A = A_0 ⊗ A_1 ⊗ …, one 2×2 matrix of flips a qubit. A mean
Σ s_k p_k of the true distribution is Σ w_k (A p)_k with w = A^{-T} s, so correcting a mean is
correcting its weights, and error bars follow: flips of 5 % multiply them by 1.1 a qubit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.samples import Samples, calibration_counts, marginal_samples

Inversion = Literal["tensored", "mthree"]
"""How flips are undone: by the inverse of A on all outcomes, or by mthree on those seen."""


@data_object
@dataclass(frozen=True, eq=False)
class Readout:
    """How often each memristor's qubit is read wrongly, as measured.

    Attributes:
        counts: shape (2, 2^M): outcomes with all qubits prepared in |0>, and all in |1>.

    Flips of different qubits are taken as independent. The preparation of |1> takes one gate,
    whose error is counted as a flip.

    >>> import numpy as np
    >>> import qmemcircuit as qm
    >>> qm.Readout(np.array([[98, 2], [3, 97]])).counts  # row: prepared, column: read
    array([[98,  2],
           [ 3, 97]])
    """

    counts: IntArray

    def __post_init__(self) -> None:
        check_fields(self)
        counts = np.asarray(self.counts)
        outcomes = counts.shape[-1] if counts.ndim == 2 else 0
        if counts.shape != (2, max(outcomes, 2)) or outcomes & (outcomes - 1):
            raise ValueError(
                f"Argument counts must have shape (2, 2^M), but {counts.shape} was given."
            )
        object.__setattr__(self, "counts", calibration_counts(counts, "both preparations"))

    @property
    def memristors(self) -> int:
        """Their number M."""
        return int(self.counts.shape[1]).bit_length() - 1

    @property
    def flips(self) -> FloatArray:
        """The probabilities to read 1 after |0>, and 0 after |1>, shape (M, 2)."""
        frequencies = self.counts / self.counts.sum(axis=1, keepdims=True)
        outcomes = np.arange(self.counts.shape[1])
        found = np.empty((self.memristors, 2))
        for j in range(self.memristors):
            ones = frequencies @ ((outcomes >> j) & 1)
            found[j] = ones[0], 1 - ones[1]
        return found

    @property
    def flip_errors(self) -> FloatArray:
        """The standard errors of `flips` (Jeffreys: never 0), shape (M, 2)."""
        shots = self.counts.sum(axis=1)
        posterior = (self.flips * shots + 0.5) / (shots + 1)
        return np.asarray(np.sqrt(posterior * (1 - posterior) / (shots + 2)))

    def redrawn(self, shots: int, random: np.random.Generator) -> Readout:
        """Return a calibration of `shots` shots, drawn from the frequencies of this one."""
        check_arguments(Readout.redrawn, locals())
        check_integer("shots", shots, minimum=1)
        frequencies = self.counts / self.counts.sum(axis=1, keepdims=True)
        return Readout(random.multinomial(shots, frequencies))

    def correct(self, weights: FloatArray, flips: FloatArray | None = None) -> FloatArray:
        """Return A^{-T} w for weights (…, 2^M): the mean of w without readout errors.

        Args:
            weights: of the outcomes.
            flips: instead of the measured ones, (M, 2).
        """
        check_arguments(Readout.correct, locals())
        self._check_shapes(weights, flips)
        chosen = self.flips if flips is None else flips
        corrected = weights.reshape(-1, *(2,) * self.memristors)
        for j in range(self.memristors):
            # Axis M − j of the reshaped weights is memristor j's bit.
            axis = self.memristors - j
            inverse = np.linalg.inv(confusion_matrix(chosen[j])).T
            corrected = np.moveaxis(np.tensordot(corrected, inverse, axes=(axis, 1)), -1, axis)
        return np.asarray(corrected.reshape(weights.shape))

    def correct_seen(
        self, weights: FloatArray, counts: IntArray, flips: FloatArray | None = None
    ) -> FloatArray:
        """Return the weights corrected by mthree, on the outcomes that were seen.

        mthree (Nation et al., PRX Quantum 2, 040326) inverts A on the subspace of the outcomes
        seen in a setting, its columns normalised there; where all were seen it is `correct`.

        Args:
            weights, counts: shape (T, B, 2^M).
            flips: instead of the measured ones, (M, 2).

        Raises:
            ImportError: naming the extra where mthree is missing.
        """
        check_arguments(Readout.correct_seen, locals())
        self._check_shapes(weights, flips)
        if np.ndim(weights) != 3 or np.shape(counts) != np.shape(weights):
            raise ValueError(
                f"Argument counts must have the shape (T, B, 2^M) of weights, but they have "
                f"{np.shape(counts)} and {np.shape(weights)}."
            )
        mitigation = _mthree()
        chosen = self.flips if flips is None else flips
        mitigation.cals_from_matrices([confusion_matrix(pair) for pair in chosen])
        qubits = list(range(self.memristors))
        corrected = weights.copy()
        for place in np.ndindex(counts.shape[:2]):
            seen = {
                f"{outcome:0{self.memristors}b}": int(counts[place][outcome])
                for outcome in np.flatnonzero(counts[place])
            }
            # mthree's matrix of a string's bits: the last letter is qubit 0, as here.
            matrix, order = mitigation.reduced_cal_matrix(seen, qubits)
            outcomes = [int(key, 2) for key in order]
            corrected[place][outcomes] = np.linalg.solve(matrix.T, weights[place][outcomes])
        return corrected

    def _check_shapes(self, weights: FloatArray, flips: FloatArray | None) -> None:
        outcomes, wanted = self.counts.shape[1], (self.memristors, 2)
        if np.ndim(weights) < 1 or np.shape(weights)[-1] != outcomes:
            raise ValueError(
                f"Argument weights must have shape (…, {outcomes}), but {np.shape(weights)} was "
                "given."
            )
        if flips is not None and np.shape(flips) != wanted:
            raise ValueError(
                f"Argument flips must have shape {wanted}, but {np.shape(flips)} was given."
            )


def marginal_readout(readout: Readout, members: Sequence[int]) -> Readout:
    """Return the calibration of some memristors alone, in the order given."""
    table = Samples(("Z" * readout.memristors,), readout.counts[:, np.newaxis])
    return Readout(marginal_samples(table, members).counts[:, 0])


def confusion_matrix(flips: FloatArray) -> FloatArray:
    """Return P(read | true) of one qubit from (1 read after |0>, 0 read after |1>)."""
    return np.array([[1 - flips[0], flips[1]], [flips[0], 1 - flips[1]]])


def read_probabilities(probabilities: FloatArray, flips: FloatArray) -> FloatArray:
    """Return A p, what is read of outcomes with probabilities p (…, 2^M), for flips (M, 2)."""
    memristors = len(flips)
    found = probabilities.reshape(-1, *(2,) * memristors)
    for j in range(memristors):
        axis = memristors - j  # axis M − j is memristor j's bit
        found = np.moveaxis(
            np.tensordot(found, confusion_matrix(flips[j]), axes=(axis, 1)), -1, axis
        )
    return np.asarray(found.reshape(probabilities.shape))


def check_inversion(inversion: object) -> None:
    """Raise ValueError for an unknown inversion, ImportError where mthree is asked and missing."""
    if not isinstance(inversion, str) or inversion not in get_args(Inversion):
        raise ValueError(
            f"Argument inversion must be 'tensored' or 'mthree', but {inversion!r} was given."
        )
    if inversion == "mthree":
        _mthree()


def describe_readout(readout: Readout) -> Mapping[str, Any]:
    """Return flips, their errors and shots as JSON values."""
    return {
        "flips": readout.flips.tolist(),
        "flip_errors": readout.flip_errors.tolist(),
        "shots": readout.counts.sum(axis=1).tolist(),
    }


def _mthree() -> Any:
    try:
        import mthree
    except ModuleNotFoundError:
        raise ImportError(
            "Argument inversion must be 'tensored' without mthree, but 'mthree' was given; "
            "pip install 'qmemcircuit[mitigation]'."
        ) from None
    except ImportError as broken:  # installed, but its compiled part does not load
        raise ImportError(
            "Argument inversion must be 'tensored' where mthree cannot be loaded, but 'mthree' was "
            f"given; mthree is installed and fails with: {broken}."
        ) from broken
    return mthree.M3Mitigation(None)
