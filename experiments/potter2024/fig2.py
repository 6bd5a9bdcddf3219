"""Fig. 2: equilibrium surface with its folds and cusp, current–voltage curve, hysteresis loops.

To see: the folded surface, the two load lines that touch the current–voltage curve, and the
hysteresis between them.

A second figure shows the hysteresis at R_n = 8 three ways: ramps of V_n at finite speed, the
quasi-static branches and the fold points.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray

from experiments.drawing import draw_mosaic, replace_by_3d
from experiments.potter2024.params import (
    ASYMMETRIC_POSITIONS,
    ASYMMETRIC_RESISTANCE,
    CUSP,
    FOLDS,
    HYSTERESIS,
    JUMPS,
)
from experiments.ramps import jump_bias, ramp_loop
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.shuttle.bifurcations import (
    find_cusps,
    find_folds,
    static_bias,
    static_current,
)
from qmemcircuit.plotting.figures import PALETTE, make_figure


def compute(settings: Settings) -> Result:
    """Find cusp and folds from the closed conditions, and sweep V_n."""
    points = 400 if settings.quick else 2000
    rates = (0.1, 0.02) if settings.quick else (0.1, 0.02, 0.002)
    cusp = find_cusps(HYSTERESIS)[0]
    voltages = np.linspace(0, 6, 241)
    resistances = np.linspace(0.5, 10, 96)
    current = static_current(HYSTERESIS, voltages)
    surface = voltages[None, :] + resistances[:, None] * current[None, :]
    fold_resistances = cusp.resistance + (10 - cusp.resistance) * np.linspace(1e-6, 1, 60) ** 2
    folds = np.array(
        [
            [
                (fold.voltage, fold.bias)
                for fold in find_folds(replace(HYSTERESIS, resistance=r))
                if fold.voltage > 0
            ]
            for r in fold_resistances
        ]
    )
    static = xarray.Dataset(
        {
            "current": ("voltage", current),
            "bias": (("resistance", "voltage"), surface),
            "bias_8": ("voltage", static_bias(HYSTERESIS, voltages)),
            "fold_voltage": (("fold_resistance", "side"), folds[:, :, 0]),
            "fold_bias": (("fold_resistance", "side"), folds[:, :, 1]),
        },
        coords={
            "voltage": voltages,
            "resistance": resistances,
            "fold_resistance": fold_resistances,
        },
    )
    data: dict[str, Any] = {"static": static}
    quantities = _cusp_quantities(cusp)
    both = find_folds(HYSTERESIS)
    for fold, printed, label in zip(both, FOLDS, ("(1)", "(2)"), strict=True):
        for name in ("voltage", "bias"):
            quantities.append(
                _agreeing(f"fold {name}{label} at R_n = 8", getattr(fold, name), printed[name])
            )
    for fold, label in zip(
        find_folds(replace(HYSTERESIS, resistance=5.0)), ("(1)", "(2)"), strict=True
    ):
        quantities.append(Quantity(f"fold voltage{label} at R_n = 5", fold.voltage))
        quantities.append(Quantity(f"fold bias{label} at R_n = 5", fold.bias))
    quantities.append(
        Quantity.erratum(
            "load line's ends on the axes at the upper fold, V and I",
            f"V_n = {both[0].bias:.4f} and V_n/R_n = {both[0].bias / 8:.4f}",
            "R_n V_n and V_n",
            "V_n = V + R_n I meets I = 0 at V_n and V = 0 at V_n/R_n; the line of "
            "Fig. 2b through these touches I(V) at the fold",
            source="Sec. III",
        )
    )
    advance = settings.stages(len(rates) + len(ASYMMETRIC_POSITIONS))
    for number, rate in enumerate(rates):
        up, down = ramp_loop(HYSTERESIS, 0.0, 8.0, rate=rate, points=points)
        data[f"up{number}"], data[f"down{number}"] = up, down
        advance()
        if number == len(rates) - 1:
            quantities += _jump_quantities(up, down, both, rate)
    for number, position in enumerate(ASYMMETRIC_POSITIONS):
        neuron = replace(
            HYSTERESIS, resistance=ASYMMETRIC_RESISTANCE, equilibrium_position=position
        )
        loops = ramp_loop(neuron, -4.0, 4.0, rate=0.02 if settings.quick else 0.004, points=points)
        data[f"loop{number}_up"], data[f"loop{number}_down"] = loops
        advance()
        points_of_fold = find_folds(neuron)
        quantities += [
            Quantity(
                f"loop width on the {side} side at R_n = 10, x0 = {position:g}",
                abs(pair[0].bias - pair[1].bias),
                evidence="distance in V_n of the two folds",
            )
            for side, pair in (
                ("negative", points_of_fold[:2]),
                ("positive", points_of_fold[-2:]),
            )
        ]
    return Result(data, tuple(quantities), {"rates": list(rates), "cusp": list(_triple(cusp))})


def _triple(cusp: Any) -> tuple[float, float, float]:
    return cusp.voltage, cusp.resistance, cusp.bias


def _agreeing(name: str, value: float, published: float) -> Quantity:
    return Quantity.against(name, value, published, digits=4, source="Sec. III")


def _cusp_quantities(cusp: Any) -> list[Quantity]:
    return [_agreeing(f"cusp {name}", getattr(cusp, name), CUSP[name]) for name in CUSP]


def _jump_quantities(up: Any, down: Any, folds: Any, rate: float) -> list[Quantity]:
    quantities = []
    for name, loop, fold, printed in (
        ("upward", up, folds[0], JUMPS[0]),
        ("downward", down, folds[1], JUMPS[1]),
    ):
        found = jump_bias(loop)
        quantities.append(
            Quantity.erratum(
                f"{name} jump of the ramp dV_n/dt = {rate:g}, R_n = 8",
                found,
                printed,
                f"the jumps are the folds, V_n = {fold.bias:.4f}, which the same section "
                f"derives; a ramp of finite speed passes them by {abs(found - fold.bias):.2g} "
                "(in its direction), never jumps before",
                source="Sec. III, '≈'",
            )
        )
    return quantities


def draw(result: Result) -> dict[str, Any]:
    """Draw the paper's three panels, and the hysteresis three ways."""
    return {"": _draw_panels(result), "ramps": _draw_ramps(result)}


