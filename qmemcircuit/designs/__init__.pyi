from .gradients import Gradient as Gradient
from .gradients import gradient as gradient
from .loop_gradients import NoDerivativeError as NoDerivativeError
from .parameters import parameter_names as parameter_names
from .quantities import ConcurrenceAt as ConcurrenceAt
from .quantities import CouplingStrength as CouplingStrength
from .quantities import DecayIntegral as DecayIntegral
from .quantities import DistanceTo as DistanceTo
from .quantities import FormFactor as FormFactor
from .quantities import LobeArea as LobeArea
from .quantities import LobeBalance as LobeBalance
from .quantities import LoopAgreement as LoopAgreement
from .quantities import MeanConcurrence as MeanConcurrence
from .quantities import PeakConcurrence as PeakConcurrence
from .quantities import Quantity as Quantity
from .quantities import Reading as Reading

__all__ = [
    "ConcurrenceAt",
    "CouplingStrength",
    "DecayIntegral",
    "DistanceTo",
    "FormFactor",
    "Gradient",
    "LobeArea",
    "LobeBalance",
    "LoopAgreement",
    "MeanConcurrence",
    "NoDerivativeError",
    "PeakConcurrence",
    "Quantity",
    "Reading",
    "gradient",
    "parameter_names",
]
