"""Fig. 6: span of the self-oscillation over (Γ, Z_T) and (Γ, α) at R_n = 6, V_n = 2.

To see: the oscillation ends at the Hopf curve; α changes its size and not its border.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray

from experiments.drawing import TWO_COLUMNS, add_span_bar, draw_span_map
from experiments.maps import sweep_map
from experiments.potter2024.params import DISSIPATION
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.cycles import ConvergenceError, find_limit_cycle
from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.shuttle.bifurcations import find_hopf_parameter, find_steady_states
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron
from qmemcircuit.plotting.figures import make_figure

LARGEST_DECOHERENCE = 0.7
SMALLEST_DECOHERENCE = 0.01  # at Γ = 0 nothing relaxes and no stationary span exists
RELAXATIONS = 6  # times three relaxation times of Z, before a point is given up


def compute(settings: Settings) -> Result:
    """Find the cycle by shooting wherever the equilibrium is unstable."""
    size = 10 if settings.quick else 32
    rates = np.linspace(SMALLEST_DECOHERENCE, LARGEST_DECOHERENCE, size)
    polarisations = np.linspace(0.02, 1.0, size)
    ratios = np.linspace(0.1, 2.0, size)
    maps, failures = {}, 0
    for name, values in (("thermal_polarisation", polarisations), ("relaxation_ratio", ratios)):
        found = sweep_map(partial(_row_at, rates=tuple(rates.tolist())), {name: values}, settings)
        spans = found["spans"].values
        failures += int(found["missed"].sum())
        maps[name] = xarray.Dataset(
            {"span": ((name, "decoherence_rate"), spans)},
            coords={name: values, "decoherence_rate": rates},
        )
    boundary_z = np.linspace(0.03, 1.0, 60)
    boundary = [_largest_rate(float(z)) for z in boundary_z]
    maps["boundary"] = xarray.Dataset(
        {"decoherence_rate": ("thermal_polarisation", boundary)},
        coords={"thermal_polarisation": boundary_z},
    )
    quantities = [
        Quantity(f"Γ_max at Z_T = {z:g}", _largest_rate(z))
        for z in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    ]
    spans = maps["relaxation_ratio"]["span"].values
    best = np.unravel_index(np.nanargmax(spans), spans.shape)
    upper = {ratio: _largest_rate(1.0, ratio=ratio) for ratio in (0.1, 1.0, 2.0)}
    quantities += [
        Quantity.against(
            "Γ_max at Z_T = 1 for α = 0.1, 1, 2",
            ", ".join(f"{value:.10f}" for value in upper.values()),
            "independent of α",
            source="Sec. IV",
            holds=np.ptp(list(upper.values())) < 1e-9,
            evidence="α does not enter the Hopf condition: its eigenvalue −αΓ splits off",
        ),
        Quantity(
            "largest span over (Γ, α) at Z_T = 1",
            spans[best],
            evidence=f"on the grid, at Γ = {rates[best[1]]:.3f}, α = {ratios[best[0]]:.3f}: the "
            "optimal ratio that Sec. IV leaves open",
        ),
        Quantity(
            "grid points without a confirmed stable cycle (left blank)",
            failures,
            evidence=f"of {2 * size * size}",
        ),
        Quantity(
            "largest span over (Γ, Z_T) at α = 1",
            maps["thermal_polarisation"]["span"].max(),
            evidence="on the grid",
        ),
    ]
    return Result(maps, tuple(quantities))


def _row_at(*, rates: tuple[float, ...], **change: float) -> dict[str, Any]:
    """Return one row of a map: every Γ for one value of the other parameter."""
    spans, missed = _row(replace(DISSIPATION, **change), np.array(rates))
    return {"spans": spans, "missed": float(missed)}


def _row(neuron: ShuttleNeuron, rates: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
    """Return the spans along Γ, and how many of them Newton's method did not confirm.

    Each integration starts from its neighbour's end and lasts three relaxation times of Z, as
    often as it takes: where Z relaxes slowly the transient bursts, and its last two time units
    would be any number between zero and the span. What is not confirmed is NaN.
    """
    spans = np.zeros(rates.size)
    state, missed = None, 0
    for column, rate in enumerate(rates):
        changed = replace(neuron, decoherence_rate=float(rate))
        lowest = find_steady_states(changed)[0]
        if lowest.stable:
            state = None
            continue
        if state is None:
            z = changed.thermal_polarisation
            state = np.array([lowest.voltage, 0.999 * z, 0.03 * z, 0.0])
        duration = 200 + 3 / (changed.relaxation_ratio * rate)
        system = changed.system()
        # The first guess of the period is the eigenvalue's; Newton's method does the rest.
        period = 2 * np.pi / abs(lowest.eigenvalues[0].imag)
        spans[column] = np.nan
        for _ in range(RELAXATIONS):
            state = integrate(system, [0.0, duration], state, rtol=1e-9)[-1]
            try:
                cycle = find_limit_cycle(system, state, period=period)
            except ConvergenceError:
                continue
            if cycle.stable:
                spans[column], state = cycle.span(), cycle.state
                break
        missed += int(np.isnan(spans[column]))
    return spans, missed


def _largest_rate(polarisation: float, ratio: float = 1.0) -> float:
    """Return the Γ of the Hopf point; α is passed only to show that it does not matter."""
    neuron = replace(DISSIPATION, thermal_polarisation=polarisation, relaxation_ratio=ratio)
    return find_hopf_parameter(neuron, "decoherence_rate", (1e-4, 3.0))[0]


def draw(result: Result) -> Any:
    """Draw both heat maps with the exact boundary."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.0)
    boundary = result.data["boundary"]
    for ax, name, label, title in (
        (axes[0], "thermal_polarisation", "thermal polarisation $Z_T$", r"(a) $\alpha = 1$"),
        (axes[1], "relaxation_ratio", r"ratio $\alpha$", "(b) $Z_T = 1$"),
    ):
        data = result.data[name]
        spans = data["span"].values
        largest = float(result.data["relaxation_ratio"]["span"].max())
        rates = data["decoherence_rate"]
        mesh = draw_span_map(ax, rates, data[name], spans, above=0, largest=largest)
        ax.set(xlabel=r"decoherence rate $\Gamma$", ylabel=label, title=title)
        ax.set_xlim(0, LARGEST_DECOHERENCE)
    axes[0].plot(
        boundary["decoherence_rate"],
        boundary["thermal_polarisation"],
        color="black",
        label="Hopf, closed condition",
    )
    axes[0].legend(loc="upper left")
    axes[1].axvline(float(boundary["decoherence_rate"][-1]), color="black")
    add_span_bar(axes, mesh)
    return figure