def _value(result: Result, name: str) -> float:
    return next(float(q.value) for q in result.quantities if q.name == name)


def _draw_panels(result: Result) -> Any:
    static = result.data["static"]
    cusp_voltage, cusp_resistance, cusp_bias = result.parameters["cusp"]
    last = len(result.parameters["rates"]) - 1
    figure, axes = draw_mosaic("ab;ac", height=5.0)
    ax = replace_by_3d(axes["a"])
    grid_v, grid_r = np.meshgrid(static["voltage"], static["resistance"])
    bias = static["bias"].values
    inside = bias <= 8
    ax.plot_surface(
        np.where(inside, bias, np.nan),
        grid_r,
        np.where(inside, grid_v, np.nan),
        color=PALETTE[5],
        alpha=0.35,
        linewidth=0,
        rcount=60,
        ccount=120,
    )
    for side in (0, 1):
        near = static["fold_bias"][:, side] <= 8
        ax.plot(
            static["fold_bias"][:, side][near],
            static["fold_resistance"][near],
            static["fold_voltage"][:, side][near],
            color=PALETTE[4],
        )
    for name in (f"up{last}", f"down{last}"):
        loop = result.data[name]
        inputs = loop.variables["input"]
        ax.plot(inputs, np.full(inputs.size, 8.0), loop.voltage[:, 0], color=PALETTE[1])
    ax.scatter([cusp_bias], [cusp_resistance], [cusp_voltage], color=PALETTE[4], s=25)
    ax.set_xlabel("input $V_n$", labelpad=-4)
    ax.set_ylabel("resistance $R_n$", labelpad=-4)
    ax.set_zlabel("voltage $V^*$", labelpad=-6)
    ax.tick_params(pad=-2)
    ax.view_init(elev=24, azim=-118)
    ax.set_box_aspect(None, zoom=0.8)  # room for the labels
    ax.set_title("(a) equilibria, folds, cusp, ramp", y=1.0)

    ax = axes["b"]
    voltage = static["voltage"].values
    ax.plot(voltage, static["current"], color="black", label="$I = G(V)\\,V$")
    for label, colour in (("(1)", PALETTE[1]), ("(2)", PALETTE[0])):
        exact = _value(result, f"fold bias{label} at R_n = 8")
        at = _value(result, f"fold voltage{label} at R_n = 8")
        ax.plot(voltage, (exact - voltage) / 8, color=colour, label=f"$V_n = {exact:.4f}$")
        ax.plot(at, (exact - at) / 8, "o", color=colour, markerfacecolor="white")
    ax.set(xlabel="voltage $V$", ylabel="current $I$", xlim=(0, 6), ylim=(0, 0.8))
    ax.legend(title="load lines, $R_n = 8$", loc="upper right")
    ax.set_title("(b) touching the load lines: folds")

    ax = axes["c"]
    for number, (position, colour) in enumerate(
        zip(ASYMMETRIC_POSITIONS, ("black", PALETTE[1], PALETTE[0]), strict=True)
    ):
        for way, style in (("up", "-"), ("down", "--")):
            loop = result.data[f"loop{number}_{way}"]
            ax.plot(
                loop.variables["input"],
                loop.voltage[:, 0],
                style,
                color=colour,
                label=f"$x_0 = {position:g}$" if way == "up" else None,
            )
    ax.plot([], [], "--", color="0.5", label="$V_n$ falling")
    ax.set(xlabel="input $V_n$", ylabel="voltage $V$")
    ax.legend(loc="upper left")
    ax.set_title("(c) both signs of the input, $R_n = 10$")
    return figure


