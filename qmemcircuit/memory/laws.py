"""How a memory outside follows what is measured: feedback laws.

A `FeedbackLaw` is what a memristor is by definition (Chua and Kang, 1976): dμ/dt = f(μ, V) and a
conductance that depends on μ. A law of one's own is one class with three methods. A `LeakyBit` is
the memory of a single shot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.drives import Drive
from qmemcircuit.model.memristors import Memristor, Network, require_cold


@runtime_checkable
class FeedbackLaw(Protocol):
    """A memory variable μ that the mean voltage drives, and the decay rate that it sets.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> isinstance(memory.PhaseMemory(0.4, gain=2.0), memory.FeedbackLaw)
    True
    """

    @property
    def initial(self) -> float:
        """μ at t = 0."""
        ...

    def flow(self, memory: FloatArray, voltage: FloatArray) -> FloatArray:
        """Return dμ/dt = f(μ, V), same shape as both."""
        ...

    def rate(self, memory: FloatArray) -> FloatArray:
        """Return Γ(μ) ≥ 0, same shape as `memory`."""
        ...


@data_object
@dataclass(frozen=True)
class PhaseMemory:
    """The self-consistent SQUID: Γ = γ0 (1 + cos φ), φ' = kV.

    The conductance-asymmetric SQUID of guo2022 (its Γ(t) = γ0(1 − sin cos ωt)) has the phase bias
    φ = π/2 + cos ωt from outside. Here the phase is the device's own: by Josephson's second
    relation it follows the voltage, and a voltage that dies takes the swing of the phase with it.

    Args:
        decay_scale: γ0 ≥ 0, in 1/time.
        gain: k, in 1/(voltage · time).
        initial: φ at t = 0.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> law = memory.PhaseMemory(0.4, gain=2.0)
    >>> memory.feedback_equation(memristor, law, [0.0, 0.5]).voltage.shape
    (2, 1)
    """

    decay_scale: float
    gain: float
    initial: float = 0.5 * math.pi

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("decay_scale", self.decay_scale, minimum=0)

    def flow(self, memory: ArrayLike, voltage: ArrayLike) -> FloatArray:
        """Return kV."""
        check_arguments(PhaseMemory.flow, locals())
        return np.asarray(self.gain * np.asarray(voltage) + 0 * np.asarray(memory))

    def rate(self, memory: ArrayLike) -> FloatArray:
        """Return γ0 (1 + cos φ)."""
        check_arguments(PhaseMemory.rate, locals())
        return np.asarray(self.decay_scale * (1 + np.cos(memory)))


@data_object
@dataclass(frozen=True)
class RelaxingMemory:
    """Γ = γ (1 + tanh(μ)), μ' = kV − μ/τ: a memory that also forgets.

    Args:
        decay_scale: γ ≥ 0, in 1/time.
        gain: k, in 1/(voltage · time).
        lifetime: τ > 0.
        initial: μ at t = 0.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> law = memory.RelaxingMemory(0.4, gain=2.0, lifetime=3.0)
    >>> memory.feedback_equation(memristor, law, [0.0, 0.5]).voltage.shape
    (2, 1)
    """

    decay_scale: float
    gain: float
    lifetime: float
    initial: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("decay_scale", self.decay_scale, minimum=0)
        check_real("lifetime", self.lifetime, minimum=0, exclusive=True)

    def flow(self, memory: ArrayLike, voltage: ArrayLike) -> FloatArray:
        """Return kV − μ/τ."""
        check_arguments(RelaxingMemory.flow, locals())
        return np.asarray(self.gain * np.asarray(voltage) - np.asarray(memory) / self.lifetime)

    def rate(self, memory: ArrayLike) -> FloatArray:
        """Return γ (1 + tanh μ)."""
        check_arguments(RelaxingMemory.rate, locals())
        return np.asarray(self.decay_scale * (1 + np.tanh(memory)))


@data_object
@dataclass(frozen=True)
class LeakyBit:
    """The memory of one shot: a decay that the ancilla sees sets a bit, which lives a time τ.

    The bit must live a physical time. A bit that is only the last outcome has no continuous limit:
    it is set with a probability of order dt, and its effect vanishes with the step.

    Args:
        lifetime: τ > 0; math.inf never forgets.
        quiet_rate: Γ0 ≥ 0 while the bit is 0, in 1/time.
        clicked_rate: Γ1 ≥ 0 while it is 1.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> bit = memory.LeakyBit(lifetime=2.0, quiet_rate=0.4, clicked_rate=1.5)
    >>> memory.exact_shotwise(memristor, bit, [0.0, 0.1, 0.2]).voltage.shape
    (3, 1)
    """

    lifetime: float
    quiet_rate: float
    clicked_rate: float

    def __post_init__(self) -> None:
        check_fields(self, infinite=("lifetime",))
        if not self.lifetime > 0:
            raise ValueError(
                f"Argument lifetime must be above 0, but {self.lifetime!r} was given; a bit that "
                "is forgotten at once has no continuous limit."
            )
        for name in ("quiet_rate", "clicked_rate"):
            check_real(name, getattr(self, name), minimum=0)


def require_plain(memristor: Memristor) -> None:
    """Raise ValueError where a memristor is warm, dephased or driven: mean-field takes none yet."""
    require_cold(Network([memristor]), "a memory outside")


def driven_by(memristor: Memristor) -> Drive:
    """Return the σy drive of a cold memristor, or one of no strength; ValueError for others."""
    require_cold(Network([replace(memristor, drive=None)]), "a memory outside")
    if memristor.drive is None:
        return Drive("y", 0.0)
    if memristor.drive.axis != "y":
        raise ValueError(
            "Argument memristor must be driven along y, if at all, for a memory outside, but it "
            f"has {memristor.drive}: only a σy drive adds no current of its own."
        )
    return memristor.drive.at_frequency(memristor.omega)
