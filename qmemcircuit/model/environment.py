"""Every law of time in a network, as solvers watch them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from qmemcircuit.model.drives import Drive
from qmemcircuit.model.laws.rates import DecayRate
from qmemcircuit.model.memristors import Network


@dataclass(frozen=True)
class NetworkLaw:
    """A law of one memristor, at its frequency: Γ(t), n̄(t), Γφ(t) or Ω(t)."""

    memristor: int
    kind: Literal["rate", "occupation", "dephasing", "drive"]
    law: DecayRate | Drive

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.kind} of memristor {self.memristor}"


def network_laws(network: Network) -> list[NetworkLaw]:
    """Return the laws: all Γ first, in the order of the memristors; then those that vary too."""
    members = list(enumerate(network.memristors))
    found = [NetworkLaw(j, "rate", item.rate.at_frequency(item.omega)) for j, item in members]
    for j, item in members:
        if isinstance(item.occupation, DecayRate):
            found.append(NetworkLaw(j, "occupation", item.occupation.at_frequency(item.omega)))
        if isinstance(item.dephasing, DecayRate):
            found.append(NetworkLaw(j, "dephasing", item.dephasing.at_frequency(item.omega)))
        if item.drive is not None:
            found.append(NetworkLaw(j, "drive", item.drive.at_frequency(item.omega)))
    return found


def longest_step(network: Network) -> float:
    """Return a quarter of the shortest period, a drive's included: no solver jumps over one."""
    fastest = max(
        max(item.omega, 0.0 if item.drive is None else item.drive.frequency)
        for item in network.memristors
    )
    return 0.5 * math.pi / fastest
