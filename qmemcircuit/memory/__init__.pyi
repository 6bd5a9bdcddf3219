from .classification import Interval as Interval
from .classification import MemoryClass as MemoryClass
from .classification import classify_memory as classify_memory
from .laws import FeedbackLaw as FeedbackLaw
from .laws import LeakyBit as LeakyBit
from .laws import PhaseMemory as PhaseMemory
from .laws import RelaxingMemory as RelaxingMemory
from .mean_field import exact_feedback as exact_feedback
from .mean_field import feedback_ensemble as feedback_ensemble
from .mean_field import feedback_equation as feedback_equation
from .mean_field import run_feedback as run_feedback
from .memory_qubit import MemoryDesign as MemoryDesign
from .memory_qubit import design_memory as design_memory
from .memory_qubit import memory_amplitude as memory_amplitude
from .memory_qubit import memory_network as memory_network
from .memory_qubit import memory_trajectory as memory_trajectory
from .memory_qubit import shift_current as shift_current
from .shotwise import exact_shotwise as exact_shotwise
from .shotwise import run_shotwise as run_shotwise
from .shotwise import shotwise_circuits as shotwise_circuits
from .shotwise import shotwise_equation as shotwise_equation
from .shotwise import shotwise_maps as shotwise_maps
from .tomography import ProcessRecord as ProcessRecord
from .tomography import draw_process as draw_process
from .tomography import memristor_maps as memristor_maps
from .tomography import prepared_inputs as prepared_inputs
from .tomography import process_record as process_record
from .witnesses import MemoryWitness as MemoryWitness
from .witnesses import concurrence_and_assistance as concurrence_and_assistance
from .witnesses import design_witness as design_witness

__all__ = [
    "FeedbackLaw",
    "Interval",
    "LeakyBit",
    "MemoryClass",
    "MemoryDesign",
    "MemoryWitness",
    "PhaseMemory",
    "ProcessRecord",
    "RelaxingMemory",
    "classify_memory",
    "concurrence_and_assistance",
    "design_memory",
    "design_witness",
    "draw_process",
    "exact_feedback",
    "exact_shotwise",
    "feedback_ensemble",
    "feedback_equation",
    "memory_amplitude",
    "memory_network",
    "memory_trajectory",
    "memristor_maps",
    "prepared_inputs",
    "process_record",
    "run_feedback",
    "run_shotwise",
    "shift_current",
    "shotwise_circuits",
    "shotwise_equation",
    "shotwise_maps",
]
