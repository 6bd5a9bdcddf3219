"""`rank_settings`: how much entanglement of three or four memristors few settings can show."""

from __future__ import annotations

from collections import Counter

import numpy as np

from qmemcircuit.analysis.multipartite.mixtures import (
    SECONDS,
    best_witnesses,
    pauli_labels,
    pauli_means,
)
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.resources import Effort, progress_of
from qmemcircuit.counts.means import measured_labels

_KEPT = {3: 26 / 27, 4: 3 / 4}  # of the settings, at least one less, from step to step


def rank_settings(state: ComplexArray) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Return (settings, violation) from all 3^N settings down to one: what few settings can show.

    For each number of settings the violation is that of the best witness which they allow for
    `state` (criterion "mixtures"), so the last few that are left are the ones to measure. Settings
    are dropped one by one: always that whose own Paulis (which no other measures) the present
    witness needs least. That is a greedy choice: another set of as many may do better. Of three
    parties the witness is found anew after each setting (half a minute in all); of four after each
    quarter of those that are left (81, 60, 45, … settings; two to five minutes).

    Args:
        state: of three or four parties, shape (8, 8) or (16, 16), physical.

    Raises:
        ValueError: for other shapes.
        ImportError: where cvxpy is missing.

    >>> import qmemcircuit as qm
    >>> import numpy as np
    >>> ghz = np.zeros((8, 8))
    >>> ghz[np.ix_([0, 7], [0, 7])] = 0.5
    >>> settings, violation = qm.rank_settings(ghz)[-1]  # the best single setting
    >>> len(settings), violation <= 0
    (1, True)
    """
    check_arguments(rank_settings, locals(), complex_numbers=("state",))
    state = np.asarray(state, dtype=complex)
    if state.shape not in ((8, 8), (16, 16)):
        raise ValueError(
            "Argument state must have shape (8, 8) or (16, 16), three or four parties, but "
            f"{state.shape} was given."
        )
    parties = len(state).bit_length() - 1
    labels = pauli_labels(parties)
    settings = [label for label in labels if "I" not in label]
    numbers = [len(settings)]
    while numbers[-1] > 1:
        numbers.append(min(numbers[-1] - 1, int(_KEPT[parties] * numbers[-1])))
    seconds = len(numbers) * SECONDS[parties]
    effort = Effort(f"the best witnesses of {len(numbers)} sets of settings", seconds, 1e8)
    found = []
    with progress_of(effort) as report:
        witness = np.zeros(len(labels))
        for step, number in enumerate(numbers):
            settings = _without_least(settings, number, witness, labels)
            (witness,) = best_witnesses(state[None], measured_labels(settings))
            violation = -float(witness @ pauli_means(state[None])[0])
            found.append((tuple(settings), max(violation, 0.0)))
            report(step + 1, len(numbers))
    return tuple(found)


def _without_least(
    settings: list[str], number: int, witness: FloatArray, labels: tuple[str, ...]
) -> list[str]:
    """Drop the settings whose own Paulis the witness needs least, until `number` are left."""
    needs = dict(zip(labels, np.abs(witness), strict=True))
    kept = list(settings)
    while len(kept) > number:
        times = Counter(name for setting in kept for name in measured_labels([setting]))
        own = [
            sum(needs[name] for name in measured_labels([setting]) if times[name] == 1)
            for setting in kept
        ]
        kept.pop(int(np.argmin(own)))
    return kept
