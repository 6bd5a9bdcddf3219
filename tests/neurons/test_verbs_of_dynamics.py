"""Every verb of `neurons.dynamics` on every system that is given as equations, against SciPy.

SciPy integrates the same right-hand side (which other files check against equations written anew);
nothing else of ours is shared. The parameters are none of the presets'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qmemcircuit.neurons import (
    Classical,
    IntegrateAndFire,
    Membrane,
    Moments,
    ShuttleNeuron,
    SinusoidalDrive,
    dynamical_system,
)
from qmemcircuit.neurons.dynamics.attractors import find_attractors
from qmemcircuit.neurons.dynamics.continuation import follow_periodic_orbits
from qmemcircuit.neurons.dynamics.cycles import (
    ConvergenceError,
    PeriodicOrbit,
    find_limit_cycle,
    find_periodic_orbit,
)
from qmemcircuit.neurons.dynamics.equilibria import find_equilibrium, find_hopf
from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.dynamics.sections import poincare_section
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, compile_field
from qmemcircuit.neurons.hodgkin_huxley import compiled, spike_preset

AXON = Membrane(potassium_conductance=30.0, sodium_potential=105.0)
STRONG = ShuttleNeuron(resistance=20, bias=3.0, decoherence_rate=0.2)
LINE = spike_preset(membrane_capacitance=0.3, output_capacitance=0.01, output_impedance=9.0)
MEMORY = IntegrateAndFire(inductance=0.7, on_resistance=2.0, temperature=0.1)
_RATE, _JACOBIAN = compiled.membrane_rate, compiled.membrane_jacobian


def joined_rate(t: float, y: Any, change: Any, p: Any) -> None:
    """Two membranes with a conductance p[24] between them."""
    _RATE(t, y[:4], change[:4], p[:12])
    _RATE(t, y[4:], change[4:], p[12:24])
    change[0] += p[24] * (y[4] - y[0])
    change[4] += p[24] * (y[0] - y[4])


def joined_jacobian(t: float, y: Any, matrix: Any, p: Any) -> None:
    matrix[:] = 0.0
    block = np.empty((4, 4))
    for k in range(2):
        _JACOBIAN(t, y[4 * k : 4 * k + 4], block, p[12 * k : 12 * k + 12])
        matrix[4 * k : 4 * k + 4, 4 * k : 4 * k + 4] = block
        matrix[4 * k, 4 * k] -= p[24]
        matrix[4 * k, 4 - 4 * k] += p[24]


@cache
def joined_field() -> Any:
    return compile_field(joined_rate, joined_jacobian, dimension=8)


def joined(current: float) -> DynamicalSystem:
    numbers = [AXON.system(current).parameters, AXON.system(6.0).parameters, [0.3]]
    return DynamicalSystem(joined_field(), np.concatenate(numbers))


def at(neuron: Any, **more: Any) -> Any:
    """Return the system under a sine of a given amplitude."""

    def driven(amplitude: float) -> DynamicalSystem:
        drive = SinusoidalDrive(amplitude, more["frequency"], offset=more.get("offset", 0.0))
        if isinstance(neuron, ShuttleNeuron):
            return replace(neuron, drive=drive).system()
        return dynamical_system(neuron, input=drive, method=more.get("method"))

    return driven


@dataclass(frozen=True)
class Case:
    """`system_at` a parameter, the parameter, a start, and how long it takes to settle."""

    system_at: Any
    parameter: float
    start: Any
    settling: float
    family: bool = False

    @property
    def system(self) -> DynamicalSystem:
        found: DynamicalSystem = self.system_at(self.parameter)
        return found


REST, GATES = AXON.resting_state, np.array(LINE.gates)
CASES = {
    "shuttle": Case(
        lambda r: replace(STRONG, resistance=r).system(), 12.0, (1, 0.9, 0, 0.1), 200.0
    ),
    "driven shuttle": Case(at(STRONG, frequency=3.0), 8.0, (0.2, 0.98, 0.1, 0.0), 80.0),
    "membrane": Case(AXON.system, 14.0, REST, 80.0),
    "driven membrane": Case(at(AXON, frequency=0.45, offset=12.0), 4.0, REST, 80.0),
    "quantized": Case(
        lambda i: replace(LINE, matching="kirchhoff", drive_frequency=3.0, current_amplitude=i)
        .system(), 2.0, (0.9, 0.9, 0.05), 20.0,
    ),
    "quantized circuit": Case(
        at(LINE, frequency=2.0, offset=5.0), 20.0, (*GATES, 0.0, 0.0), 20.0
    ),
    "integrate and fire": Case(
        at(MEMORY, frequency=1.7, method=Classical()), 0.3, (0, 0, 0.5, 0), 150.0, family=True
    ),
    "its moments": Case(
        at(MEMORY, frequency=1.7, method=Moments()), 0.3, (0, 0, 0.5, 0, 0.5, 0, 0.5), 150.0,
        family=True,
    ),
    "two membranes": Case(joined, 16.0, (*REST, *REST), 80.0),
}  # fmt: skip


def scipy(system: DynamicalSystem, start: Any, times: Any, **more: Any) -> Any:
    """Return SciPy's solution from `start` over `times`."""
    return solve_ivp(
        lambda t, y: system.rate(y, t), (times[0], times[-1]), start, "DOP853", times,
        rtol=1e-9, atol=1e-11, **more,
    )  # fmt: skip


