from .family import Family as Family
from .fitting import Fit as Fit
from .fitting import fit as fit
from .fronts import ParetoFront as ParetoFront
from .fronts import pareto_front as pareto_front
from .gradients import Gradient as Gradient
from .gradients import gradient as gradient
from .loop_gradients import NoDerivativeError as NoDerivativeError
from .parameters import parameter_names as parameter_names
from .quantities.entanglement import ConcurrenceAt as ConcurrenceAt
from .quantities.entanglement import MeanConcurrence as MeanConcurrence
from .quantities.entanglement import PeakConcurrence as PeakConcurrence
from .quantities.limits import CouplingStrength as CouplingStrength
from .quantities.limits import DecayIntegral as DecayIntegral
from .quantities.loops import FormFactor as FormFactor
from .quantities.loops import LobeArea as LobeArea
from .quantities.loops import LobeBalance as LobeBalance
from .quantities.loops import LoopAgreement as LoopAgreement
from .quantities.quantity import Quantity as Quantity
from .quantities.readings import DistanceTo as DistanceTo
from .quantities.readings import Reading as Reading
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
