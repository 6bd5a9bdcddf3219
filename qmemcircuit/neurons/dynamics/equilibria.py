"""Equilibria of any system: location, stability, Hopf and fold points, criticality."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    integrate,
    require_autonomous,
)

# Central differences of eighth order: weights of f(±h … ±4h) for f′ and, with f(0), for f″.
_FIRST = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
_SECOND = (8 / 5, -1 / 5, 8 / 315, -1 / 560)
_SECOND_CENTRE = -205 / 72


@data_object
@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A point with f = 0: `state` (n,) and the `eigenvalues` (n,) of the Jacobian there."""

    state: FloatArray
    eigenvalues: NDArray[np.complex128]

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def stable(self) -> bool:
        """All eigenvalues have negative real parts."""
        return bool(np.all(self.eigenvalues.real < 0))

    @property
    def leading_pair(self) -> complex:
        """The eigenvalue of largest real part among those with Im > 0 (NaN if none)."""
        pairs = self.eigenvalues[self.eigenvalues.imag > 0]
        return complex(pairs[np.argmax(pairs.real)]) if pairs.size else complex(math.nan)


@data_object
@dataclass(frozen=True, eq=False)
class HopfNormalForm:
    """The cycle that an Andronov–Hopf point gives birth to, to leading order.

    Attributes:
        state: the equilibrium.
        frequency: ω of the critical pair ±iω.
        coefficient: first Lyapunov coefficient l₁ for ⟨q, q⟩ = 1 (Kuznetsov, *Elements of Applied
            Bifurcation Theory*, Eq. 5.34). Its sign is invariant, its size depends on the norm.
        eigenvector: q, (n,) complex.
    """

    state: FloatArray
    frequency: float
    coefficient: float
    eigenvector: NDArray[np.complex128]

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def supercritical(self) -> bool:
        """l₁ < 0: the cycle is stable and exists where the equilibrium is unstable."""
        return self.coefficient < 0

    def span(self, growth_rate: float, variable: int = 0) -> float:
        """Peak-to-peak size of the cycle where the pair's real part is `growth_rate`.

        4 |q_i| √(−Re μ/(ω l₁)): the leading order of a square-root law; not valid far away.
        """
        check_arguments(HopfNormalForm.span, locals())
        if not -self.state.size <= variable < self.state.size:
            raise ValueError(
                f"Argument variable must be from 0 to {self.state.size - 1}, but {variable} was "
                "given."
            )
        ratio = -growth_rate / (self.frequency * self.coefficient)
        if ratio < 0:
            side = "positive" if self.supercritical else "negative"
            raise ValueError(
                f"Argument growth_rate must be {side} here, but {growth_rate:g} was given: the "
                "cycle lies on the other side of the bifurcation."
            )
        return 4 * abs(complex(self.eigenvector[variable])) * math.sqrt(ratio)


def find_equilibrium(
    system: DynamicalSystem, guess: ArrayLike, *, time: float = 0.0
) -> Equilibrium:
    """Return the equilibrium that Newton's method reaches from `guess`.

    Where it reaches none, it begins anew from where the system itself has settled. Of a line of
    equilibria (an eigenvalue 0) it is one.

    Raises:
        ValueError: the system is driven, or no equilibrium is found from there.
    """
    check_arguments(find_equilibrium, locals())
    require_autonomous(system, "find a periodic orbit instead")
    start = system.check_state(guess)
    state, size = _solve(system, start, time)
    if not size < _RESTS:
        try:
            settled = integrate(
                system, [0.0, settling_time(system, start)], start, method="automatic"
            )[-1]
            state, size = _solve(system, settled, time)
        except IntegrationError:
            size = math.inf
    if not size < _RESTS:
        raise ValueError(
            f"Argument guess must lie near an equilibrium, but from {start.tolist()} none was "
            f"found: the search ended with |f| = {size:.3g}, also after settling."
        )
    values = np.linalg.eigvals(system.jacobian(state, time)).astype(complex)
    return Equilibrium(state, np.asarray(values))


# Newton converges to rounding; 1e-9 tells that from a near miss.
_RESTS = 1e-9


def _solve(system: DynamicalSystem, start: FloatArray, time: float) -> tuple[FloatArray, float]:
    """Return where Powell's hybrid method ends and |f| there; inf where it left f's domain."""
    from scipy.optimize import root

    def value(y: FloatArray) -> FloatArray:
        return system.rate(y, time)

    try:
        found = root(value, start, jac=lambda y: system.jacobian(y, time), options={"xtol": 1e-14})
        return found.x, float(np.abs(value(found.x)).max())
    except ValueError:  # a step beyond what f is defined for, such as gates that are negative
        return start, math.inf


def settling_time(system: DynamicalSystem, start: FloatArray) -> float:
    """Return a hundred times of the slowest decay, of those above 1 % of the fastest motion."""
    values = np.linalg.eigvals(system.jacobian(start))
    fastest = float(np.abs(values).max())
    decays = np.abs(values.real)[np.abs(values.real) > 1e-2 * fastest]
    slowest = float(decays.min()) if decays.size else fastest
    return 100.0 / slowest if slowest > 0 else 100.0


