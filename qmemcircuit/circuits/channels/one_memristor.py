"""All that happens to one memristor from 0 to t as one channel, and the circuits for it."""

from __future__ import annotations

import numpy as np

from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.channels.synthesis import (
    MOST_UNPHYSICAL,
    ChannelHalf,
    choi_matrix,
    split_channel,
)
from qmemcircuit.circuits.splitting import step_maps
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.model.memristors import Memristor, Network

MOST_HALVED = 6
"""Memristors that may take two circuits each: all their combinations are run, 2^6 = 64."""


def memristor_maps(memristor: Memristor, times: FloatArray) -> FloatArray:
    """Return the maps of a memristor by itself from 0 to each time on the Pauli means, (T, 4, 4).

    In closed form without a drive, where the bath and the free evolution commute; else the master
    equation's, integrated to 1e-11.
    """
    alone = Network([memristor])
    if memristor.drive is not None:
        return exact_maps(alone, times)
    ((_, maps),) = step_maps(alone, np.zeros(times.size), times, "lie")
    return maps


def memristor_channels(
    network: Network, times: FloatArray
) -> tuple[tuple[tuple[ChannelHalf, ...], ...], ...]:
    """Return, for each time and memristor, the one or two halves of which its channel is the mean.

    Raises:
        ValueError: where the map of a law with memory is no channel, naming the first time, and
            where more than six memristors take two halves.
    """
    known: dict[int, list[tuple[ChannelHalf, ...]]] = {}  # one may stand in several places
    columns = []
    for j, memristor in enumerate(network.memristors):
        if id(memristor) not in known:
            known[id(memristor)] = _halves(memristor, times, j)
        columns.append(known[id(memristor)])
    halved = sum(any(len(halves) > 1 for halves in column) for column in columns)
    if halved > MOST_HALVED:
        raise ValueError(
            f"Argument ancilla must not be 'merged' where more than {MOST_HALVED} memristors take "
            f"two circuits each, but {halved} do, and every time would take 2^{halved}; they are "
            "uncoupled, so build the circuits of each by itself, or take steps."
        )
    return tuple(zip(*columns, strict=True))


def _halves(memristor: Memristor, times: FloatArray, j: int) -> list[tuple[ChannelHalf, ...]]:
    """Return the halves of memristor j's channel from 0 to each time."""
    found: list[tuple[ChannelHalf, ...]] = []
    for time, pauli_map in zip(times.tolist(), memristor_maps(memristor, times), strict=True):
        # Rows of a solver are (1, 0, 0, 0) to rounding alone.
        pauli_map[0] = [1.0, 0.0, 0.0, 0.0]
        try:
            found.append(split_channel(pauli_map))
        except ValueError as error:
            good = float(times[len(found) - 1]) if found else 0.0
            raise ValueError(
                "Argument rate must make a map of states of all of [0, t], but that of memristor "
                f"{j} up to t = {time:.9g} does not ({error}), and none from "
                f"t = {_first_unphysical(memristor, good, time):.6g} on; stop before this time."
            ) from error
    return found


def _first_unphysical(memristor: Memristor, good: float, bad: float) -> float:
    """Return the time between two at which the map from 0 stops being a channel, to 1e-6 of it."""
    while bad - good > 1e-6 * bad:
        middle = 0.5 * (good + bad)
        try:
            choi = choi_matrix(memristor_maps(memristor, np.array([middle]))[0])
        except ValueError:  # of the closed form, which looks at the integral alone
            bad = middle
            continue
        if np.linalg.eigvalsh(choi)[0] < -MOST_UNPHYSICAL:
            bad = middle
        else:
            good = middle
    return bad
