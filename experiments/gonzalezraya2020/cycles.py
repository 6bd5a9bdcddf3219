"""What the figures of this paper are summarised by: peaks cycle by cycle, extremes, times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.results import Quantity
from qmemcircuit.neurons.hodgkin_huxley.quantized import QuantizedNeuron, simulate_quantized
from qmemcircuit.results.trajectory import Trajectory

MATCHINGS = ("paper", "kirchhoff")


def run_matchings(neuron: QuantizedNeuron, *, cycles: int, points: int) -> dict[str, Trajectory]:
    """Return the runs with θ of Eq. 21 and with θ = 1, and both at a coarser tolerance."""
    runs = {}
    for matching in MATCHINGS:
        changed = replace(neuron, matching=matching)
        times = changed.periods(cycles, points=points)
        runs[matching] = simulate_quantized(changed, times)
        runs[f"{matching}_coarse"] = simulate_quantized(changed, times, tolerance=1e-7)
    return runs


def voltage_quantities(runs: dict[str, Trajectory], **source: Any) -> list[Quantity]:
    """Return the membrane's largest value in each cycle, the first one's time, the minimum."""
    found = []
    for matching in MATCHINGS:
        pair = [runs[matching], runs[f"{matching}_coarse"]]
        volts = [run.voltage[:, 0] for run in pair]
        found += _peak(f"membrane, {matching} matching", "mV", pair, volts, source)
        lowest = [series.min() for series in volts]
        found.append(_quantity(f"minimum, {matching} matching", lowest, "mV", source))
        maxima = [_cycle_maxima(run, series) for run, series in zip(pair, volts, strict=True)]
        for cycle in (1, 2, -1):
            name = "last" if cycle < 0 else f"{('', '2nd', '3rd')[cycle]}"
            pair_of = [values[cycle] for values in maxima]
            found.append(_quantity(f"{name} cycle's maximum, {matching}", pair_of, "mV", source))
    return found


def conductance_quantities(runs: dict[str, Trajectory], **source: Any) -> list[Quantity]:
    """Return the extremes of g_K and g_Na with their times."""
    found = []
    for matching in MATCHINGS:
        pair = [runs[matching], runs[f"{matching}_coarse"]]
        for ion, symbol in (("potassium", "g_K"), ("sodium", "g_Na")):
            series = [run.variables[f"{ion}_conductance"] for run in pair]
            for word, place in (("largest", np.argmax), ("smallest", np.argmin)):
                where = int(place(series[0]))
                name = f"{word} {symbol}, {matching} matching, at t = {pair[0].times[where]:.4g}"
                values = [float(s[int(place(s))]) for s in series]
                found.append(_quantity(name, values, "S", source))
    return found


def output_quantities(runs: dict[str, Trajectory], **source: Any) -> list[Quantity]:
    """Return the output line's largest value in each cycle; the first may be its start."""
    found = []
    for matching in MATCHINGS:
        pair = [runs[matching], runs[f"{matching}_coarse"]]
        volts = [run.variables["output_voltage"] for run in pair]
        found += _peak(f"output line, {matching} matching", "mV", pair, volts, source)
        maxima = [_cycle_maxima(run, series) for run, series in zip(pair, volts, strict=True)]
        for cycle, word in ((1, "2nd"), (-1, "last")):
            values = [series[cycle] for series in maxima]
            found.append(
                _quantity(f"output line, {word} cycle's maximum, {matching}", values, "mV", source)
            )
    return found


def _cycle_maxima(run: Trajectory, series: np.ndarray) -> np.ndarray:
    cycle = np.floor(run.times / run.periods[0] - 1e-9).astype(int).clip(0)
    return np.array([series[cycle == k].max() for k in range(cycle.max() + 1)])


def _peak(
    name: str, unit: str, pair: Sequence[Trajectory], series: Sequence[np.ndarray], source: Any
) -> list[Quantity]:
    first = pair[0].times <= pair[0].periods[0]
    values = [float(s[first].max()) for s in series]
    when = float(pair[0].times[int(np.argmax(series[0][first]))])
    spacing = float(pair[0].times[1])
    return [
        _quantity(f"largest value in the first cycle, {name}", values, unit, source),
        Quantity(f"its time, {name}", when, spacing / 2, "1", **_bare(source)),
    ]


def _quantity(name: str, values: Sequence[float], unit: str, source: Any) -> Quantity:
    """Return values[0] with its distance from the coarser run as numerical uncertainty."""
    return Quantity(name, values[0], abs(values[0] - values[1]) or None, unit, **_bare(source))


def _bare(source: Any) -> dict[str, Any]:
    return {key: source[key] for key in ("source", "verdict", "evidence") if key in source}
