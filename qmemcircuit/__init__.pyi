from .analysis.budget import ErrorBudget as ErrorBudget
from .analysis.budget import error_budget as error_budget
from .analysis.comparison import Comparison as Comparison
from .analysis.comparison import compare as compare
from .analysis.entanglement import Event as Event
from .analysis.entanglement import find_deaths_and_births as find_deaths_and_births
from .analysis.loops import Loop as Loop
from .analysis.loops import find_loops as find_loops
from .analysis.multipartite.genuine import GenuineEntanglement as GenuineEntanglement
from .analysis.multipartite.genuine import genuine_entanglement as genuine_entanglement
from .analysis.multipartite.ranking import rank_settings as rank_settings
from .analysis.relations import LaggedCorrelation as LaggedCorrelation
from .analysis.relations import inverse_relation as inverse_relation
from .circuits.build import CircuitSet as CircuitSet
from .circuits.build import build_circuits as build_circuits
from .circuits.build import rebuild_circuits as rebuild_circuits
from .circuits.constant_depth import ConstantDepth as ConstantDepth
from .circuits.options import AncillaPool as AncillaPool
from .circuits.options import pool as pool
from .circuits.pairs.compilation import CompiledPair as CompiledPair
from .circuits.pairs.compilation import compile_pair as compile_pair
from .circuits.protocols import Target as Target
from .circuits.samplers import sampler as sampler
from .circuits.triples.compilation import CompiledTriple as CompiledTriple
from .common.resources import allow_large as allow_large
from .common.storage import FileFormatError as FileFormatError
from .counts.concurrence import Concurrence as Concurrence
from .counts.estimates import Estimate as Estimate
from .counts.means import pauli_mean as pauli_mean
from .counts.mitigated import MitigatedSamples as MitigatedSamples
from .counts.mitigation import Mitigation as Mitigation
from .counts.readout import Readout as Readout
from .counts.resets import ResetCalibration as ResetCalibration
from .counts.samples import Samples as Samples
from .designs.family import Family as Family
from .designs.fitting import fit as fit
from .designs.gradients import gradient as gradient
from .designs.search import Constraint as Constraint
from .designs.search import design as design
from .devices.expected import expected_trajectory as expected_trajectory
from .devices.noise.coherent_errors import CoherentErrors as CoherentErrors
from .devices.resets import ResetChoice as ResetChoice
from .devices.resets import choose_resets as choose_resets
from .devices.resets import measure_resets as measure_resets
from .devices.states import device_states as device_states
from .devices.target import DeviceTarget as DeviceTarget
from .devices.target import device as device
from .memory.classification import MemoryClass as MemoryClass
from .memory.classification import classify_memory as classify_memory
from .memory.memory_qubit import memory_network as memory_network
from .model.couplings import ControlledRotation as ControlledRotation
from .model.couplings import Coupling as Coupling
from .model.couplings import MatrixCoupling as MatrixCoupling
from .model.couplings import Native as Native
from .model.couplings import PartialISwap as PartialISwap
from .model.couplings import PartialSwap as PartialSwap
from .model.drives import Drive as Drive
from .model.graphs import chain as chain
from .model.graphs import ring as ring
from .model.graphs import star as star
from .model.laws.harmonic import HarmonicRate as HarmonicRate
from .model.laws.lorentzian import LorentzianRate as LorentzianRate
from .model.laws.rates import ConstantRate as ConstantRate
from .model.laws.rates import DecayRate as DecayRate
from .model.laws.rates import FunctionRate as FunctionRate
from .model.laws.rates import SquidRate as SquidRate
from .model.laws.tabulated import TabulatedRate as TabulatedRate
from .model.memristors import Memristor as Memristor
from .model.memristors import Network as Network
from .plotting.bloch import plot_bloch as plot_bloch
from .plotting.distances import plot_budget as plot_budget
from .plotting.distances import plot_residuals as plot_residuals
from .plotting.entanglement import plot_concurrence as plot_concurrence
from .plotting.figures import plot_loop as plot_loop
from .plotting.figures import plot_series as plot_series
from .plotting.graphs import plot_graph as plot_graph
from .plotting.parameter_planes import plot_map as plot_map
from .results.calibration_drift import CalibrationDrift as CalibrationDrift
from .results.certificate import Certificate as Certificate
from .results.estimation import estimate as estimate
from .results.estimation import mitigate as mitigate
from .results.observables import memristive_defect as memristive_defect
from .results.observables import select_current as select_current
from .results.records import Record as Record
from .results.trajectory import Trajectory as Trajectory
from .runs.choosing import DeviceChoice as DeviceChoice
from .runs.choosing import DevicePrediction as DevicePrediction
from .runs.choosing import choose_device as choose_device
from .runs.execution import run as run
from .runs.jobs.collection import Collection as Collection
from .runs.jobs.collection import collect as collect
from .runs.jobs.ibm import IbmTarget as IbmTarget
from .runs.jobs.ibm import ibm as ibm
from .runs.jobs.protocols import JobService as JobService
from .runs.jobs.submission import resume as resume
from .runs.jobs.submission import submit as submit
from .runs.judgement import Judgement as Judgement
from .runs.judgement import judge as judge
from .runs.measurement import measure_readout as measure_readout
from .runs.planning import Plan as Plan
from .runs.planning import plan as plan
from .runs.precision import ExpectedErrors as ExpectedErrors
from .runs.precision import Precision as Precision
from .runs.references import reference_trajectory as reference_trajectory
from .runs.rehearsal import Rehearsal as Rehearsal
from .runs.rehearsal import rehearse as rehearse
from .runs.voltages import predict_voltages as predict_voltages
from .runs.volume import MemristorVolume as MemristorVolume
from .runs.volume import VolumeCell as VolumeCell
from .runs.volume import memristor_volume as memristor_volume
from .simulation.batches import Batch as Batch
from .simulation.batches import exact_batch as exact_batch
from .simulation.certification.certificates import certify as certify
from .simulation.exact import exact_circuit as exact_circuit
from .simulation.master_equation import master_equation as master_equation
from .simulation.propagation import PauliPropagation as PauliPropagation
from .simulation.routes import Route as Route
from .simulation.routes import Routes as Routes
from .simulation.routes import compare_routes as compare_routes
from .simulation.targets import aer as aer
from .simulation.trajectories import simulate_circuit as simulate_circuit
from .sweeps.sweep import sweep as sweep

