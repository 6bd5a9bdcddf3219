"""Fingerprints under a drive: feedback, a rate clocked by the drive, and a constant rate.

To see: a rate that follows the voltage has its largest loop at a frequency of its own; a rate that
is clocked by the drive keeps its loop at high frequency; a constant rate has no loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import solve_ivp

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.loops import loop_words
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAMMA, GAIN, LIFETIME, ANGLE = 1.0, 4.0, 1.0, 0.5
"""γ; k and τ of μ' = kV − μ/τ; the drive's Ω = ANGLE √(ν² + γ²), so that V keeps its size."""
DEVICES = ("feedback", "clocked", "constant")
POINTS = 800
Rate = Callable[[float, float], float]


def _rates(frequency: float) -> dict[str, Rate]:
    """Return Γ(t, μ) of the three devices."""
    return {
        "feedback": lambda t, mu: GAMMA * (1 + math.tanh(mu)),
        "clocked": lambda t, mu: GAMMA * (1 + math.sin(frequency * t + 1.0)),
        "constant": lambda t, mu: GAMMA,
    }


def _amplitude(frequency: float) -> float:
    return ANGLE * math.hypot(frequency, GAMMA)


def _steady(rate: Rate, frequency: float) -> qm.Trajectory:
    """Return one period of the periodic state in the frame that turns at ω, s = √(mħω/2) = 1.

    The nonlinear master equation itself: H = ħΩ cos(νt) σx, damping with Γ(t, μ). Variables: Γ and
    the source's own current −2Ω cos(νt) <σz>.
    """
    size, period = _amplitude(frequency), 2 * math.pi / frequency
    # Transients die as e^{−γt/2} or e^{−t/τ}: 80/γ is below the solver's error.
    start = period * math.ceil(80 / GAMMA / period)

    def flow(t: float, state: np.ndarray) -> list[float]:
        x, y, z, mu = state  # means of Qiskit's X, Y, Z: σy = −Y
        gamma = rate(t, mu)
        turn = 2 * size * math.cos(frequency * t)
        return [
            -0.5 * gamma * x,
            -0.5 * gamma * y - turn * z,
            gamma * (1 - z) + turn * y,
            GAIN * 0.5 * y - mu / LIFETIME,
        ]

    times = np.linspace(0.0, period, POINTS + 1)
    solved = solve_ivp(
        flow,
        (0.0, start + period),
        [0.0, 0.0, 1.0, 0.0],
        method="DOP853",
        t_eval=start + times,
        rtol=1e-9,
        atol=1e-11,
        max_step=period / 8,
    )
    _, y, z, mu = solved.y
    gamma = np.array([rate(t, m) for t, m in zip(start + times, mu, strict=True)])
    voltage = 0.5 * y
    source = 2 * size * np.cos(frequency * times) * z
    return qm.Trajectory(
        times,
        voltage[:, None],
        (gamma * voltage)[:, None],
        variables={"decay_rate": gamma[:, None], "source_current": source[:, None]},
        periods=np.array([period]),
    )


def _pinch(item: qm.Trajectory, current: np.ndarray) -> float:
    """Return the largest |I| where V passes zero, over the largest |I|."""
    voltage = item.voltage[:, 0]
    passes = np.flatnonzero(voltage[:-1] * voltage[1:] <= 0)
    share = voltage[passes] / (voltage[passes] - voltage[passes + 1])
    at_zero = current[passes] + share * (current[passes + 1] - current[passes])
    return float(np.abs(at_zero).max() / np.abs(current).max())


def _package_distance(frequency: float) -> float:
    """Return how far `qm.master_equation` is from this file's equations for the clocked device.

    A memristor with ω = 1e-6 of γ is one in the rotating frame; its own turn leaves 1e-6 · 80.
    """
    rate = _rates(frequency)["clocked"]
    own = qm.Memristor(
        qm.FunctionRate(lambda t: rate(t, 0.0), resolution=0.05 / frequency),
        state=[1, 0],
        omega=1e-6,
        mass=2e6,
        drive=qm.Drive("x", _amplitude(frequency), frequency=frequency),
    )
    one = _steady(rate, frequency)
    period = 2 * math.pi / frequency
    start = period * math.ceil(80 / GAMMA / period)
    found = qm.master_equation(own, start + one.times[:: POINTS // 8])
    distance = np.abs(found.voltage - one.voltage[:: POINTS // 8]).max()
    total = one.current[:, 0] + one.variables["source_current"][:, 0]
    apart = np.abs(found.current[:, 0] - total[:: POINTS // 8]).max()
    return float(max(distance, apart))


def compute(settings: Settings) -> Result:
    """Find the periodic states at several frequencies and read the fingerprints."""
    low, high, count = (0.2, 10.0, 4) if settings.quick else (0.05, 50.0, 13)
    frequencies = np.geomspace(low, high, count)
    factors = {name: np.empty(count) for name in DEVICES}
    spread = {name: np.empty(count) for name in DEVICES}
    words: dict[tuple[str, int], str] = {}
    pinch = 0.0
    for k, frequency in enumerate(frequencies.tolist()):
        for name, rate in _rates(frequency).items():
            item = _steady(rate, frequency)
            loop = qm.find_loops(item)[0]
            factors[name][k], words[name, k] = loop.form_factor, loop_words(loop)
            gamma = item.variables["decay_rate"][:, 0]
            spread[name][k] = np.ptp(gamma) / gamma.mean()
            pinch = max(pinch, _pinch(item, item.current[:, 0]))
    shown = {name: _steady(rate, 1.0) for name, rate in _rates(1.0).items()}
    whole = shown["feedback"]
    total = whole.current[:, 0] + whole.variables["source_current"][:, 0]
    slope = np.polyfit(np.log(frequencies[-2:]), np.log(factors["feedback"][-2:]), 1)[0]
    peak = int(np.argmax(factors["feedback"]))
    ends = (factors["feedback"][0], factors["feedback"][-1])
    rises = pinch < 1e-2 and max(ends) < 0.7 * factors["feedback"][peak]
    quantities = (
        Quantity("|I| at V = 0 over the largest, memristor's current, all devices", pinch),
        Quantity("the same of the total current, feedback, ν = γ", _pinch(whole, total)),
        Quantity(
            "feedback: largest form factor",
            factors["feedback"][peak],
            evidence=words["feedback", peak],
        ),
        Quantity("feedback: ν/γ of the largest form factor", frequencies[peak] / GAMMA),
        *(
            Quantity(
                f"feedback: form factor at the {end} ν",
                factors["feedback"][k],
                evidence=words["feedback", k],
            )
            for end, k in (("lowest", 0), ("highest", count - 1))
        ),
        Quantity("feedback: d ln F/d ln ν at the highest ν", slope),
        Quantity(
            "feedback: spread of Γ at the highest ν, (max − min)/mean", spread["feedback"][-1]
        ),
        Quantity(
            "clocked: form factor at the highest ν",
            factors["clocked"][-1],
            evidence=words["clocked", count - 1],
        ),
        Quantity("clocked: spread of Γ at the highest ν", spread["clocked"][-1]),
        Quantity(
            "constant: largest form factor",
            factors["constant"].max(),
            evidence=words["constant", int(np.argmax(factors["constant"]))],
        ),
        Quantity(
            "verdict: feedback",
            "memristor: pinched, area falls towards both ends, a resistor in the limit"
            if rises and slope < -0.5
            else "not a memristor by these fingerprints",
        ),
        Quantity(
            "verdict: clocked",
            "a conductance that varies in time: the area stays"
            if factors["clocked"][-1] > 0.5 * factors["clocked"].max()
            else "the area vanishes",
        ),
        Quantity(
            "verdict: constant",
            "a resistor: no area at any frequency"
            if factors["constant"].max() < 1e-6
            else "it has an area",
        ),
        Quantity("largest distance to qm.master_equation, clocked, ν = γ", _package_distance(1.0)),
    )
    parameters = {
        "frequencies": frequencies.tolist(),
        "form_factors": {name: values.tolist() for name, values in factors.items()},
        "gamma": GAMMA,
        "gain": GAIN,
        "lifetime": LIFETIME,
        "angle": ANGLE,
    }
    return Result(shown, quantities, parameters)


def draw(result: Result) -> Figure:
    """Draw the loops at ν = γ and the form factor against the drive's frequency."""
    figure, axes = make_figure(width=TWO_COLUMNS, height=3.0, columns=2)
    first, second = np.ravel(axes)
    looks = {"feedback": ("C0", "-"), "clocked": ("C1", "--"), "constant": ("0.3", ":")}
    given = result.parameters
    for name, (colour, style) in looks.items():
        item = result.data[name]
        first.plot(item.voltage[:, 0], item.current[:, 0], style, color=colour, label=name)
        factors = np.array(given["form_factors"][name])
        second.loglog(
            given["frequencies"],
            np.maximum(factors, 1e-8),
            style,
            color=colour,
            marker="o",
            ms=3,
            label=name,
        )
    first.axhline(0, color="0.8", lw=0.6, zorder=0)
    first.axvline(0, color="0.8", lw=0.6, zorder=0)
    first.set(xlabel="V (√(2mħω)/2)", ylabel="memristor's current I (γ√(2mħω)/2)")
    first.legend(fontsize=7, title="drive at ν = γ", title_fontsize=7)
    second.set(xlabel="frequency of the drive ν (γ)", ylabel="form factor (1), 1e-8 for less")
    second.legend(fontsize=7)
    return figure
