from .laws import FeedbackLaw as FeedbackLaw
from .laws import LeakyBit as LeakyBit
from .laws import PhaseMemory as PhaseMemory
from .laws import RelaxingMemory as RelaxingMemory
from .laws import SigmaYDrive as SigmaYDrive
from .mean_field import exact_feedback as exact_feedback
from .mean_field import feedback_ensemble as feedback_ensemble
from .mean_field import feedback_equation as feedback_equation
from .mean_field import run_feedback as run_feedback
from .memory_qubit import MemoryDesign as MemoryDesign
from .memory_qubit import design_memory as design_memory
from .memory_qubit import memory_amplitude as memory_amplitude
from .memory_qubit import memory_network as memory_network
from .memory_qubit import memory_trajectory as memory_trajectory
from .shotwise import exact_shotwise as exact_shotwise
from .shotwise import run_shotwise as run_shotwise
from .shotwise import shotwise_circuits as shotwise_circuits
from .shotwise import shotwise_equation as shotwise_equation
from .shotwise import shotwise_maps as shotwise_maps

__all__ = [
    "FeedbackLaw",
    "LeakyBit",
    "MemoryDesign",
    "PhaseMemory",
    "RelaxingMemory",
    "SigmaYDrive",
    "design_memory",
    "exact_feedback",
    "exact_shotwise",
    "feedback_ensemble",
    "feedback_equation",
    "memory_amplitude",
    "memory_network",
    "memory_trajectory",
    "run_feedback",
    "run_shotwise",
    "shotwise_circuits",
    "shotwise_equation",
    "shotwise_maps",
]
