from .memory_qubit import MemoryDesign as MemoryDesign
from .memory_qubit import design_memory as design_memory
from .memory_qubit import memory_amplitude as memory_amplitude
from .memory_qubit import memory_network as memory_network
from .memory_qubit import memory_trajectory as memory_trajectory

__all__ = [
    "MemoryDesign",
    "design_memory",
    "memory_amplitude",
    "memory_network",
    "memory_trajectory",
]
