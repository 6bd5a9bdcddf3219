"""Digital quantum simulation of quantum memristors with Qiskit.

Describe a device once; run it as circuits anywhere; see, with error bars, how far it is from the
master equation. Aer, the runtime client, QuTiP and matplotlib are imported by the functions that
need them, not by this package.
"""

from qmemcircuit.circuits import AncillaPool, CircuitSet, build_circuits, pool
from qmemcircuit.comparison import Comparison, compare
from qmemcircuit.compiled import CompiledPair, compile_pair
from qmemcircuit.couplings import (
    ControlledRotation,
    Coupling,
    MatrixCoupling,
    Native,
    PartialISwap,
    PartialSwap,
)
from qmemcircuit.entanglement import (
    Concurrence,
    Event,
    LaggedCorrelation,
    find_deaths_and_births,
    inverse_relation,
)
from qmemcircuit.estimation import estimate, pauli_mean
from qmemcircuit.exact import exact_circuit
from qmemcircuit.execution import Record, run
from qmemcircuit.graphs import chain, ring, star
from qmemcircuit.loops import Loop, find_loops
from qmemcircuit.memristors import Memristor, Network
from qmemcircuit.observables import memristive_defect
from qmemcircuit.plotting import plot_concurrence, plot_loop, plot_residuals, plot_series
from qmemcircuit.rates import ConstantRate, DecayRate, FunctionRate, SquidRate, TabulatedRate
from qmemcircuit.reference import master_equation
from qmemcircuit.simulation import simulate_circuit
from qmemcircuit.storage import FileFormatError
from qmemcircuit.targets import Target, aer, sampler
from qmemcircuit.trajectory import Samples, Trajectory

__all__ = [
    "AncillaPool",
    "CircuitSet",
    "Comparison",
    "CompiledPair",
    "Concurrence",
    "ConstantRate",
    "ControlledRotation",
    "Coupling",
    "DecayRate",
    "Event",
    "FileFormatError",
    "FunctionRate",
    "LaggedCorrelation",
    "Loop",
    "MatrixCoupling",
    "Memristor",
    "Native",
    "Network",
    "PartialISwap",
    "PartialSwap",
    "Record",
    "Samples",
    "SquidRate",
    "TabulatedRate",
    "Target",
    "Trajectory",
    "aer",
    "build_circuits",
    "chain",
    "compare",
    "compile_pair",
    "estimate",
    "exact_circuit",
    "find_deaths_and_births",
    "find_loops",
    "inverse_relation",
    "master_equation",
    "memristive_defect",
    "pauli_mean",
    "plot_concurrence",
    "plot_loop",
    "plot_residuals",
    "plot_series",
    "pool",
    "ring",
    "run",
    "sampler",
    "simulate_circuit",
    "star",
]
