"""Digital quantum simulation of quantum memristors with Qiskit.

Describe a device once; run it as circuits anywhere; see, with error bars, how far it is from the
master equation. Aer, the runtime client, QuTiP and matplotlib are imported by the functions that
need them, not by this package.
"""

from qmemcircuit.budget import ErrorBudget, error_budget, expected_trajectory
from qmemcircuit.circuits import AncillaPool, CircuitSet, build_circuits, pool
from qmemcircuit.coherent_errors import CoherentErrors
from qmemcircuit.collection import Collection, collect
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
from qmemcircuit.devices import DeviceTarget, device
from qmemcircuit.entanglement import (
    Concurrence,
    Event,
    LaggedCorrelation,
    find_deaths_and_births,
    inverse_relation,
)
from qmemcircuit.estimation import estimate, mitigate
from qmemcircuit.exact import exact_circuit
from qmemcircuit.execution import run
from qmemcircuit.graphs import chain, ring, star
from qmemcircuit.jobs import JobService, resume, submit
from qmemcircuit.loops import Loop, find_loops
from qmemcircuit.means import pauli_mean
from qmemcircuit.measurement import measure_readout
from qmemcircuit.memristors import Memristor, Network
from qmemcircuit.mitigation import MitigatedSamples, Mitigation
from qmemcircuit.noisy_states import device_states
from qmemcircuit.observables import memristive_defect
from qmemcircuit.plotting import (
    plot_budget,
    plot_concurrence,
    plot_loop,
    plot_residuals,
    plot_series,
)
from qmemcircuit.rates import ConstantRate, DecayRate, FunctionRate, SquidRate, TabulatedRate
from qmemcircuit.readout import Readout
from qmemcircuit.records import Record
from qmemcircuit.reference import master_equation
from qmemcircuit.runtime import IbmTarget, ibm
from qmemcircuit.simulation import simulate_circuit
from qmemcircuit.storage import FileFormatError
from qmemcircuit.targets import Target, aer, sampler
from qmemcircuit.trajectory import Samples, Trajectory

__all__ = [
    "AncillaPool",
    "CircuitSet",
    "CoherentErrors",
    "Collection",
    "Comparison",
    "CompiledPair",
    "Concurrence",
    "ConstantRate",
    "ControlledRotation",
    "Coupling",
    "DecayRate",
    "DeviceTarget",
    "ErrorBudget",
    "Event",
    "FileFormatError",
    "FunctionRate",
    "IbmTarget",
    "JobService",
    "LaggedCorrelation",
    "Loop",
    "MatrixCoupling",
    "Memristor",
    "MitigatedSamples",
    "Mitigation",
    "Native",
    "Network",
    "PartialISwap",
    "PartialSwap",
    "Readout",
    "Record",
    "Samples",
    "SquidRate",
    "TabulatedRate",
    "Target",
    "Trajectory",
    "aer",
    "build_circuits",
    "chain",
    "collect",
    "compare",
    "compile_pair",
    "device",
    "device_states",
    "error_budget",
    "estimate",
    "exact_circuit",
    "expected_trajectory",
    "find_deaths_and_births",
    "find_loops",
    "ibm",
    "inverse_relation",
    "master_equation",
    "measure_readout",
    "memristive_defect",
    "mitigate",
    "pauli_mean",
    "plot_budget",
    "plot_concurrence",
    "plot_loop",
    "plot_residuals",
    "plot_series",
    "pool",
    "resume",
    "ring",
    "run",
    "sampler",
    "simulate_circuit",
    "star",
    "submit",
]
