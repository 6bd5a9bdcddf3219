"""I–V curves of the two-level quantum memristor for two decay rates (master equation).

To see: both loops are pinched; the larger decay rate opens them further and damps them faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.drawing import mark_pinch, mark_start
from experiments.guo2022.params import FIG1_A, FIG1_B, FIG1_GAMMA0
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERIODS = 5


def compute(settings: Settings) -> Result:
    """Solve the master equation for both rates; check I = ΓV with an independent derivative."""
    data, quantities = {}, []
    for gamma0 in FIG1_GAMMA0:
        memristor = qm.Memristor(qm.SquidRate(gamma0), a=FIG1_A, b=FIG1_B)
        times = memristor.periods(PERIODS, points=60 if settings.quick else 240)
        master = qm.master_equation(memristor, times)
        data[f"master_{gamma0}"] = master
        quantities += _quantities(memristor, master, gamma0)
    fast, slow = (_shrinking(data[f"master_{gamma0}"]) for gamma0 in FIG1_GAMMA0)
    quantities.append(
        Quantity.against(
            "amplitude left after one period, γ0 = 0.2 over γ0 = 0.02",
            fast / slow,
            "below 1: the red curve shrinks faster",
            source="Sec. II",
            holds=fast < slow,
        )
    )
    memristor = qm.Memristor(qm.SquidRate(0.2), a=FIG1_A, b=FIG1_B)
    # Eq. 15 as printed: <e|ρ|g> = cos a sin a e^{+ib}, whose imaginary part is half of <Y>.
    printed = memristor.current_scale * float(np.cos(FIG1_A) * np.sin(FIG1_A) * np.sin(FIG1_B))
    quantities.append(
        Quantity.erratum(
            "V(0)",
            data["master_0.2"].voltage[0, 0],
            f"{printed:+.4f} by Eq. 15",
            "Eq. 15 has e^{ib} in <e|ρ|g>; the state below Eq. 9 gives e^{−ib}, so V changes sign",
            source="Eq. 15",
        )
    )
    return Result(data, tuple(quantities), {"a": FIG1_A, "b": FIG1_B, "gamma0": FIG1_GAMMA0})


def _quantities(memristor: qm.Memristor, master: qm.Trajectory, gamma0: float) -> list[Quantity]:
    """I from its definition, with d<σy>/dt by differences of the solution, against ΓV."""
    assert master.states is not None
    y = 2 * master.states[:, 1, 0].imag
    x = 2 * master.states[:, 1, 0].real
    derivative = np.gradient(y, master.times, edge_order=2)
    scale = memristor.current_scale
    definition = scale * (-derivative - memristor.omega * x)
    defect = definition - memristor.decay_rate(master.times) * master.voltage[:, 0]
    # Central differences are wrong by dt²/6 |y'''| ≤ dt²/6 max|y| ω³ (1 + small terms of γ0).
    step = float(master.times[1] - master.times[0])
    bound = scale * step**2 / 6 * float(np.abs(y).max()) * (1 + gamma0) ** 3
    return [
        Quantity.against(
            f"largest |I − ΓV| inside, I from its definition, γ0 = {gamma0}",
            np.abs(defect[1:-1]).max(),
            "0 (I = ΓV)",
            holds=np.abs(defect[1:-1]).max() <= bound,
            error=bound,
            unit="ω√(mħω)",
            source="Eq. 9",
            evidence="the error is the bound of the numerical derivative",
        )
    ]


def _shrinking(master: qm.Trajectory) -> float:
    """Return |V(T)/V(0)|."""
    index = int(np.argmin(np.abs(master.times - 2 * np.pi)))
    return float(abs(master.voltage[index, 0] / master.voltage[0, 0]))


def draw(result: Result) -> Figure:
    """Draw both curves, normalised by their initial values as in the paper."""
    figure, ax = make_figure(width=3.8, height=3.4)
    for gamma0, colour, style in zip(
        FIG1_GAMMA0, (PALETTE[1], PALETTE[0]), ("-", "-."), strict=True
    ):
        series = result.data[f"master_{gamma0}"][0]
        ax.plot(
            series.voltage / series.voltage[0],
            series.current / series.current[0],
            style,
            color=colour,
            label=f"γ0 = {gamma0} ω",
        )
    mark_start(ax, 1, 1, ms=6)
    mark_pinch(ax, ms=7)
    ax.set_xlabel("voltage ⟨V⟩/V₀")
    ax.set_ylabel("current ⟨I⟩/I₀")
    ax.legend()
    return figure
