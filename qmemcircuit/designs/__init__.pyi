from .family import Family as Family
from .fitting import Fit as Fit
from .fitting import fit as fit
from .fronts import ParetoFront as ParetoFront
from .fronts import pareto_front as pareto_front
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
from .search import Constraint as Constraint
from .search import Design as Design
from .search import design as design

__all__ = [
    "ConcurrenceAt",
    "Constraint",
    "CouplingStrength",
    "DecayIntegral",
    "Design",
    "DistanceTo",
    "Family",
    "Fit",
    "FormFactor",
    "Gradient",
    "LobeArea",
    "LobeBalance",
    "LoopAgreement",
    "MeanConcurrence",
    "NoDerivativeError",
    "ParetoFront",
    "PeakConcurrence",
    "Quantity",
    "Reading",
    "design",
    "fit",
    "gradient",
    "parameter_names",
    "pareto_front",
]
