"""From counts back to law and coupling: how often the intervals cover, and a wrong family seen.

To see: the errors of a fit are distributed as stated (a); the p-values of true families are
uniform, those of a wrong family pile up near zero (b).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from scipy.stats import binomtest

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUNS, SHOTS, POINTS = 120, 1000, 12
LEVELS = (0.68, 0.95)


def compute(settings: Settings) -> Result:
    """Measure a memristor and a pair many times and fit each record by itself."""
    runs = 3 if settings.quick else RUNS
    shots = settings.shots_or(SHOTS)
    single = qm.Memristor(qm.SquidRate(0.3), a=1.1, b=0.6)
    guess = qm.Memristor(qm.SquidRate(0.2), a=1.2, b=0.9)
    members = [qm.Memristor(qm.SquidRate(0.2), a=a, b=0.5) for a in (0.8, 1.1)]
    pair = qm.Network(members, {(0, 1): qm.Native("y", 0.12)})
    start = qm.Network(members, {(0, 1): qm.Native("y", 0.05)})
    tied = {"rate": tuple(f"memristors.{j}.rate.gamma0" for j in range(2))}
    families = {
        "memristor": (
            single,
            qm.Family(guess, {"rate.gamma0": (0.0, 1.0), "a": (0.8, 1.5), "b": (-1.0, 2.0)}),
            {"rate.gamma0": 0.3, "a": 1.1, "b": 0.6},
        ),
        "pair": (
            pair,
            qm.Family(start, {"couplings.0.strength": (0.0, 0.4), "rate": (0.0, 1.0)}, tied),
            {"couplings.0.strength": 0.12, "rate": 0.2},
        ),
    }
    pulls: dict[str, list[float]] = {}
    chances: dict[str, list[float]] = {}
    quantities: list[Quantity] = []
    stages = settings.stages(len(families) * runs + runs)
    for number, (kind, (model, family, truth)) in enumerate(families.items()):
        times = model.periods(1, points=POINTS)
        inside: dict[tuple[str, float], int] = {}
        for run in range(runs):
            seed = 10_000 * (settings.seed + number) + run
            record = qm.run(model, times, target=qm.aer(seed=seed), shots=shots, splitting="strang")
            found = qm.fit(record, family, level=LEVELS[1], starts=1)
            chances.setdefault(kind, []).append(found.p_value)
            for name, value in truth.items():
                one = found[name]
                assert one.standard_error is not None
                pull = (one.value - value) / one.standard_error
                pulls.setdefault(f"{kind}: {name}", []).append(pull)
                for level, reach in zip(LEVELS, (0.99446, 1.95996), strict=True):
                    inside[name, level] = inside.get((name, level), 0) + (abs(pull) <= reach)
            stages()
        for (name, level), count in inside.items():
            low, high = binomtest(count, runs).proportion_ci(0.99, method="exact")
            quantities.append(
                Quantity(
                    f"{kind}, {name}: intervals at {100 * level:.0f} % that cover",
                    count / runs,
                    error=float(np.sqrt(level * (1 - level) / runs)),
                    evidence=f"of {runs} runs of {shots} shots; 99 % interval {low:.3f} to "
                    f"{high:.3f} {'holds' if low <= level <= high else 'misses'} {level:g}",
                )
            )
    # A device of constant rate, ordered as a SQUID.
    wrong = qm.Memristor(qm.ConstantRate(0.3), a=1.1, b=0.6)
    times = wrong.periods(1, points=POINTS)
    for run in range(runs):
        record = qm.run(wrong, times, target=qm.aer(seed=run), shots=shots)
        found = qm.fit(record, families["memristor"][1], starts=1)
        chances.setdefault("wrong family", []).append(found.p_value)
        stages()
    for kind, values in chances.items():
        quantities.append(
            Quantity(
                f"{kind}: fits rejected at 5 %",
                float(np.mean(np.array(values) < 0.05)),
                evidence="a constant rate fitted as a SQUID's"
                if kind == "wrong family"
                else "the family holds the device: 5 % are expected",
            )
        )
    data: dict[str, Any] = {
        "pulls": xarray.Dataset(
            {"pull": (("parameter", "run"), np.array(list(pulls.values())))},
            coords={"parameter": list(pulls)},
        ),
        "chances": xarray.Dataset(
            {"p_value": (("kind", "run"), np.array(list(chances.values())))},
            coords={"kind": list(chances)},
        ),
    }
    return Result(data, tuple(quantities), {"runs": runs, "shots": shots, "seed": settings.seed})


def draw(result: Result) -> Figure:
    """Draw the distributions of the pulls and of the p-values."""
    pulls, chances = result.data["pulls"], result.data["chances"]
    figure, (left, right) = make_figure(1, 2, width=TWO_COLUMNS, height=3.6)
    grid = np.linspace(-4, 4, 200)
    for number, name in enumerate(pulls["parameter"].values):
        values = np.sort(pulls["pull"].values[number])
        left.step(
            values,
            np.arange(1, len(values) + 1) / len(values),
            where="post",
            color=PALETTE[number % len(PALETTE)],
            label=str(name),
        )
    from scipy.stats import norm

    left.plot(grid, norm.cdf(grid), "k--", lw=1, label="normal")
    left.set(xlabel="(estimate − truth) / standard error", ylabel="share below")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=7)
    for number, kind in enumerate(chances["kind"].values):
        values = np.sort(chances["p_value"].values[number])
        right.step(
            values,
            np.arange(1, len(values) + 1) / len(values),
            where="post",
            color=PALETTE[number],
            label=str(kind),
        )
    right.plot([0, 1], [0, 1], "k--", lw=1, label="uniform")
    right.set(xlabel="p-value of the fit", ylabel="share below", xlim=(0, 1), ylim=(0, 1.02))
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=7)
    letter_panels((left, right), ("errors are what they say", "is the device of the family?"))
    return figure
