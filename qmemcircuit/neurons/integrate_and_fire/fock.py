"""The quantized integrate-and-fire neuron in Fock space: QuTiP superoperators, checked truncation.

The GKSL form (B) of `integrate_and_fire`: ρ' = −i[H, ρ]/ħ + κ(n̄ + 1)D[a]ρ + κn̄D[a†]ρ with
κ = s/(CM(q)) and H = ħω0 a†a − I(t)φ. Its Gaussian moments are `simulate_moments(…,
dissipator="gksl")`, much faster; this module shows that they are right, and takes initial states
that are not Gaussian. The only importer of QuTiP among the neurons (lazily).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_times
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.resources import Effort, require
from qmemcircuit.neurons.inputs import FunctionInput, Wave, describe_input, longest_step
from qmemcircuit.neurons.integrate_and_fire.engine import Current, as_inputs
from qmemcircuit.neurons.integrate_and_fire.neuron import UNITS, IntegrateAndFire
from qmemcircuit.results.trajectory import Trajectory

VARIABLES = ("flux", "charge", "resistance", "input_current", "top_population")


def levels_needed(
    neuron: IntegrateAndFire, *, voltage: float, flux: float = 0.0, tolerance: float = 1e-6
) -> int:
    """Return how many Fock levels hold the displaced thermal state but for `tolerance`.

    The state has mean voltage `voltage` and mean flux `flux`, so |α|² = (C V²/2 + φ²/2L)/ħω0
    and the number generating function e^{|α|²(x−1)/(1−n̄(x−1))}/(1 − n̄(x−1)); Chernoff's bound
    P(n ≥ N) ≤ min_x G(x) x^{−N} gives a sufficient N.

    >>> from qmemcircuit.neurons import integrate_and_fire
    >>> neuron = integrate_and_fire.IntegrateAndFire(inductance=1.0)
    >>> integrate_and_fire.levels_needed(neuron, voltage=0.5) > 1
    True
    """
    check_arguments(levels_needed, locals())
    if neuron.frequency == 0:
        raise ValueError(
            "Argument inductance must be finite for a Fock space, but inf was given: the "
            "mode operator needs an oscillator; simulate_moments takes L = ∞."
        )
    tail = check_real("tolerance", tolerance, minimum=0, exclusive=True)
    energy = neuron.capacitance * voltage**2 / 2 + flux**2 / (2 * neuron.inductance)
    quanta = energy / (neuron.hbar * neuron.frequency)
    thermal = neuron.occupation
    largest = min(1 / thermal, 1e3) if thermal > 0 else 1e3
    excess = largest * np.geomspace(1e-6, 0.999999, 4000)
    room = 1 - thermal * excess
    logs = quanta * excess / room - np.log(room) - math.log(tail)
    return max(2, math.ceil(float(np.min(logs / np.log1p(excess)))))


def simulate_fock(
    neuron: IntegrateAndFire,
    times: ArrayLike,
    current: Current,
    *,
    levels: int,
    leak_scale: float = 1.0,
    truncation_tolerance: float = 1e-6,
    tolerance: float = 1e-9,
) -> Trajectory:
    """Return the GKSL neuron's evolution in a Fock space of `levels` levels.

    As `simulate_moments(dissipator="gksl")` with a deterministic threshold on the mean voltage,
    from the thermal state. The variable "top_population" is the population of the highest
    level; provenance["truncation_error"] its largest value at any solver step, a measure of
    what the truncation misses, not a bound.

    Raises:
        ValueError: with the number of levels needed, where `levels` cannot hold a state at the
            threshold, or where the highest level fills beyond `truncation_tolerance` on the way.
            Raises ImportError without QuTiP.

    >>> import numpy as np
    >>> from qmemcircuit.neurons import integrate_and_fire
    >>> neuron = integrate_and_fire.IntegrateAndFire(inductance=1.0)
    >>> times = np.linspace(0, 2, 21)
    >>> integrate_and_fire.simulate_fock(neuron, times[:3], 0.2, levels=12).voltage.shape
    (3, 1)
    """
    check_arguments(simulate_fock, locals())
    grid = check_times(times, minimum_length=2)
    size = check_integer("levels", levels, minimum=2)
    check_real("leak_scale", leak_scale, minimum=0, exclusive=True)
    limit = check_real("truncation_tolerance", truncation_tolerance, minimum=0, exclusive=True)
    (drive,) = as_inputs(current, 1)
    currents = drive.value(grid)  # refuses what is unknown
    at_threshold = 0.0 if neuron.threshold == math.inf else neuron.threshold
    _require(neuron, size, at_threshold, 0.0, limit)
    require(
        _estimate(neuron, float(np.ptp(grid)), size, leak_scale),
        "simulate_moments follows the same equation without levels",
        argument="levels",
    )
    system = _fock_system(neuron, size, leak_scale)
    run = _FockRun(neuron, system, drive, grid, limit, tolerance)
    rows, spikes, worst = run.follow()
    resistance = neuron.resistance(rows[2])
    voltage = rows[1] / neuron.capacitance
    return Trajectory(
        times=grid,
        voltage=voltage[:, None],
        current=(voltage / resistance)[:, None],
        variables={
            "flux": rows[0][:, None],
            "charge": rows[2][:, None],
            "resistance": resistance[:, None],
            "input_current": currents[:, None],
            "top_population": rows[3][:, None],
        },
        events={"spikes": np.array(spikes)},
        units={name: UNITS[name] for name in ("times", "voltage", "current", *VARIABLES)},
        provenance=make_provenance(
            "simulate_fock",
            neuron={k: str(v) if v == math.inf else v for k, v in asdict(neuron).items()},
            inputs=[describe_input(drive)],
            levels=size,
            leak_scale=leak_scale,
            truncation_error=worst,
            reconstruction="brand2025: from the abstract and the stated method only",
        ),
    )


@dataclass(frozen=True, eq=False)
class _FockSystem:
    """The neuron's superoperators at `levels` levels, on column-stacked ρ.

    ρ' = (free + I kick + Γ decay) ρ, and tr(Aρ) = vec(Aᵀ)·vec(ρ) for flux and charge.
    """

    free: Any
    kick: Any
    decay: Any
    read_flux: NDArray[Any]
    read_charge: NDArray[Any]
    thermal: NDArray[Any]

    @property
    def top(self) -> int:
        """Where the highest level's population stands."""
        return self.thermal.size - 1


