"""`reference_trajectory`: what a measurement is judged by, however many memristors there are.

Up to about eight it is the master equation itself. Beyond, it is the same equation in the
Heisenberg picture (`propagation`): Strang's splitting in steps short enough, Pauli strings kept as
far as it takes. Both leave an error, which is measured, halved where it is too large, and returned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import build_circuits
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_times
from qmemcircuit.common.resources import large_allowed, too_large, too_long
from qmemcircuit.model.laws.rates import DecayRate
from qmemcircuit.model.memristors import Model, Network, as_network
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.simulation.master_equation import estimate_master_equation, master_equation
from qmemcircuit.simulation.propagation import PauliPropagation, probe_propagation
from qmemcircuit.simulation.trajectories import simulate_circuit

CUT_OFFS = (
    PauliPropagation(5, 3e-5),
    PauliPropagation(6, 1e-5),
    PauliPropagation(7, 3e-6),
    PauliPropagation(8, 1e-6),
    PauliPropagation(9, 3e-7),
)
"""Each keeps three times as much as the one before."""

WANTED = 1e-3
"""Error of V in units of √(mħω/2): a fifth of the shot noise of ten thousand shots."""

MOST_SECONDS = 60.0
"""No refinement is begun that is estimated to take longer."""

LARGEST_TURN = 0.4
"""Radians that a Strang step turns the fastest memristor by, to begin with."""

TELLS_FROM = 1 / 3
"""Of V's root mean square: with a larger error, a device that shows no voltage at all would lie
within three errors of the reference, and agreement would mean nothing."""

SMALL_ANYWAY = 0.01
"""Error in units of √(mħω/2) that is never refused: beside a V that vanishes, nothing is small."""

SLOPE_BEYOND = 6
"""Memristors. Of fewer, the states' own derivative is taken (`rate_factor`)."""

FACTOR_STEP = 0.05
"""κ = 1 ± this for the derivative to a common factor on the decay rates."""


def reference_trajectory(model: Model, times: ArrayLike) -> Trajectory:
    """Return what a measurement of `model` is judged by: V and I of its master equation.

    Where it fits this machine (up to about eight memristors) that is `master_equation`. Beyond,
    V and I are propagated in the Heisenberg picture, by Strang's splitting. Cut-offs and steps are
    refined until the error of V is 1e-3 of √(mħω/2), or the next refinement is estimated to take
    more than a minute. That error is the practical one of `simulate_circuit(…,
    method=PauliPropagation(…))` and, added to it, a third of what half as many steps change
    (Strang's error falls as the square of the step). It is *not* a bound: how often it holds,
    `python -m experiments.benchmarks.propagation` prints.

    Args:
        model: a `Memristor` or a `Network`.
        times: shape (T,).

    Returns:
        Trajectory. Of the master equation with states and no errors; else without states, with
        errors of V and I. For more than six cold memristors without drives also
        `variables["rate_slope"]`, (T, M): by how much V changes with a common factor on all decay
        rates.
        `provenance["reference"]` says which it is.

    Raises:
        ValueError: where the error that is left is a third of V or more, naming the time up to
            which it is not; for a joint initial state of many memristors.
        ImportError: where numba is missing.

    >>> import qmemcircuit as qm
    >>> many = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 13, qm.Native("y", 0.06))
    >>> found = qm.reference_trajectory(many, [1.0])
    >>> found.voltage.shape, bool(found.voltage_error.max() < 1e-3)
    ((1, 13), True)
    """
    check_arguments(reference_trajectory, locals())
    network, checked = as_network(model), check_times(times)
    estimate = estimate_master_equation(network, checked)
    if not (too_long(estimate) or too_large(estimate)):
        found = master_equation(network, checked)
        return found if len(network.memristors) <= SLOPE_BEYOND else _with_slope(network, found)
    return propagated_reference(network, checked)


def _with_slope(network: Network, found: Trajectory) -> Trajectory:
    """Return the master equation's trajectory with V's slope, where propagation can have it."""
    steps = _first_steps(network, float(found.times[-1]))
    if network.state is not None:
        return found
    slope = _slope(network, found.times, CUT_OFFS[0], steps)
    if slope is None:
        return found
    return found.replace(
        variables={**found.variables, "rate_slope": slope},
        units={**found.units, "rate_slope": found.units["voltage"]},
    )


