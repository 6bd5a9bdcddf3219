from .neuron import IntegrateAndFire as IntegrateAndFire
from .neuron import UncertaintyWarning as UncertaintyWarning
from .neuron import simulate_classical as simulate_classical
from .neuron import simulate_moments as simulate_moments
from .neuron import simulate_network as simulate_network

__all__ = [
    "IntegrateAndFire",
    "UncertaintyWarning",
    "simulate_classical",
    "simulate_moments",
    "simulate_network",
]