def _fock_system(neuron: IntegrateAndFire, levels: int, leak_scale: float) -> _FockSystem:
    try:
        import qutip
    except ImportError as error:
        raise ImportError("simulate_fock needs QuTiP: pip install qutip") from error
    a = qutip.destroy(levels)
    c, hbar, w = neuron.capacitance, neuron.hbar, neuron.frequency
    mean = neuron.occupation
    flux = math.sqrt(hbar / (2 * c * w)) * (a + a.dag())
    charge = 1j * math.sqrt(hbar * c * w / 2) * (a.dag() - a)
    loss, gain = (qutip.lindblad_dissipator(operator) for operator in (a, a.dag()))
    read_flux, read_charge = (
        np.asarray(operator.full()).T.ravel(order="F") for operator in (flux, charge)
    )
    return _FockSystem(
        _superoperator(qutip.liouvillian(w * a.dag() * a)),
        _superoperator(qutip.liouvillian(-flux / hbar)),
        _superoperator(leak_scale * ((mean + 1) * loss + mean * gain)),
        read_flux,
        read_charge,
        np.asarray(qutip.thermal_dm(levels, mean).full(), dtype=complex).ravel(order="F"),
    )


@dataclass(frozen=True, eq=False)
class _FockRun:
    """One run: from spike to spike, and from one breakpoint of the input to the next."""

    neuron: IntegrateAndFire
    system: _FockSystem
    drive: Any
    grid: FloatArray
    limit: float
    tolerance: float

    def follow(self) -> tuple[FloatArray, list[float], float]:
        """Return flux, charge, memory and top population (4, T), the spikes, the fullest top."""
        grid, drive = self.grid, self.drive
        cuts = np.empty(0) if isinstance(drive, FunctionInput) else drive.breakpoints()
        state = np.append(self.system.thermal, self.neuron.initial_charge + 0j)
        rows = np.empty((4, grid.size))
        spikes: list[float] = []
        now, sampled, worst = 0.0, 0, 0.0
        end, instant = float(grid[-1]), 8 * np.spacing(grid[-1])
        while sampled < grid.size:
            wave = Wave() if isinstance(drive, FunctionInput) else drive.wave(now + instant)
            stop = float(cuts[cuts > now + instant].min(initial=end))
            solution = self._integrate(state, now, stop, wave)
            worst = max(worst, float(solution.y[self.system.top].real.max()))
            if worst > self.limit:
                self._refuse(solution.y)
            later = int(np.searchsorted(grid, solution.t[-1], side="right"))
            if later > sampled:
                rows[:, sampled:later] = self._read(solution.sol(grid[sampled:later]))
                sampled = later
            if not solution.t_events[0].size:
                state, now = solution.y[:, -1], stop  # at a breakpoint, or done
                continue
            spikes.append(float(solution.t[-1]))
            state = np.append(self.system.thermal, solution.y[-1, -1])
            now = spikes[-1] + self.neuron.refractory_time
            # The solver takes over at the end of the hold, unless the run ends there.
            ended = now >= grid[-1]
            held = grid.size if ended else int(np.searchsorted(grid, now, side="left"))
            if held > sampled:
                rows[:, sampled:held] = self._read(state[:, None])
                sampled = held
            if ended:
                break
        return rows, spikes, worst

    # SciPy's, not the stepper's: this run is the reference of the moments, which go through the
    # stepper, and its time is that of the sparse products in `slope`, not of the method.
    def _integrate(self, state: NDArray[Any], start: float, stop: float, wave: Wave) -> Any:
        """Return SciPy's solution up to the threshold, or `stop`."""
        from scipy.integrate import solve_ivp

        neuron, system, drive = self.neuron, self.system, self.drive

        def slope(t: float, state: NDArray[Any]) -> NDArray[Any]:
            rho, memory = state[:-1], state[-1].real
            gamma = 1 / (neuron.capacitance * float(neuron.resistance(memory)))
            leak = gamma * float((system.read_charge @ rho).real)
            if (memory >= neuron.charge_range and leak > 0) or (memory <= 0 and leak < 0):
                leak = 0.0
            driven = drive.at(t) if isinstance(drive, FunctionInput) else float(wave.value(t))
            change = system.free @ rho + driven * (system.kick @ rho) + gamma * (system.decay @ rho)
            return np.append(change, leak)

        def excess(t: float, state: NDArray[Any]) -> float:
            charge = float((system.read_charge @ state[:-1]).real)
            return charge / neuron.capacitance - neuron.threshold

        excess.terminal = True  # type: ignore[attr-defined]
        excess.direction = 1.0  # type: ignore[attr-defined]
        longest = min(longest_step((drive,), self.grid), float(np.ptp(self.grid)) / 100)
        solution = solve_ivp(
            slope, (start, stop), state, method="DOP853", events=excess, dense_output=True,
            rtol=self.tolerance, atol=self.tolerance / 100, max_step=longest,
        )  # fmt: skip
        if not solution.success:
            raise RuntimeError(f"The neuron could not be integrated: {solution.message}")
        return solution

    def _read(self, states: NDArray[Any]) -> FloatArray:
        """Return mean flux, mean charge, memory and top population of states (d² + 1, n)."""
        rho, system = states[:-1], self.system
        memory = np.clip(states[-1].real, 0, self.neuron.charge_range)
        flux, charge = (system.read_flux @ rho).real, (system.read_charge @ rho).real
        return np.array([flux, charge, memory, rho[system.top].real])

    def _refuse(self, states: NDArray[Any]) -> None:
        """Raise ValueError: the highest level fills; say how many are needed."""
        system = self.system
        rho = states[:-1, int(np.argmax(states[system.top].real))]
        _require(
            self.neuron,
            math.isqrt(system.thermal.size),
            float((system.read_charge @ rho).real) / self.neuron.capacitance,
            float((system.read_flux @ rho).real),
            self.limit,
            always=True,
        )


