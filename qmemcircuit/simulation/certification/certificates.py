"""`certify`: how far digital circuits can be from the exact evolution, for any input at all.

The half diamond norm of digital − exact, bracketed from both sides (`diamond_norms` says how) for
up to three memristors; beyond, a sum of local errors inside light cones (`light_cones`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.channels.diamond_norms import half_diamond_norms
from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.model.memristors import Model, Network
from qmemcircuit.results.certificate import Certificate
from qmemcircuit.results.observables import current_operators
from qmemcircuit.simulation.certification.light_cones import light_cone_bounds
from qmemcircuit.simulation.maps import digital_maps

MOST_MEMRISTORS = 3
"""Maps of four have 256 × 256 real numbers, and Choi matrices as many complex ones."""

INTEGRATION_ERROR = 1e-9
"""Of the exact map, added to the upper bound and taken off the lower one."""


def certify(
    model: Model,
    times: ArrayLike,
    *,
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    members: Sequence[int] | None = None,
) -> Certificate:
    """Return how far the circuits of `build_circuits` can be from the master equation, at worst.

    The bound holds for every input state, entangled with other systems or not (half the diamond
    norm of the difference of the two maps). It is of the splitting or compilation alone: *no*
    device noise, no shots.

    Args:
        model, times, splitting, steps: as in `build_circuits`; the initial state plays no part.
            All ancilla choices and both forms of a collision are the same map, and share the
            number.
        members: the memristors whose joint state is meant; None: all. In a network of more than
            three it is then bounded by the local errors inside its light cone.

    Returns:
        Certificate. Up to three memristors its two bounds are a few parts in a thousand apart.
        Beyond, `lower` is 0 and `upper` a sum of local errors, several times what is seen:
        `python -m experiments run design.certificates` prints how many.

    Raises:
        ValueError: where the bound is not proved (more than three memristors with `"fused"` or
            `"compiled"`, with steps, or with couplings that do not commute), and as
            `build_circuits` does.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> pair = qm.chain([memristor] * 2, qm.Native("y", 1 / 15))
    >>> times = memristor.periods(1, points=30)
    >>> qm.certify(pair, times).largest > qm.certify(pair, times, splitting="strang").largest
    True
    """
    check_arguments(certify, locals())
    circuits = circuits_with(model, times, CircuitOptions("Z", "reset", splitting, steps))
    count = len(circuits.network.memristors)
    chosen = None if members is None else tuple(int(j) for j in members)
    if chosen is not None and not (
        chosen and len(set(chosen)) == len(chosen) and all(0 <= j < count for j in chosen)
    ):
        raise ValueError(
            f"Argument members must be different memristors from 0 to {count - 1}, but "
            f"{members!r} was given; None means all of them."
        )
    return certificate_of(circuits, chosen)


def certificate_of(circuits: CircuitSet, members: tuple[int, ...] | None = None) -> Certificate:
    """Return the certificate of circuits that are made already."""
    memristors = circuits.network.memristors
    if len(memristors) > MOST_MEMRISTORS:
        return _local_certificate(circuits, members or tuple(range(len(memristors))))
    # Where a time takes several circuits, its channel is their mean.
    digital = np.mean([digital_maps(branch) for branch in circuits.branches], axis=0)
    lower, upper = half_diamond_norms(digital - exact_maps(circuits.network, circuits.times))
    upper = np.minimum(upper + INTEGRATION_ERROR, 1.0)
    scales = np.array([item.current_scale for item in circuits.network.memristors])
    return Certificate(
        circuits.times,
        np.maximum(lower - INTEGRATION_ERROR, 0.0),
        upper,
        # V is half of the scale times a mean between −1 and 1.
        upper[:, None] * scales,
        upper[:, None] * current_ranges(circuits.network, circuits.times),
    )


def _local_certificate(circuits: CircuitSet, members: tuple[int, ...]) -> Certificate:
    """Return the certificate by light cones: each V by its own, each I by its partners' too."""
    network, times = circuits.network, circuits.times
    upper = light_cone_bounds(circuits, members)
    voltage, current = (np.empty((times.size, len(network.memristors))) for _ in range(2))
    for j, item in enumerate(network.memristors):
        single, rest = current_operators(network, j)
        voltage[:, j] = light_cone_bounds(circuits, (j,)) * np.ptp(np.linalg.eigvalsh(single))
        near = tuple({j, *(k for pair, _ in rest for k in pair)})
        added = sum(float(np.ptp(np.linalg.eigvalsh(matrix))) for _, matrix in rest)
        ranges = item.conductance(times) * np.ptp(np.linalg.eigvalsh(single)) + added
        current[:, j] = light_cone_bounds(circuits, near) * ranges
    return Certificate(times, np.zeros(times.size), upper, voltage, current)


def current_ranges(network: Network, times: FloatArray) -> FloatArray:
    """Return the difference of the largest and the smallest current that any state has, (T, M)."""
    count = len(network.memristors)
    found = np.empty((times.size, count))
    for j, item in enumerate(network.memristors):
        voltage, rest = current_operators(network, j)
        whole = embed(voltage, [j], count)
        added = sum((embed(matrix, list(pair), count) for pair, matrix in rest), np.zeros(()))
        operators = item.conductance(times)[:, None, None] * whole + added
        if item.drive is not None:
            source = item.current_scale * embed(item.drive.source, [j], count)
            operators = operators + item.drive_amplitude(times)[:, None, None] * source
        levels = np.linalg.eigvalsh(operators)
        found[:, j] = levels[:, -1] - levels[:, 0]
    return found
