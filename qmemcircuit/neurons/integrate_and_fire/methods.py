"""How a neuron's moments decay, and what makes it fire: small objects behind two keywords."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.checks import FloatArray, check_choice, check_integer, check_real
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True)
class Classical:
    """The circuit without moments."""

    name = "classical"


@data_object
@dataclass(frozen=True)
class CaldeiraLeggett:
    """(A): means of the classical circuit; not completely positive."""

    name = "caldeira-leggett"


@data_object
@dataclass(frozen=True)
class Gksl:
    """(B): the mode operator decays at κ = sΓ with s = `leak_scale` > 0; completely positive."""

    leak_scale: float = 1.0
    name = "gksl"

    def __post_init__(self) -> None:
        check_real("leak_scale", self.leak_scale, minimum=0, exclusive=True)


Method = Classical | CaldeiraLeggett | Gksl


def method_named(dissipator: str, leak_scale: float) -> Method:
    """Return the method of that name."""
    scaled = Gksl(leak_scale)  # checked for every method
    name = check_choice("dissipator", dissipator, ("classical", "caldeira-leggett", "gksl"))
    if name == "gksl":
        return scaled
    return Classical() if name == "classical" else CaldeiraLeggett()


@data_object
@dataclass(frozen=True)
class Deterministic:
    """Fires where the mean voltage reaches V_th."""

    def draws(self) -> Callable[[int], FloatArray]:
        """Return a source of ξ = 0."""
        return np.zeros


@data_object
@dataclass(frozen=True)
class Stochastic:
    """Fires where the mean reaches V_th + ξσ_V, ξ a standard normal of each interval."""

    seed: int

    def __post_init__(self) -> None:
        check_integer("seed", self.seed, minimum=0)

    def draws(self) -> Callable[[int], FloatArray]:
        """Return a source of ξ that starts from the seed."""
        return np.random.default_rng(self.seed).standard_normal


Threshold = Deterministic | Stochastic


def threshold_named(threshold: str, seed: int | None, method: Method) -> Threshold:
    """Return the threshold of that name; a stochastic one needs a seed and a variance."""
    if check_choice("threshold", threshold, ("deterministic", "stochastic")) == "deterministic":
        return Deterministic()
    if seed is None or isinstance(method, Classical):
        raise ValueError(
            "Argument threshold='stochastic' must come with a seed and a quantum dissipator, but "
            f"seed={seed} and dissipator={method.name!r} were given; the classical circuit has no "
            "voltage variance."
        )
    return Stochastic(seed)


@data_object
@dataclass
class Bound:
    """What the solver's steps said of σ_φφσ_QQ − σ_φQ² ≥ ħ²/4, in units of ħ²/4.

    `steps` counts the places that were looked at: SciPy's step ends, or the compiled stepper's five
    of each step and those where it sought a spike.
    """

    steps: int = 0
    violations: int = 0
    smallest: float = math.inf
    first_time: float | None = None

    def add(self, times: FloatArray, relative: FloatArray) -> None:
        """Count steps at `times` with determinants `relative`, shape (N, T)."""
        worst = relative.min(axis=0)
        # 1e-6: far above the integration's error, far below any violation of interest.
        broken = worst < 1 - 1e-6
        self.steps += int(times.size)
        self.violations += int(broken.sum())
        self.smallest = min(self.smallest, float(worst.min()))
        if broken.any() and self.first_time is None:
            self.first_time = float(times[int(np.argmax(broken))])