@cache
def orbit_of(name: str) -> PeriodicOrbit:
    """Return the orbit that a start of each system leads to."""
    case = CASES[name]
    if case.system.period is None:
        return find_limit_cycle(case.system, np.array(case.start, dtype=float))
    return find_periodic_orbit(case.system, np.array(case.start, dtype=float))


def returns(orbit: PeriodicOrbit) -> Any:
    """Return SciPy's states along an orbit, which must end where they began."""
    times = np.linspace(0, orbit.period, 200)
    states = scipy(orbit.system, orbit.state, times).y
    # Each step is right to 1e-9 of the variables, some hundred of them.
    assert np.abs(states[:, -1] - orbit.state).max() < 1e-6 * max(1.0, np.abs(states).max())
    return times, states


@pytest.mark.parametrize("name", CASES)
def test_an_orbit_returns_and_its_multipliers_are_its_exponents(name: str) -> None:
    orbit = orbit_of(name)
    times, states = returns(orbit)
    assert np.ptp(states, axis=1).max() > 1e-3
    assert orbit.stable or CASES[name].family
    # Liouville: the exponents' sum is the divergence's mean, here along SciPy's orbit.
    traces = [np.trace(orbit.system.jacobian(y, t)) for t, y in zip(times, states.T, strict=True)]
    divergence = np.trapezoid(traces, times) / orbit.period  # periodic: it converges at once
    found = lyapunov_spectrum(
        orbit.system, orbit.state, transient=10 * orbit.period, duration=20 * orbit.period,
        interval=orbit.period / 20, blocks=2,
    )  # fmt: skip
    assert found.exponents.sum() == pytest.approx(divergence, rel=1e-3)
    largest = np.log(np.abs(orbit.multipliers[0])) / orbit.period
    # What is left of the vectors' turn after ten periods is O(1)/duration.
    assert found.exponents[0] == pytest.approx(largest, abs=2.0 / found.duration)


@pytest.mark.parametrize("name", CASES)
def test_a_branch_goes_on_where_scipy_returns(name: str) -> None:
    case = CASES[name]
    step = 0.05 * case.parameter
    branch = follow_periodic_orbits(
        case.system_at, orbit_of(name), case.parameter, step=step, count=2
    )
    assert np.abs(np.diff(branch.parameters)).min() > 1e-3 * step
    returns(branch.orbits[-1])


@pytest.mark.parametrize("name", CASES)
def test_starts_end_where_scipy_does_and_cross_when_it_does(name: str) -> None:
    case = CASES[name]
    start = np.array(case.start, dtype=float)
    system, n = case.system, start.size
    period = orbit_of(name).period
    basins = find_attractors(
        system, [start, 0.9 * start], transient=case.settling, duration=3 * period
    )
    assert [item.kind for item in basins.attractors] == ["cycle"]
    assert basins.attractors[0].family is case.family
    assert basins.indices.tolist() == [0, 0]
    last = np.linspace(case.settling, case.settling + 3 * period, 1500)
    begun = scipy(system, start, [0.0, case.settling]).y[:, -1]

    def level_crossed(t: float, y: Any) -> float:
        return float(y[0] - level)

    level = float(basins.attractors[0].minima[0] + 0.4 * np.ptp(
        [basins.attractors[0].minima[0], basins.attractors[0].maxima[0]]
    ))  # fmt: skip
    level_crossed.direction = 1.0  # type: ignore[attr-defined]
    run = scipy(system, begun, last, events=level_crossed)
    item = basins.attractors[0]
    room = 2e-3 * max(1e-2, float(np.ptp(run.y, axis=1).max()))
    if not case.family:  # of a family, each start reaches another
        assert np.abs(run.y.max(1) - item.maxima).max() < room + 0.02 * np.ptp(run.y, axis=1).max()
    assert np.all(run.y.max(1) < item.maxima + room)
    assert np.all(run.y.min(1) > item.minima - room)
    section = poincare_section(
        system, start, normal=np.eye(n)[0], level=level, transient=case.settling,
        duration=3 * period,
    )  # fmt: skip
    assert section.times == pytest.approx(run.t_events[0], abs=1e-5)