def _superoperator(operator: Any) -> Any:
    """Return a QuTiP superoperator as a SciPy CSR matrix."""
    return operator.to("CSR").data_as("csr_matrix")


def _estimate(neuron: IntegrateAndFire, duration: float, levels: int, leak_scale: float) -> Effort:
    """Return what `simulate_fock` will take: evaluations × levels², all steps kept (measured)."""
    leak = leak_scale / (neuron.capacitance * neuron.on_resistance) * (2 * neuron.occupation + 1)
    evaluations = max(1500.0, 1.8 * levels * duration * (neuron.frequency + leak))
    return Effort(
        f"the neuron's state in {levels} Fock levels over a duration of {duration:.3g}",
        evaluations * (3e-5 + 3.5e-8 * levels**2),
        evaluations / 15 * 8 * 16 * levels**2,
    )


def _require(
    neuron: IntegrateAndFire,
    levels: int,
    voltage: float,
    flux: float,
    tolerance: float,
    *,
    always: bool = False,
) -> None:
    """Raise ValueError where `levels` cannot hold the mean values (or `always`)."""
    needed = levels_needed(neuron, voltage=voltage, flux=flux, tolerance=tolerance)
    if levels < needed or always:
        advice = max(needed, levels + 1) if not always else max(needed, math.ceil(1.25 * levels))
        raise ValueError(
            f"Argument levels must be at least {advice} for a mean voltage of {voltage:.3g} and "
            f"flux of {flux:.3g} at a truncation of {tolerance:g}, but {levels} was given."
        )