def _draw_ramps(result: Result) -> Any:
    static = result.data["static"]
    figure, ax = make_figure(width=4.8, height=3.4)
    voltage, bias = static["voltage"].values, static["bias_8"].values
    fold_voltages = [_value(result, f"fold voltage{k} at R_n = 8") for k in ("(1)", "(2)")]
    fold_biases = [_value(result, f"fold bias{k} at R_n = 8") for k in ("(1)", "(2)")]
    unstable = (voltage >= fold_voltages[0]) & (voltage <= fold_voltages[1])
    ax.plot(np.where(unstable, np.nan, bias), voltage, color="black", lw=3, alpha=0.25)
    ax.plot(np.where(unstable, bias, np.nan), voltage, ":", color="black")
    for number, rate in enumerate(result.parameters["rates"]):
        for way, style in (("up", "-"), ("down", "--")):
            loop = result.data[f"{way}{number}"]
            ax.plot(
                loop.variables["input"],
                loop.voltage[:, 0],
                style,
                color=PALETTE[number],
                lw=0.9,
                label=f"ramp $|dV_n/dt| = {rate:g}$" if way == "up" else None,
            )
    ax.plot([], [], "--", color="0.5", label="$V_n$ falling")
    ax.plot([], [], color="black", lw=3, alpha=0.25, label="stable equilibria")
    ax.plot([], [], ":", color="black", label="unstable equilibria")
    ax.plot(fold_biases, fold_voltages, "o", color="black", markerfacecolor="white", label="folds")
    ax.set(xlabel="input $V_n$", ylabel="voltage $V$", xlim=(0, 8), ylim=(0, 7.5))
    ax.legend(loc="upper left")
    ax.set_title("hysteresis at $R_n = 8$, $\\Gamma = 1$, $Z_T = 1$")
    return figure
