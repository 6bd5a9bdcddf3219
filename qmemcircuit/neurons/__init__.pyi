from . import dynamics as dynamics
from . import hodgkin_huxley as hodgkin_huxley
from . import inputs as inputs
from . import integrate_and_fire as integrate_and_fire
from . import photonic as photonic
from . import qlif as qlif
from . import shuttle as shuttle
from .hodgkin_huxley import QuantizedNeuron as QuantizedNeuron
from .inputs import ConstantInput as ConstantInput
from .inputs import LinearRamp as LinearRamp
from .inputs import PiecewiseInput as PiecewiseInput
from .inputs import SampledInput as SampledInput
from .inputs import SinusoidalDrive as SinusoidalDrive
from .inputs import SpikeTrain as SpikeTrain
from .integrate_and_fire import IntegrateAndFire as IntegrateAndFire
from .photonic import PhotonicMemristor as PhotonicMemristor
from .qlif import CircuitNeuron as CircuitNeuron
from .shuttle import ShuttleNeuron as ShuttleNeuron

__all__ = [
    "CircuitNeuron",
    "ConstantInput",
    "IntegrateAndFire",
    "LinearRamp",
    "PhotonicMemristor",
    "PiecewiseInput",
    "QuantizedNeuron",
    "SampledInput",
    "ShuttleNeuron",
    "SinusoidalDrive",
    "SpikeTrain",
    "dynamics",
    "hodgkin_huxley",
    "inputs",
    "integrate_and_fire",
    "photonic",
    "qlif",
    "shuttle",
]