@pytest.mark.parametrize(
    ("system", "guess", "stable"),
    [
        (replace(STRONG, resistance=12).system(), (1, 0.9, 0, 0.1), False),
        (AXON.system(3.0), REST, True),
        (AXON.system(40.0), REST, False),
        # Powell's method steps beyond the gates from there.
        (dynamical_system(LINE, input=20.0), (*GATES, 0.0, 0.0), True),
        (dynamical_system(MEMORY, input=0.3, method=Classical()), (0, 0, 0.1, 0), None),
        (joined(3.0), (*REST, *REST), True),
    ],
    ids=["shuttle", "membrane", "firing membrane", "quantized", "memory", "two membranes"],
)
def test_equilibria_rest_and_their_eigenvalues_are_of_differences(
    system: DynamicalSystem, guess: Any, stable: bool | None
) -> None:
    found = find_equilibrium(system, np.array(guess, dtype=float))
    if stable is not False:  # what grows would leave
        resting = scipy(system, found.state, [0.0, 20.0]).y[:, -1]
        assert resting == pytest.approx(found.state, abs=1e-7)
    step = 1e-6 * np.eye(system.dimension)
    slopes = [(system.rate(found.state + h) - system.rate(found.state - h)) / 2e-6 for h in step]
    expected = np.linalg.eigvals(np.array(slopes).T)
    assert np.sort(found.eigenvalues.real) == pytest.approx(np.sort(expected.real), abs=1e-5)
    if stable is None:  # charge and flux belong together: a line of equilibria
        assert np.abs(found.eigenvalues).min() < 1e-12
    else:
        assert found.stable is stable


def test_the_squid_axon_fires_below_the_current_that_ends_its_rest() -> None:
    """Hassard (1978), Rinzel and Miller (1980): rest ends at 9.78 µA/cm², firing begins at 6.26."""
    axon = Membrane()
    hopf = find_hopf(axon.system, (5.0, 15.0), axon.resting_state)[0]
    assert hopf == pytest.approx(9.78, abs=0.01)
    firing = find_limit_cycle(axon.system(8.0), axon.resting_state)
    branch = follow_periodic_orbits(
        axon.system, firing, 8.0, step=-1.0, count=40, stop=lambda current, o: not o.stable
    )
    # Their leak potential gives 6.2649, ours of 10.613 mV the fold at 6.2603; steps of 0.01 here.
    assert branch.parameters.min() == pytest.approx(6.2603, abs=2e-3)
    assert branch.orbits[-1].multipliers[0].real > 1
    returns(branch.orbits[-2])


def test_what_moves_on_is_a_drift_and_has_neither_rest_nor_cycle() -> None:
    """Without inductance the flux of a constant voltage grows for ever."""
    system = dynamical_system(IntegrateAndFire(), input=0.3, method=Classical())
    start = [0.0, 0.0, 0.1, 0.0]
    found = find_attractors(system, [start], transient=60.0, duration=20.0)
    assert [item.kind for item in found.attractors] == ["drift"]
    with pytest.raises(ValueError, match="none was found"):
        find_equilibrium(system, start)
    with pytest.raises(ConvergenceError, match="does not oscillate"):
        find_limit_cycle(system, start)


def test_the_gates_of_a_quantized_neuron_stay_probabilities() -> None:
    """From starts anywhere, where Newton's own steps leave them: one cycle, SciPy's."""
    system = spike_preset().system()
    orbit = find_periodic_orbit(system, spike_preset().gates)
    for start in ([0.0284, 0.7192, 0.016], [0.01, 0.365, 0.0786], [0.9, 0.9, 0.9]):
        assert find_periodic_orbit(system, start).state == pytest.approx(orbit.state, abs=1e-9)
    with pytest.raises(ConvergenceError, match="could not be integrated"):  # Newton's alone
        find_periodic_orbit(system, [0.0284, 0.7192, 0.016], transient=0.0)
    returns(orbit)
