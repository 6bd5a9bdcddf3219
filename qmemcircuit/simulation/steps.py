"""The step kernel: what one step does to many states at once, on plain arrays.

A state is its 4^M Pauli means (`circuits.channels.pauli_maps`), one base-4 digit a memristor,
memristor 0 the least significant. A part of a step is some memristors and a real 4^k × 4^k matrix
for each state. Nothing here knows a model, a time or a circuit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import swap_qubits
from qmemcircuit.common.checks import FloatArray

Parts = Sequence[tuple[tuple[int, ...], FloatArray]]
"""Memristors and what is done to them, in order."""


def apply_maps(columns: FloatArray, members: tuple[int, ...], maps: FloatArray) -> FloatArray:
    """Apply maps (n, 4^k, 4^k) to the columns of n matrices, (n, 4^M, D).

    `members` are one or two memristors, or neighbours in increasing order; the first one is the
    maps' least significant digit. Maps of shape (1, 4^k, 4^k) serve all n.
    """
    count, size, width = columns.shape
    if len(members) == 2 and members[0] > members[1]:
        members, maps = (members[1], members[0]), swap_qubits(maps)
    low, high = 4 ** members[0], 4 ** members[-1]
    if len(members) == 1 or members[1] == members[0] + 1:
        k = maps.shape[-1]
        shaped = columns.reshape(count, size // (low * k), k, low * width)
        return np.asarray(np.matmul(maps[:, None], shaped).reshape(columns.shape))
    # The memristors between the two are put aside, and put back.
    shaped = columns.reshape(count, size // (4 * high), 4, high // (4 * low), 4, low * width)
    moved = np.ascontiguousarray(shaped.transpose(0, 1, 3, 2, 4, 5))
    done = np.matmul(maps[:, None, None], moved.reshape(*moved.shape[:3], 16, -1))
    back = done.reshape(moved.shape).transpose(0, 1, 3, 2, 4, 5)
    return np.asarray(back.reshape(columns.shape))


def propagate(first: FloatArray, parts: Parts) -> FloatArray:
    """Return the means after each of n steps, (B, n, 4^M), of B states that start from `first`.

    Args:
        first: the means at the start, (B, 4^M).
        parts: of every step, in order: memristors and their maps, (B, n, 4^k, 4^k).

    Reverse mode goes the same way back with the transposed maps, the parts in reverse order.
    """
    states, size = first.shape
    steps = parts[0][1].shape[1]
    found = np.empty((states, steps, size))
    means = first[:, :, None]
    for step in range(steps):
        for members, maps in parts:
            means = apply_maps(means, members, maps[:, step])
        found[:, step] = means[:, :, 0]
    return found
