"""Fig. 16: the Lorenz and Rössler attractors, and their Lyapunov spectra against published ones.

To see: two textbook attractors, by the code that finds the neuron's exponents: a check of the tool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from matplotlib.ticker import MaxNLocator

from experiments.drawing import TWO_COLUMNS, replace_by_3d
from experiments.driven2026.params import LORENZ, ROSSLER
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, compile_field, integrate
from qmemcircuit.plotting.figures import PALETTE, make_figure

# J. C. Sprott, Chaos and Time-Series Analysis (Oxford, 2003), Appendix A, base e.
PUBLISHED_LORENZ = (0.9056, 0.0, -14.5723)
PUBLISHED_ROSSLER = ((0.2, 0.2, 5.7), (0.0714, 0.0, -5.3943))


def _lorenz_rate(t: float, state: Any, change: Any, parameters: Any) -> None:
    """ẋ = σ(y − x), ẏ = x(ρ − z) − y, ż = xy − βz; parameters σ, ρ, β."""
    change[0] = parameters[0] * (state[1] - state[0])
    change[1] = state[0] * (parameters[1] - state[2]) - state[1]
    change[2] = state[0] * state[1] - parameters[2] * state[2]


def _lorenz_jacobian(t: float, state: Any, matrix: Any, parameters: Any) -> None:
    """The derivative of `_lorenz_rate`."""
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = -parameters[0], parameters[0], 0.0
    matrix[1, 0], matrix[1, 1], matrix[1, 2] = parameters[1] - state[2], -1.0, -state[0]
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = state[1], state[0], -parameters[2]


def _rossler_rate(t: float, state: Any, change: Any, parameters: Any) -> None:
    """ẋ = −y − z, ẏ = x + ay, ż = b + z(x − c); parameters a, b, c."""
    change[0] = -state[1] - state[2]
    change[1] = state[0] + parameters[0] * state[1]
    change[2] = parameters[1] + state[2] * (state[0] - parameters[2])


def _rossler_jacobian(t: float, state: Any, matrix: Any, parameters: Any) -> None:
    """The derivative of `_rossler_rate`."""
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = 0.0, -1.0, -1.0
    matrix[1, 0], matrix[1, 1], matrix[1, 2] = 1.0, parameters[0], 0.0
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = state[2], 0.0, state[0] - parameters[2]


def compute(settings: Settings) -> Result:
    """Integrate both attractors and measure three spectra."""
    duration = 3000.0 if settings.quick else 60000.0
    lorenz = DynamicalSystem(
        compile_field(_lorenz_rate, _lorenz_jacobian, dimension=3), np.array(LORENZ)
    )
    rossler = DynamicalSystem(
        compile_field(_rossler_rate, _rossler_jacobian, dimension=3), np.array(ROSSLER)
    )
    sprott = rossler.with_parameters(PUBLISHED_ROSSLER[0])
    data, quantities = {}, []
    systems = (
        ("Lorenz (10, 28, 8/3)", lorenz, PUBLISHED_LORENZ),
        ("Rössler (0.2, 0.2, 5.7)", sprott, PUBLISHED_ROSSLER[1]),
        ("Rössler (0.1, 0.1, 14)", rossler, None),
    )
    for number, (name, system, published) in enumerate(settings.track(systems)):
        found = lyapunov_spectrum(
            system, [1.0, 1.0, 1.0], transient=500, duration=duration, interval=0.5, blocks=40
        )
        quantities += _rows(name, found, published)
        if number != 1:
            times = np.arange(0, 120, 0.01)
            path = integrate(system, np.concatenate([[0.0], 100 + times]), [1.0, 1.0, 1.0])[1:]
            data["lorenz" if number == 0 else "rossler"] = xarray.Dataset(
                {axis: ("time", path[:, k]) for k, axis in enumerate("xyz")},
                coords={"time": times},
            )
    return Result(data, tuple(quantities))


def _rows(
    name: str, found: LyapunovSpectrum, published: tuple[float, ...] | None
) -> list[Quantity]:
    rows = []
    for k, (value, error) in enumerate(zip(found.exponents, found.errors, strict=True)):
        printed = None if published is None else published[k]
        verdict = "new"
        evidence = "no source that we could check prints this spectrum" if printed is None else ""
        if printed is not None:
            # Three standard errors and half of the last printed digit; the zero exponent decays
            # as 1/duration with a prefactor of order 1, which is no statistical error.
            agrees = abs(value - printed) < 3 * error + 0.5e-4 + 5 / found.duration
            verdict = "agrees" if agrees else "differs"
            evidence = f"{(value - printed) / error:+.1f} standard errors"
        rows.append(
            Quantity(
                f"exponent {k + 1}, {name}",
                value,
                error=error,
                published=printed,
                source=None if printed is None else "Sprott 2003",
                verdict=verdict,  # type: ignore[arg-type]
                evidence=evidence,
            )
        )
    rows.append(Quantity(f"Kaplan–Yorke dimension, {name}", found.kaplan_yorke_dimension))
    return rows


def draw(result: Result) -> Any:
    """Draw both attractors."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.5)
    for number, (name, title) in enumerate(
        (
            ("lorenz", r"(a) Lorenz, $\sigma = 10$, $\rho = 28$, $\beta = 8/3$"),
            ("rossler", "(b) Rössler, $a = b = 0.1$, $c = 14$"),
        )
    ):
        data = result.data[name]
        ax = replace_by_3d(axes[number])
        ax.plot(data["x"], data["y"], data["z"], lw=0.3, color=PALETTE[number])
        ax.set_xlabel("x", labelpad=-6)
        ax.set_ylabel("y", labelpad=-6)
        ax.set_zlabel("z", labelpad=-6)
        ax.tick_params(pad=-3)
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_major_locator(MaxNLocator(5))
        ax.set_box_aspect((1, 1, 0.8), zoom=0.92)
        ax.set_title(title, y=1.0)
    return figure
