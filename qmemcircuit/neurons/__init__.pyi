from . import dynamics as dynamics
from . import hodgkin_huxley as hodgkin_huxley
from . import inputs as inputs
from . import integrate_and_fire as integrate_and_fire
from . import photonic as photonic
from . import qlif as qlif
from . import shuttle as shuttle
from .contract import dynamical_system as dynamical_system
from .contract import simulate as simulate
from .hodgkin_huxley import QuantizedNeuron as QuantizedNeuron
from .hodgkin_huxley.membrane import Membrane as Membrane
from .inputs import ConstantInput as ConstantInput
from .inputs import LinearRamp as LinearRamp
from .inputs import PiecewiseInput as PiecewiseInput
from .inputs import SampledInput as SampledInput
from .inputs import SinusoidalDrive as SinusoidalDrive
from .inputs import SpikeTrain as SpikeTrain
from .integrate_and_fire import IntegrateAndFire as IntegrateAndFire
from .methods import Classical as Classical
from .methods import Digital as Digital
from .methods import Exact as Exact
from .methods import Fock as Fock
from .methods import Moments as Moments
from .photonic import PhotonicMemristor as PhotonicMemristor
from .qlif import CircuitNeuron as CircuitNeuron
from .shuttle import ShuttleNeuron as ShuttleNeuron

__all__ = [
    "CircuitNeuron",
    "Classical",
    "ConstantInput",
    "Digital",
    "Exact",
    "Fock",
    "IntegrateAndFire",
    "LinearRamp",
    "Membrane",
    "Moments",
    "PhotonicMemristor",
    "PiecewiseInput",
    "QuantizedNeuron",
    "SampledInput",
    "ShuttleNeuron",
    "SinusoidalDrive",
    "SpikeTrain",
    "dynamical_system",
    "dynamics",
    "hodgkin_huxley",
    "inputs",
    "integrate_and_fire",
    "photonic",
    "qlif",
    "shuttle",
    "simulate",
]
