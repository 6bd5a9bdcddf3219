"""Bounds for larger networks: the sum of local errors of splitting inside light cones.

With A(t) the generator of damping and free evolution and B that of the couplings, which commute
with each other, a Lie step V = exp(B dt) T exp ∫A differs from the exact step E by Duhamel's

    V − E = ∫₀^dt V(dt, s) X(s) E(s, 0) ds,   X(s) = exp(B s) A exp(−B s) − A,

in which V(dt, s) = exp(B dt) T exp(∫_s A) exp(−B s) is a channel. X is the sum over the couplings
of a term on that pair alone, turned by the others, and d/ds exp(B s) A exp(−B s) has the norm of
[B, A]. So a step is off by at most Σ over couplings of ∫ s ½‖[B_e, A_i + A_j]‖⋄ ds, and these
norms, of maps of two memristors, are `half_diamond_norms`. Steps add up, for channels do not
increase the norm. A term that no later step connects to the memristors that are looked at has no
trace on them and drops out: each step widens their light cone by one coupling, and V itself by
two. Strang's step is
two such halves, one of them reversed, for which the same holds; its order is not seen.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.channels.diamond_norms import half_diamond_norms
from qmemcircuit.circuits.collision import damping_probabilities
from qmemcircuit.circuits.splitting import interactions_commute
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.model.memristors import Network
from qmemcircuit.simulation.generators import generators

SLICES = 8
"""Of a step, in each of which s is replaced by its largest value."""


def light_cone_bounds(circuits: CircuitSet, members: tuple[int, ...]) -> FloatArray:
    """Return what splitting can do at most to the state of `members` at each time, (T,).

    In trace distance, for any input; all memristors as `members` bound the half diamond norm.
    Raises ValueError where the bound is not proved: for splittings other than `"lie"` and
    `"strang"`, couplings that do not commute, steps of each circuit's own, drives, and rates that
    turn negative.
    """
    network = circuits.network
    _check_provable(circuits)
    if not network.couplings:
        return np.zeros(circuits.times.size)
    starts = np.concatenate([[0.0], circuits.times[:-1]])
    errors = _step_errors(network, starts, circuits.times, halves=circuits.splitting == "strang")
    distance = _distances(network, members)
    found = np.empty(circuits.times.size)
    for last in range(found.size):
        steps_after = last - np.arange(last + 1)
        reached = distance[:, None] <= steps_after
        found[last] = errors[:, : last + 1][reached].sum()
    return np.minimum(found, 1.0)


def _check_provable(circuits: CircuitSet) -> None:
    if circuits.splitting not in ("lie", "strang") or not circuits.share_steps:
        raise ValueError(
            "Argument splitting must be 'lie' or 'strang', with steps=None, for more than three "
            f"memristors, but {circuits.splitting!r} with steps={circuits.steps} was given; "
            "certify the coupled pairs one by one."
        )
    stops = circuits.times
    # The circuits' own check of the sign, which lets it go in a step from t = 0 on.
    starts = np.concatenate([[1e-12 * stops[-1]], stops[:-1]])
    for j, item in enumerate(circuits.network.memristors):
        if item.drive is not None:
            raise ValueError(
                "Argument model must have no drive for the bounds of more than three memristors, "
                f"but memristor {j} has {item.drive}, whose rotation is split from the damping; "
                "certify up to three memristors."
            )
        damping_probabilities(item, np.minimum(starts, stops), stops)
    couplings = circuits.network.couplings
    for first, second in combinations(range(len(couplings)), 2):
        shared = set(couplings[first][0]) & set(couplings[second][0])
        if shared and not interactions_commute(circuits.network, first, second):
            raise ValueError(
                "Argument model must have couplings that commute, for more than three memristors, "
                f"but those of {couplings[first][0]} and {couplings[second][0]} do not; certify "
                "the coupled pairs one by one."
            )


def _step_errors(
    network: Network, starts: FloatArray, stops: FloatArray, *, halves: bool
) -> FloatArray:
    """Return the bound of each coupling's error in each step, (couplings, steps)."""
    lengths = stops - starts
    found = np.zeros((len(network.couplings), starts.size))
    parts = 2 if halves else 1
    for place, (pair, coupling) in enumerate(network.couplings):
        alone = Network([network.memristors[j] for j in pair])
        still, damping = generators(alone)
        turning = generators(Network(alone.memristors, {(0, 1): coupling}))[0] - still
        terms = np.array([turning @ item - item @ turning for item in (still, *damping)])
        norms = half_diamond_norms(terms)[1]
        for part in range(parts):
            begin, width = starts + part * lengths / parts, lengths / parts
            for piece in range(SLICES):
                low, high = (begin + k / SLICES * width for k in (piece, piece + 1))
                # The second half of Strang's step is reversed, and counts from its end.
                far = (SLICES - piece if part else piece + 1) / SLICES * width
                found[place] += (far - 0.5 * width / SLICES) * norms[0] * (high - low)
                for item, norm in zip(alone.memristors, norms[1:], strict=True):
                    found[place] += far * norm * np.abs(item.decay_integral(low, high))
    return found


def _distances(network: Network, members: tuple[int, ...]) -> IntArray:
    """Return after how many further steps each coupling is in the light cone of `members`."""
    far = np.full(len(network.memristors), len(network.memristors))
    far[list(members)] = 0
    pairs = [pair for pair, _ in network.couplings]
    for _ in network.memristors:
        for first, second in pairs:
            far[first], far[second] = (
                min(far[first], far[second] + 1),
                min(far[second], far[first] + 1),
            )
    # A step's own two layers of couplings, in V(dt, s), reach two further.
    nearest = np.array([min(far[first], far[second]) for first, second in pairs])
    return np.asarray(np.maximum(nearest - 2, 0))
