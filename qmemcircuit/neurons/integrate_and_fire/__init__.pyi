from .fock import levels_needed as levels_needed
from .fock import simulate_fock as simulate_fock
from .neuron import IntegrateAndFire as IntegrateAndFire
from .neuron import UncertaintyWarning as UncertaintyWarning
from .simulation import simulate_classical as simulate_classical
from .simulation import simulate_moments as simulate_moments
from .simulation import simulate_network as simulate_network

__all__ = [
    "IntegrateAndFire",
    "UncertaintyWarning",
    "levels_needed",
    "simulate_classical",
    "simulate_fock",
    "simulate_moments",
    "simulate_network",
]
