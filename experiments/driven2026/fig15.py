"""Fig. 15: very large drives are not chaotic: three period-1 orbits and a torus.

To see: three closed orbits and a torus: a very large drive confines the qubit, and makes no chaos.
"""

from __future__ import annotations

from typing import Any

from experiments.drawing import TWO_COLUMNS, draw_bloch_path
from experiments.driven2026.forced import (
    CHAOS,
    LOCKED,
    TORUS,
    UNDECIDED,
    lyapunov_quantity,
    name_regime,
    orbit_quantity,
    study,
)
from experiments.driven2026.params import LARGE, driven
from experiments.results import Quantity, Result, Settings, Verdict
from qmemcircuit.plotting.figures import PALETTE, make_figure

_VERDICTS: dict[str, tuple[Verdict, str]] = {
    LOCKED: (
        "erratum",
        "a stable limit cycle, one closed curve of many loops: it is neither erratic nor broken "
        "down",
    ),
    TORUS: ("agrees", "no limit cycle is left, and it is not chaos"),
    CHAOS: ("erratum", "it is chaos"),
    UNDECIDED: ("differs", "exponents and multipliers do not say the same"),
}


def compute(settings: Settings) -> Result:
    """Settle at each (V_DC, V_Amp) and measure exponents and multipliers."""
    data, quantities = {}, []
    for number, (bias, amplitude) in enumerate(settings.track(LARGE)):
        found = study(driven(amplitude, bias=bias), quick=settings.quick, transient=1000.0)
        data[f"case{number}"] = found.data
        label = f"V_DC = {bias:g}, V_Amp = {amplitude:g}"
        regime = name_regime(found)
        verdict, reason = _VERDICTS[regime]
        exponents, errors = found.spectrum.exponents, found.spectrum.errors
        quantities += [
            Quantity(
                f"regime, {label}",
                regime,
                published="erratic, breakdown of the stable limit cycle, not chaos",
                source="Sec. IV",
                verdict=verdict,
                evidence=f"exponents {exponents[0]:.5f} ± {errors[0]:.5f}, {exponents[1]:.5f} ± "
                f"{errors[1]:.5f}; largest multiplier of the period-1 orbit "
                f"{abs(found.orbit.multipliers[0]):.5f}: {reason}",
            ),
            orbit_quantity(label, found.orbit),
            lyapunov_quantity(label, found.spectrum),
        ]
    return Result(data, tuple(quantities))


def draw(result: Result) -> Any:
    """Draw the four Bloch-vector orbits."""
    figure, axes = make_figure(2, 2, width=TWO_COLUMNS, height=6.6)
    axes = axes.ravel()
    for number, (bias, amplitude) in enumerate(LARGE):
        data = result.data[f"case{number}"]
        near = data["time"].values < (60 if number == 3 else 2.2)
        width = (0.8, 0.6, 0.3, 0.25)[number]
        ax = draw_bloch_path(axes[number], data, part=near, lw=width, color=PALETTE[number])
        ax.set_title(
            f"({'abcd'[number]}) $V_{{DC}} = {bias:g}$, $V_{{Amp}} = {amplitude:g}$", y=1.04
        )
    return figure
