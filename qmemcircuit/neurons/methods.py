"""How a neuron is simulated: small objects for `neurons.simulate`.

Which of them a neuron knows stands in its `methods`, the first being what None takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import check_choice, check_integer, check_real
from qmemcircuit.common.data_objects import data_object

if TYPE_CHECKING:
    from qiskit.primitives import BaseSamplerV2

    from qmemcircuit.circuits.protocols import Target


@data_object
@dataclass(frozen=True)
class Exact:
    """The model's own equations: no shots, no truncation.

    >>> from qmemcircuit import neurons
    >>> neuron = neurons.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    >>> neurons.simulate(neuron, [0.0, 0.5], method=neurons.Exact()).voltage.shape
    (2, 1)
    """


@data_object
@dataclass(frozen=True)
class Classical:
    """The classical circuit: mean values alone, without quantum fluctuations.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(
    ...     neurons.IntegrateAndFire(),
    ...     np.linspace(0, 5, 101),
    ...     input=1.0,
    ...     method=neurons.Classical(),
    ... )
    >>> sorted(found.events)
    ['spikes']
    """


@data_object
@dataclass(frozen=True)
class Moments:
    """Gaussian moments: means and covariances, which are the whole of a Gaussian state.

    Attributes:
        dissipator: "caldeira-leggett", or "gksl", which needs a finite inductance.
        leak_scale: s > 0 of "gksl".
        threshold: "deterministic", or "stochastic", which needs a seed.
        seed: of the stochastic threshold.
        covariance: (σ_φφ, σ_φQ, σ_QQ) at t = 0 and after a reset; None is the thermal state's.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(
    ...     neurons.IntegrateAndFire(inductance=1.0),
    ...     [0.0, 0.5],
    ...     input=0.2,
    ...     method=neurons.Moments(),
    ... )
    >>> found.voltage.shape
    (2, 1)
    """

    dissipator: str = "caldeira-leggett"
    leak_scale: float = 1.0
    threshold: str = "deterministic"
    seed: int | None = None
    covariance: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        check_choice("dissipator", self.dissipator, ("caldeira-leggett", "gksl"))
        check_real("leak_scale", self.leak_scale, minimum=0, exclusive=True)
        check_choice("threshold", self.threshold, ("deterministic", "stochastic"))
        if self.seed is not None:
            check_integer("seed", self.seed, minimum=0)


@data_object
@dataclass(frozen=True)
class Fock:
    """A density matrix in a Fock space.

    Attributes:
        levels: ≥ 2; `integrate_and_fire.levels_needed` says how many.
        leak_scale: s > 0 of the GKSL dissipator.
        truncation_tolerance: largest population of the highest level.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(
    ...     neurons.IntegrateAndFire(inductance=1.0), [0.0, 0.5], input=0.2, method=neurons.Fock(12)
    ... )
    >>> found.voltage.shape
    (2, 1)
    """

    levels: int
    leak_scale: float = 1.0
    truncation_tolerance: float = 1e-6

    def __post_init__(self) -> None:
        check_fields(self)
        check_integer("levels", self.levels, minimum=2)
        check_real("leak_scale", self.leak_scale, minimum=0, exclusive=True)
        check_real("truncation_tolerance", self.truncation_tolerance, minimum=0, exclusive=True)


@data_object
@dataclass(frozen=True, eq=False)
class Digital:
    """Circuits in a closed loop, step by step at equal times.

    Attributes:
        shots: of each circuit; None: the circuit's exact means, for the shuttle alone.
        feedback: the shuttle's: "exact", "history", "reprepare", and on a target "bath",
            "composed" too; None is "exact" without shots and "history" with them. The other
            neurons have one way, and take None.
        target: where the circuits run: `aer(seed=…)`, `device(…)`, …; None samples in numbers, or
            on Qiskit's sampler.
        seed: without a target.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> neuron = neurons.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    >>> found = neurons.simulate(
    ...     neuron, np.linspace(0, 0.5, 6), method=neurons.Digital(shots=500, seed=1)
    ... )
    >>> found.voltage.shape
    (6, 1)
    """

    shots: int | None = None
    feedback: str | None = None
    target: Target | BaseSamplerV2 | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, own=("target",))
        if self.target is not None:
            from qmemcircuit.circuits.samplers import as_target

            as_target(self.target)  # refuses what is none
        if self.shots is not None:
            check_integer("shots", self.shots, minimum=1)
        if self.seed is not None:
            check_integer("seed", self.seed, minimum=0)
        if self.feedback is not None:
            ways = ("exact", "history", "reprepare", "bath", "composed")
            check_choice("feedback", self.feedback, ways)


def sampled_shots(method: Digital, neuron: Any) -> int:
    """Return the shots, which `neuron` needs, and refuse a feedback, of which it has one."""
    if method.shots is None:
        raise ValueError(
            f"Argument shots must be given for {type(neuron).__name__}, but it is None: its "
            "circuits are sampled; Exact() has no shots."
        )
    if method.feedback is not None:
        raise ValueError(
            f"Argument feedback must be None for {type(neuron).__name__}, which has one way, but "
            f"{method.feedback!r} was given."
        )
    return method.shots


Method = Exact | Classical | Moments | Fock | Digital
