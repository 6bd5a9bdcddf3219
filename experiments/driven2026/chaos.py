"""Chaos in the driven neuron, found at large R_n: exponents with errors, checked five ways.

To see: at large R_n two orbits that start close part exponentially, the spectrum is broad, and the
points taken once a period of the drive fill a fractal-looking set, for two sets of parameters.

New: the paper looks for chaos at R_n = 5 and finds none. At R_n = 40 the drive throws the voltage
over the fold of the hysteresis again and again, and the precessing qubit decides what returns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from scipy.integrate import solve_ivp

from experiments.drawing import draw_bloch_path, draw_mosaic, draw_spectrum
from experiments.driven2026.forced import lyapunov_quantity
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.ensembles import integrate_many
from qmemcircuit.neurons.dynamics.integration.stepper import evaluate_rate
from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.dynamics.maps import stroboscopic_map
from qmemcircuit.neurons.dynamics.spectra import power_spectrum
from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.shuttle.neuron import VARIABLES, ShuttleNeuron, SinusoidalDrive
from qmemcircuit.plotting.figures import PALETTE

POINTS = {
    "A": ShuttleNeuron(
        resistance=40, bias=7.5, decoherence_rate=0.1, drive=SinusoidalDrive(10.0, 2.0)
    ),
    "B": ShuttleNeuron(
        resistance=40, bias=7.5, decoherence_rate=0.2, drive=SinusoidalDrive(10.0, 1.0)
    ),
}
STATES = ((0.0, 1.0, 0.0, 0.0), (2.0, -0.3, 0.4, -0.2))
TOLERANCES = (1e-8, 1e-10)


def compute(settings: Settings) -> Result:
    """Measure the exponents for two tolerances and two initial states at each point."""
    duration = 400.0 if settings.quick else 2500.0
    data, quantities = {}, []
    advance = settings.stages(len(POINTS) * (len(TOLERANCES) * len(STATES) + 1))
    for name, neuron in POINTS.items():
        system = neuron.system()
        largest = []
        for rtol in TOLERANCES:
            for state in STATES:
                found = lyapunov_spectrum(
                    system, state, transient=200, duration=duration, blocks=10, rtol=rtol
                )
                largest.append((found.exponents[0], found.errors[0]))
                label = f"{_label(name, neuron)}, rtol {rtol:g}, from V = {state[0]:g}"
                quantities.append(lyapunov_quantity(label, found))
                advance()
        values, errors = np.array(largest).T
        weights = errors**-2
        mean = float(np.sum(weights * values) / np.sum(weights))
        chi_squared = float(np.sum(weights * (values - mean) ** 2))
        quantities += [
            Quantity(
                f"largest exponent, {_label(name, neuron)}",
                mean,
                error=np.sum(weights) ** -0.5,
                evidence=f"four runs, χ² = {chi_squared:.1f} for 3 degrees of freedom; positive by "
                f"{mean * np.sum(weights) ** 0.5:.0f} standard errors: chaos",
            ),
            Quantity(
                f"Kaplan–Yorke dimension, {_label(name, neuron)}",
                found.kaplan_yorke_dimension,
                evidence="of the stroboscopic section",
            ),
        ]
        quantities += _ensembles(name, neuron, settings)
        data[name] = _portrait(neuron, settings.quick)
        advance()
    return Result(data, tuple(quantities))


def _ensembles(name: str, neuron: ShuttleNeuron, settings: Settings) -> list[Quantity]:
    """Return the exponent of many short runs, and of SciPy's own integrator without tangents.

    One run's exponent scatters by 0.54/√duration at A: ± 0.011 over 2500 time units. Many starts
    tell it ten times better, and whether a single run that is far off is a mistake.
    """
    random = np.random.default_rng(settings.seed)
    count, duration, few, short = (8, 100, 2, 20) if settings.quick else (128, 1500, 6, 300)
    starts = np.column_stack(
        [random.uniform(-5, 10, count), 0.5 * random.uniform(-1, 1, (count, 3))]
    )
    times = np.concatenate([[0.0], np.arange(100.0, 101.0 + duration, 2.0)])
    growth = integrate_many(
        neuron.system(), times, starts, exponents=1, rtol=1e-9, atol=1e-11
    ).growth[:, 12:, 0]
    ours = growth.sum(1) / (times[-1] - times[11])
    theirs = np.array([_twin_exponent(neuron, start, 50, short) for start in starts[:few]])
    (mean, error), (other, its_error) = (
        (float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)))
        for values in (ours, theirs)
    )
    apart = abs(mean - other) / np.hypot(error, its_error)
    return [
        Quantity(
            f"largest exponent of {count} starts, {_label(name, neuron)}",
            mean,
            error=error,
            evidence=f"{duration} time units each, orbits side by side; one run of them scatters "
            f"by {ours.std(ddof=1):.3f}",
        ),
        Quantity(
            f"largest exponent by SciPy, {_label(name, neuron)}",
            other,
            error=its_error,
            evidence=f"LSODA at 1e-11, {few} pairs of twins for {short} time units, no tangent "
            f"vectors; {apart:.1f} standard errors from ours",
        ),
    ]


def _twin_exponent(neuron: ShuttleNeuron, start: Any, transient: int, duration: int) -> float:
    """Return how fast a twin at a distance of 1e-7 leaves, set back once a unit of time.

    An oracle: SciPy's LSODA, of variable order and no relative of DOP853.
    """
    system, change, distance = neuron.system(), np.empty(4), 1e-7

    def rate(t: float, states: Any) -> Any:
        slopes = []
        for state in states.reshape(-1, 4):
            evaluate_rate(system.field.rate.address, t, state, change, system.parameters)
            slopes.append(change.copy())
        return np.concatenate(slopes)

    def run(states: Any, first: float, last: float) -> Any:
        found = solve_ivp(rate, (first, last), states, "LSODA", rtol=1e-11, atol=1e-13)
        return np.ascontiguousarray(found.y[:, -1])

    state = run(np.array(start), 0.0, float(transient))
    direction, total = np.array([1.0, 0.0, 0.0, 0.0]), 0.0
    for turn in range(duration):
        twins = run(
            np.concatenate([state, state + distance * direction]),
            float(transient + turn),
            float(transient + turn + 1),
        )
        state, away = twins[:4], twins[4:] - twins[:4]
        length = float(np.linalg.norm(away))
        direction = away / length
        if turn >= 10:  # it has found the direction that grows
            total += np.log(length / distance)
    return total / (duration - 10)


def _label(name: str, neuron: ShuttleNeuron) -> str:
    drive = neuron.drive
    assert isinstance(drive, SinusoidalDrive)
    return (
        f"point {name} (R_n = {neuron.resistance:g}, V_DC = {neuron.bias:g}, "
        f"V_Amp = {drive.amplitude:g}, ω = {drive.frequency:g}, Γ = {neuron.decoherence_rate:g})"
    )


def _portrait(neuron: ShuttleNeuron, quick: bool) -> xarray.Dataset:
    system = neuron.system()
    start = integrate(system, [0.0, 200 * system.period], neuron.ground_state)[-1]
    near = np.nextafter(start, 2) + np.array([1e-9, 0, 0, 0])
    times = np.arange(0, 120, 0.02)
    path, twin = (integrate(system, times, state) for state in (start, near))
    strobe = stroboscopic_map(system, start, count=400 if quick else 3000)
    long = np.arange(0, 400 if quick else 1500, 0.05)
    spectrum = power_spectrum(long, integrate(system, long, start)[:, 0], segments=4)
    keep = spectrum.frequencies < 20
    return xarray.Dataset(
        {
            **{name: ("time", path[:, k]) for k, name in enumerate(VARIABLES)},
            "separation": ("time", np.linalg.norm(path - twin, axis=1)),
            "strobe": (("period", "variable"), strobe),
            "density": ("frequency", spectrum.density[keep]),
        },
        coords={"time": times, "frequency": spectrum.frequencies[keep]},
    )


def draw(result: Result) -> Any:
    """Draw, for each point: voltage, Bloch vector, section, spectrum, divergence of twins."""
    figure, axes = draw_mosaic("aab;cde;ffg;hij", height=8.8)
    for row, (name, neuron) in enumerate(POINTS.items()):
        data = result.data[name]
        colour = PALETTE[row]
        series, ball, section, spectrum, twins = (axes[k] for k in ("abcde", "fghij")[row])
        ax = series
        ax.plot(data["time"], data["V"], lw=0.7, color=colour)
        ax.set(xlabel=r"time $\tilde t$", ylabel="voltage $V$", xlim=(0, 60))
        ax.set_title(
            rf"{name}: $\Gamma = {neuron.decoherence_rate:g}$, "
            rf"$\omega = {neuron.drive.frequency:g}$"
        )
        near = data["time"].values < 60
        sphere = draw_bloch_path(ball, data, part=near, lw=0.4, color=colour)
        sphere.set_box_aspect((1, 1, 1), zoom=0.8)  # room for the label Z
        sphere.tick_params(labelsize=6)
        ax = section
        ax.plot(data["strobe"][:, 2], data["strobe"][:, 3], ",", color=colour, alpha=0.8)
        ax.plot(data["strobe"][:, 2], data["strobe"][:, 3], ".", ms=0.8, color=colour)
        ax.set(xlabel="$X$", ylabel="$Y$", title="once per drive period")
        ax.locator_params(axis="x", nbins=4)
        draw_spectrum(spectrum, data, lw=0.6, color=colour)
        spectrum.set_title("broad spectrum")
        ax = twins
        rate = next(
            q.value
            for q in result.quantities
            if q.name.startswith(f"largest exponent, point {name} ")
        )
        ax.semilogy(data["time"], data["separation"], lw=0.7, color=colour)
        time = data["time"].values
        line = 1e-9 * np.exp(rate * time)
        ax.semilogy(time[line < 1], line[line < 1], "--", color="0.4", label=r"$e^{\lambda_1 t}$")
        ax.set(xlabel=r"time $\tilde t$", ylabel="distance of twins", ylim=(1e-11, 30))
        ax.set_title("twins part")
        ax.legend(loc="upper left")
    return figure