def propagated_reference(network: Network, times: FloatArray) -> Trajectory:
    """Return the reference in the Heisenberg picture, however few memristors there are."""
    scale = max(item.current_scale for item in network.memristors)
    found: _Refinement | None = None
    obstacle = ""
    steps, rung = _first_steps(network, float(times[-1])), 0
    while rung < len(CUT_OFFS):
        obstacle, seconds = _obstacle(network, times, CUT_OFFS[rung], (steps, steps // 2))
        if seconds > MOST_SECONDS and not large_allowed():
            break
        if obstacle:
            rung += 1
            continue
        found = _refined(network, times, CUT_OFFS[rung], steps)
        cut, split = (float(np.max(error)) for error in found.voltage_errors)
        if cut + split <= WANTED * scale:
            break
        steps, rung = (2 * steps, rung) if split > cut else (steps, rung + 1)
    if found is None:
        raise ValueError(
            f"Argument times must end within the reach of Pauli propagation for "
            f"{len(network.memristors)} memristors, whose master equation does not fit, but "
            f"{obstacle or 'it takes more than a minute'}; take fewer periods."
        )
    _require_meaning(network, times, found)
    # Of a direction no more is asked than the next coarser cut-off and half the steps give.
    coarser = CUT_OFFS[max(0, CUT_OFFS.index(found.method) - 1)]
    return found.trajectory(_slope(network, times, coarser, found.steps // 2))


@dataclass(frozen=True, eq=False)
class _Refinement:
    """Two runs of one cut-off, with some Strang steps and with half as many."""

    fine: Trajectory
    coarse: Trajectory
    method: PauliPropagation
    steps: int

    @property
    def voltage_errors(self) -> tuple[FloatArray, FloatArray]:
        """Those of the cut-offs, and of the splitting, (T, M) each."""
        assert self.fine.voltage_error is not None
        return self.fine.voltage_error, _split_error(self.fine.voltage, self.coarse.voltage)

    def trajectory(self, slope: FloatArray | None) -> Trajectory:
        fine = self.fine
        assert fine.current_error is not None
        cut, split = self.voltage_errors
        said = {
            "method": "pauli_propagation",
            "largest_weight": self.method.largest_weight,
            "smallest_coefficient": self.method.smallest_coefficient,
            "steps": self.steps,
            "error_of_cut_offs": float(cut.max()),
            "error_of_splitting": float(split.max()),
        }
        variables, units = dict(fine.variables), dict(fine.units)
        del variables["rigorous_bound"], units["rigorous_bound"]  # not of the master equation
        if slope is not None:
            variables["rate_slope"], units["rate_slope"] = slope, units["voltage"]
        return fine.replace(
            voltage_error=cut + split,
            current_error=fine.current_error + _split_error(fine.current, self.coarse.current),
            variables=variables,
            units=units,
            provenance={**fine.provenance, "method": "reference_trajectory", "reference": said},
        )


def describe_reference(reference: Trajectory) -> str:
    """Return in a sentence by what is judged, and with which error; "" for the master equation."""
    said = reference.provenance.get("reference")
    if said is None or reference.voltage_error is None:
        return ""
    largest = float(reference.voltage_error.max())
    size = float(np.sqrt(np.mean(reference.voltage**2)))
    return (
        f"judged by Pauli propagation, for the master equation of {reference.device_count} "
        f"memristors does not fit: strings of up to {said['largest_weight']} letters from "
        f"{said['smallest_coefficient']:g} on, {said['steps']} Strang steps to each time; its "
        f"error of V is at most {largest:.1g}, {largest / size:.1%} of V (root mean square), and "
        "is joined to the errors of the counts"
    )


def _first_steps(network: Network, stop: float) -> int:
    """Return how many Strang steps to begin with, an even number."""
    frequency = np.array([item.omega for item in network.memristors])
    for pair, coupling in network.couplings:
        frequency[list(pair)] += 2 * np.linalg.norm(coupling.hamiltonian(), 2)
    return 2 * max(2, math.ceil(0.5 * float(frequency.max()) * stop / LARGEST_TURN))


def _obstacle(
    network: Network, times: FloatArray, method: PauliPropagation, numbers: Sequence[int]
) -> tuple[str, float]:
    """Return why this cut-off cannot be taken, "" where it can, and the seconds of all runs.

    Of runs with these numbers of steps: one may be out of reach where another is not.
    """
    seconds = 0.0
    for steps in numbers:
        circuits = build_circuits(network, times, bases="Z", splitting="strang", steps=steps)
        probe = probe_propagation(circuits, method)
        seconds += probe.effort.seconds
        if too_large(probe.effort):
            return f"it takes {probe.effort}", seconds
        if probe.obstacle:
            return probe.obstacle, seconds
    return "", seconds


def _refined(
    network: Network, times: FloatArray, method: PauliPropagation, steps: int
) -> _Refinement:
    fine, coarse = (
        simulate_circuit(network, times, method=method, splitting="strang", steps=number)
        for number in (steps, steps // 2)
    )
    return _Refinement(fine, coarse, method, steps)


def _split_error(fine: FloatArray, coarse: FloatArray) -> FloatArray:
    """Return a third of the difference, or of that of all memristors and earlier times, if larger.

    The error of half as many steps is four times as large, so a third of the difference is left;
    a difference that vanishes by accident is no small error.
    """
    difference = np.abs(fine - coarse)
    common = np.sqrt(np.mean(difference**2, axis=1, keepdims=True))
    return np.asarray(np.maximum(difference, np.maximum.accumulate(common, axis=0)) / 3)


def _require_meaning(network: Network, times: FloatArray, found: _Refinement) -> None:
    """Raise ValueError where the reference is too uncertain to tell anything."""
    error = np.sqrt(np.mean(sum(found.voltage_errors) ** 2, axis=1))
    size = float(np.sqrt(np.mean(found.fine.voltage**2)))
    scale = max(item.current_scale for item in network.memristors)
    allowed = max(TELLS_FROM * size, SMALL_ANYWAY * scale)
    late = np.flatnonzero(error > allowed)
    if not late.size:
        return
    first = int(late[0])
    until = f"up to t = {times[first - 1]:.4g} it is smaller" if first else "no time is left"
    raise ValueError(
        f"Argument times must end where the reference still tells something, but for "
        f"{len(network.memristors)} memristors its error of V at t = {times[first]:.4g} is "
        f"{error[first]:.2g}, more than a third of V's root mean square, {size:.2g}: even a device "
        f"that shows no voltage would agree; {until}: measure less long, or with weaker couplings."
    )


def _slope(
    network: Network, times: FloatArray, method: PauliPropagation, steps: int
) -> FloatArray | None:
    """Return dV/dκ at κ = 1 for rates κ Γ_j, (T, M); None where other things damp or drive."""
    if not all(item.is_cold and item.drive is None for item in network.memristors):
        return None
    if _obstacle(network, times, method, (steps,))[0]:
        return None
    slower, faster = (
        simulate_circuit(
            _with_factor(network, factor), times, method=method, splitting="strang", steps=steps
        ).voltage
        for factor in (1 - FACTOR_STEP, 1 + FACTOR_STEP)
    )
    return np.asarray((faster - slower) / (2 * FACTOR_STEP))


def _with_factor(network: Network, factor: float) -> Network:
    members = [replace(item, rate=_Multiple(item.rate, factor)) for item in network.memristors]
    return Network(members, network.couplings)


@dataclass(frozen=True)
class _Multiple:
    """κ Γ(t)."""

    rate: DecayRate
    factor: float

    def value(self, times: ArrayLike) -> FloatArray:
        return np.asarray(self.factor * self.rate.value(times))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        return np.asarray(self.factor * self.rate.integral(start, stop))

    def at_frequency(self, omega: float) -> _Multiple:
        return _Multiple(self.rate.at_frequency(omega), self.factor)

    @property
    def breakpoints(self) -> Sequence[float]:
        found: Any = getattr(self.rate, "breakpoints", ())
        return tuple(found)
