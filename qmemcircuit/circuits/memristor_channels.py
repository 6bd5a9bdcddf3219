"""All that happens to one memristor from 0 to t as one channel, and the circuits for it."""

from __future__ import annotations

import numpy as np

from qmemcircuit.circuits.channel_synthesis import ChannelHalf, split_channel
from qmemcircuit.circuits.exact_maps import exact_maps
from qmemcircuit.circuits.splitting import step_maps
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.model.memristors import Network


def memristor_maps(network: Network, times: FloatArray) -> FloatArray:
    """Return the maps of a single memristor from 0 to each time on the Pauli means, (T, 4, 4).

    In closed form without a drive, where the bath and the free evolution commute; else the master
    equation's, integrated to 1e-11.
    """
    (memristor,) = network.memristors
    if memristor.drive is not None:
        return exact_maps(network, times)
    ((_, maps),) = step_maps(network, np.zeros(times.size), times, "lie")
    return maps


def memristor_channels(network: Network, times: FloatArray) -> tuple[tuple[ChannelHalf, ...], ...]:
    """Return the one or two halves of which the channel from 0 to each time is the mean.

    Raises ValueError where the map of a law with memory is no channel, naming the first time.
    """
    found = []
    for time, pauli_map in zip(times.tolist(), memristor_maps(network, times), strict=True):
        # Rows of a solver are (1, 0, 0, 0) to rounding alone.
        pauli_map[0] = [1.0, 0.0, 0.0, 0.0]
        try:
            found.append(split_channel(pauli_map))
        except ValueError as error:
            raise ValueError(
                "Argument rate must make a map of states of all of [0, t], but up to "
                f"t = {time:.9g} it does not ({error}); stop before this time."
            ) from error
    return tuple(found)
