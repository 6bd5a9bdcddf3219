"""The three figures of the digital neuron: modes, statistics, device."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.drawing import TWO_COLUMNS, draw_bloch_sphere, draw_mosaic, letter_panels
from experiments.results import Result
from qmemcircuit.plotting.figures import PALETTE, REFERENCE_COLOUR, make_figure


def _label(count: int) -> str:
    exponent = np.log10(count)
    return f"$10^{exponent:.0f}$" if exponent == round(exponent) else f"{count}"


def draw_modes(result: Result) -> Any:
    """Draw oscillation, control, Bloch vector and hysteresis, one column per feedback."""
    series, hysteresis = result.data["series"], result.data["hysteresis"]
    shots = result.parameters["shots"]
    active, silent = result.parameters["biases"]
    low, high, rate = result.parameters["ramp"]
    modes = [("exact", 0, REFERENCE_COLOUR, "exact")]
    figure, axes = make_figure(4, 2, width=TWO_COLUMNS, height=9.2)
    for row, feedback in enumerate(result.parameters["feedbacks"]):
        sampled = [
            (feedback, count, PALETTE[k], f"{_label(count)} shots")
            for k, count in enumerate(sorted(shots, reverse=True))
        ]
        for column, bias in enumerate((active, silent)):
            ax = axes[column, row]
            for level, (mode, count, colour, label) in enumerate(modes + sampled):
                voltage = series[f"V {bias:g} {mode} {count}"]
                centre = float(series[f"V {bias:g} exact 0"].mean())
                ax.plot(series["time"], voltage - centre - 0.16 * level, color=colour, label=label)
            ax.set(xlabel=r"time $\tilde t$", ylim=(-0.68, 0.12), xlim=(0, series["time"][-1]))
            ax.set_ylabel(r"$V - \bar V_{\mathrm{exact}}$, shifted")
            what = "" if bias == active else " (control)"
            ax.set_title(f"{feedback}: $V_n={bias:g}${what}")
        ax = draw_bloch_sphere(axes[2, row])
        # Where all modes agree, thick lines under thin ones show that they are there.
        widths = (2.6, 1.8, 1.2, 0.6) if feedback == "history" else (0.7, 0.7, 0.7, 0.9)
        nested = list(zip(sampled[::-1] + modes, widths, strict=False))
        for (mode, count, colour, _), width in nested:
            x, y, z = (series[f"{name} {active:g} {mode} {count}"] for name in "XYZ")
            ax.plot(x, y, z, color=colour, lw=width)
        ax.set_title(f"{feedback}: Bloch vector, $V_n=2$", y=0.98)
        ax = axes[3, row]
        inset = ax.inset_axes((0.08, 0.69, 0.26, 0.28))
        inset.set(xlim=(3.94, 4.1), ylim=(1.2, 4.2), xticks=[3.95, 4.08], yticks=[2, 4])
        inset.tick_params(labelsize=6)
        for (mode, count, colour, _), width in nested:
            for name in ("up", "down"):
                bias_values = low + rate * hysteresis["time"]
                if name == "down":
                    bias_values = high - rate * hysteresis["time"]
                voltage = hysteresis[f"V {name} {mode} {count}"]
                for place in (ax, inset):
                    place.plot(bias_values, voltage, color=colour, lw=width)
        for fold in result.parameters["folds"]:
            ax.axvline(fold, color="0.6", lw=0.6, ls=":", zorder=0)
        ax.set(xlabel="input $V_n$", ylabel="voltage $V$", xlim=(2, 4.8))
        ax.set_title(f"{feedback}: hysteresis (dotted: folds)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def draw_statistics(result: Result) -> Any:
    """Draw g2, phase diffusion and the folded spans against the number of shots."""
    active, silent = result.parameters["biases"]
    diffusion, cycles = result.data["diffusion"], result.data["cycles"]
    figure, panels = draw_mosaic("ab;cc", height=5.2)
    axes = [panels[letter] for letter in "abc"]
    for k, feedback in enumerate(result.parameters["feedbacks"]):
        colour, marker = PALETTE[k], "os"[k]
        here = diffusion.sel(feedback=feedback)
        axes[0].errorbar(
            here["shots"],
            here["amplitude_ratio"].mean("seed"),
            here["amplitude_ratio"].std("seed", ddof=1) / np.sqrt(here.sizes["seed"]),
            color=colour,
            marker=marker,
            ls="none",
            label=feedback,
        )
        whole = np.isfinite(here["diffusion"]).all("seed").values
        mean = here["diffusion"].mean("seed", skipna=False).values[whole]
        error = here["diffusion"].std("seed", ddof=1, skipna=False).values[whole]
        axes[1].errorbar(
            here["shots"].values[whole],
            mean,
            error / np.sqrt(here.sizes["seed"]),
            color=colour,
            marker=marker,
            ls="none",
            label=feedback,
        )
        if mean.size:
            x = np.geomspace(here["shots"].values[whole][0], here["shots"].values[-1], 2)
            axes[1].plot(x, mean[-1] * x[-1] / x, color=colour, lw=0.8)
        for bias, fill in ((active, colour), (silent, "none")):
            span = cycles["span"].sel(feedback=feedback, bias=bias)
            axes[2].errorbar(
                span["shots"],
                span.mean("seed"),
                span.std("seed", ddof=1) / np.sqrt(span.sizes["seed"]),
                color=colour,
                marker=marker,
                markerfacecolor=fill,
                ls="none",
                label=f"{feedback}, $V_n={bias:g}$",
            )
    axes[0].axhline(1, color="0.6", lw=0.8, zorder=0)
    axes[0].axhline(2, color="0.6", lw=0.8, ls="--", zorder=0)
    axes[0].set_ylabel(r"$g_2=\langle R^4\rangle/\langle R^2\rangle^2$ (1 cycle, 2 noise)")
    axes[1].set(yscale="log", ylabel=r"phase diffusion $D$ (rad$^2$ per time)")
    axes[2].axhline(
        result.parameters["exact_span"], color=REFERENCE_COLOUR, lw=0.8, label="exact, $V_n=2$"
    )
    axes[2].set(yscale="log", ylabel="phase-folded span of $V$", ylim=(1e-6, 0.15))
    titles = ("amplitude statistics, $V_n=2$", "where a cycle is left; lines: 1/shots")
    letter_panels(axes, (*titles, "cycle and control"))
    for ax in axes:
        ax.set(xscale="log", xlabel="shots per basis and step")
        ax.margins(x=0.1)
        beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        ax.legend(**(beside if ax is axes[2] else {"loc": "best"}))
    return figure


def draw_device(result: Result) -> Any:
    """Draw the voltage on the noisy device beside the exact and the ideal sampled loop."""
    device = result.data["device"]
    figure, axes = make_figure(1, 2, width=7.0, height=2.8, sharey=True)
    for ax, feedback in zip(axes, result.parameters["feedbacks"], strict=True):
        mean, spread = device[f"mean {feedback}"], device[f"spread {feedback}"]
        ax.fill_between(
            device["time"],
            mean - 2 * spread,
            mean + 2 * spread,
            color="0.85",
            label=f"{result.parameters['device_shots']} shots, ideal (±2σ)",
        )
        ax.plot(device["time"], device["exact"], color=REFERENCE_COLOUR, label="exact loop")
        ax.plot(device["time"], device[f"V {feedback}"], "o", color=PALETTE[1], label="device")
        ax.set(xlabel=r"time $\tilde t$", title=f"{feedback} on FakeManilaV2's noise")
        ax.legend()
    axes[0].set_ylabel("voltage $V$")
    return figure