__all__ = [
    "allow_large",
    "AncillaPool",
    "Batch",
    "CalibrationDrift",
    "Certificate",
    "CircuitSet",
    "CoherentErrors",
    "Collection",
    "Comparison",
    "CompiledPair",
    "CompiledTriple",
    "Concurrence",
    "ConstantDepth",
    "ConstantRate",
    "Constraint",
    "ControlledRotation",
    "Coupling",
    "DecayRate",
    "DeviceTarget",
    "ErrorBudget",
    "Estimate",
    "Event",
    "Family",
    "FileFormatError",
    "FunctionRate",
    "HarmonicRate",
    "GenuineEntanglement",
    "IbmTarget",
    "JobService",
    "Judgement",
    "LaggedCorrelation",
    "Loop",
    "Drive",
    "LorentzianRate",
    "MatrixCoupling",
    "MemoryClass",
    "MemristorVolume",
    "VolumeCell",
    "Memristor",
    "MitigatedSamples",
    "Mitigation",
    "Native",
    "Network",
    "PartialISwap",
    "PartialSwap",
    "PauliPropagation",
    "Plan",
    "Readout",
    "Record",
    "Rehearsal",
    "ResetCalibration",
    "ResetChoice",
    "Route",
    "Routes",
    "Samples",
    "SquidRate",
    "TabulatedRate",
    "Target",
    "Trajectory",
    "aer",
    "build_circuits",
    "certify",
    "chain",
    "choose_resets",
    "classify_memory",
    "collect",
    "compare",
    "compare_routes",
    "compile_pair",
    "design",
    "device",
    "device_states",
    "error_budget",
    "estimate",
    "exact_batch",
    "exact_circuit",
    "expected_trajectory",
    "find_deaths_and_births",
    "find_loops",
    "fit",
    "gradient",
    "ibm",
    "genuine_entanglement",
    "inverse_relation",
    "judge",
    "master_equation",
    "measure_readout",
    "measure_resets",
    "memory_network",
    "memristive_defect",
    "memristor_volume",
    "mitigate",
    "pauli_mean",
    "plan",
    "plot_bloch",
    "plot_budget",
    "plot_concurrence",
    "plot_graph",
    "plot_loop",
    "plot_map",
    "plot_residuals",
    "plot_series",
    "pool",
    "predict_voltages",
    "rank_settings",
    "rehearse",
    "rebuild_circuits",
    "resume",
    "ring",
    "run",
    "sampler",
    "select_current",
    "simulate_circuit",
    "star",
    "submit",
    "sweep",
]
