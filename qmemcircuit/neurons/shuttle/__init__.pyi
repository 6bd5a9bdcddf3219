from .neuron import LinearRamp as LinearRamp
from .neuron import ShuttleNeuron as ShuttleNeuron
from .neuron import SinusoidalDrive as SinusoidalDrive
from .neuron import simulate as simulate

__all__ = [
    "LinearRamp",
    "ShuttleNeuron",
    "SinusoidalDrive",
    "simulate",
]