def find_hopf(
    system_at: Callable[[float], DynamicalSystem],
    bracket: tuple[float, float],
    guess: ArrayLike,
) -> tuple[float, Equilibrium]:
    """Return the parameter in `bracket` where a complex pair crosses the imaginary axis.

    `system_at(parameter)` gives the system; the equilibrium is followed from `guess`.

    Raises:
        ValueError: the pair's real part has the same sign at both ends.
    """
    check_arguments(find_hopf, locals())
    from scipy.optimize import brentq

    memory = {"state": np.asarray(guess, dtype=float)}

    def real_part(parameter: float) -> float:
        point = find_equilibrium(system_at(parameter), memory["state"])
        memory["state"] = point.state
        return point.leading_pair.real

    low, high = real_part(bracket[0]), real_part(bracket[1])
    if not low * high < 0:
        raise ValueError(
            f"Argument bracket must enclose a Hopf point, but the pair's real part is {low:.4g} "
            f"at {bracket[0]:g} and {high:.4g} at {bracket[1]:g}."
        )
    parameter = float(brentq(real_part, *bracket, xtol=1e-14, rtol=1e-14))
    return parameter, find_equilibrium(system_at(parameter), memory["state"])


def hopf_normal_form(
    system: DynamicalSystem, state: ArrayLike, *, step: float = 0.03
) -> HopfNormalForm:
    """Return frequency and first Lyapunov coefficient at a Hopf point.

    l₁ = Re[⟨p, C(q,q,q̄)⟩ − 2⟨p, B(q, A⁻¹B(q,q̄))⟩ + ⟨p, B(q̄, (2iω − A)⁻¹B(q,q))⟩]/(2ω), with
    A q = iω q, Aᵀ p = −iω p, ⟨q,q⟩ = ⟨p,q⟩ = 1. B and C are directional derivatives of the
    Jacobian, by central differences of eighth order with `step`: choose it well below the scale
    on which the Jacobian varies.

    Raises:
        ValueError: the system is driven, or the equilibrium has no complex pair.
    """
    check_arguments(hopf_normal_form, locals())
    check_real("step", step, minimum=0, exclusive=True)
    require_autonomous(system, "an equilibrium has no meaning there")
    centre = system.check_state(state)
    matrix = system.jacobian(centre)
    values, vectors = np.linalg.eig(matrix)
    upper = np.flatnonzero(values.imag > 0)
    if upper.size == 0:
        raise ValueError(
            "Argument state must be an equilibrium with a complex pair, but its eigenvalues are "
            f"{np.round(values, 6).tolist()}."
        )
    chosen = upper[np.argmin(np.abs(values[upper].real))]
    frequency = float(values[chosen].imag)
    q = np.asarray(vectors[:, chosen] / np.linalg.norm(vectors[:, chosen]), dtype=complex)
    left_values, left_vectors = np.linalg.eig(matrix.T)
    p = left_vectors[:, np.argmin(np.abs(left_values - np.conj(values[chosen])))]
    p = np.asarray(p / np.conj(np.vdot(p, q)), dtype=complex)

    def second(u: FloatArray) -> FloatArray:
        total = np.zeros(system.dimension)
        for k, weight in enumerate(_FIRST, start=1):
            forward = system.jacobian(centre + k * step * u)
            backward = system.jacobian(centre - k * step * u)
            total += weight / step * ((forward - backward) @ u)
        return total

    def third(u: FloatArray) -> FloatArray:
        total = _SECOND_CENTRE / step**2 * (matrix @ u)
        for k, weight in enumerate(_SECOND, start=1):
            forward = system.jacobian(centre + k * step * u)
            backward = system.jacobian(centre - k * step * u)
            total = total + weight / step**2 * ((forward + backward) @ u)
        return np.asarray(total)

    def bilinear(u: FloatArray, v: FloatArray) -> FloatArray:
        return (second(u + v) - second(u - v)) / 4

    def form_b(u: NDArray[np.complex128], v: NDArray[np.complex128]) -> NDArray[np.complex128]:
        real = bilinear(u.real, v.real) - bilinear(u.imag, v.imag)
        return np.asarray(real + 1j * (bilinear(u.real, v.imag) + bilinear(u.imag, v.real)))

    def form_c(u: FloatArray, v: FloatArray) -> FloatArray:
        return (third(u + v) - third(u - v) - 2 * third(v)) / 6  # C(u, u, v)

    a, b = q.real, q.imag
    cubic = third(a) + form_c(b, a) + 1j * (form_c(a, b) + third(b))
    mixed = np.linalg.solve(matrix, form_b(q, q.conj()))
    doubled = np.linalg.solve(2j * frequency * np.eye(len(q)) - matrix, form_b(q, q))
    total = np.vdot(p, cubic) - 2 * np.vdot(p, form_b(q, np.asarray(mixed, dtype=complex)))
    total += np.vdot(p, form_b(q.conj(), doubled.astype(complex)))
    return HopfNormalForm(centre, frequency, float(total.real) / (2 * frequency), q)
