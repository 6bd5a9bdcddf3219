"""Genuine entanglement of three memristors, on a chain and on a ring, beside their loops.

To see: genuine entanglement of three shows in counts with error bars (a) and in a dozen settings
(b), on a noise model, too (d); the tripartite negativity (dotted) overstates it. How it goes with
the loops is the figure `network.trends`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.network.identical import MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRAPHS = {"chain": qm.chain, "ring": qm.ring}
COLOURS = {"chain": PALETTE[0], "ring": PALETTE[1]}
SHOTS = 20_000
PERIODS, POINTS = 8, 8
MEASURED = (0.5, 1.25, 1.75, 2.25, 3.25, 4.25, 5.25, 6.5)
"""Times in periods at which counts are taken."""

DEVICE = "FakePittsburgh"
ON_DEVICE = {
    # Coupling, time in periods, Strang steps: σzσz commutes with the free evolution, so that two
    # steps are enough; σyσy does not, and needs eight.
    "chain z": (qm.chain, "z", 1.33, 2),
    "ring z": (qm.ring, "z", 1.25, 2),
    "chain y": (qm.chain, "y", 2.17, 8),
}
FACTORS = (1, 3)
CUTS = ((0,), (1,), (2,))


def compute(settings: Settings) -> Result:
    """Solve the master equation of both graphs; find, rank and measure the witnesses."""
    shots = settings.shots_or(SHOTS)
    periods, points = (2, 2) if settings.quick else (PERIODS, POINTS)
    measured = MEASURED[1:2] if settings.quick else MEASURED
    devices = {} if settings.quick else ON_DEVICE
    times = MEMRISTOR.periods(periods, points=points)
    advance = settings.stages(3 * len(GRAPHS) + len(devices))
    data: dict[str, Any] = {}
    for name, graph in GRAPHS.items():
        network = graph([MEMRISTOR] * 3, qm.Native("y", PAIR_STRENGTH))
        master = qm.master_equation(network, times)
        found = qm.genuine_entanglement(master)
        advance()
        data[name] = _dataset(network, master, found, periods)
        data[f"{name}_counts"] = _counts(network, np.array(measured), shots, settings.seed)
        advance()
        peak = int(np.argmax(found.violation.value))
        assert master.states is not None
        ranked = () if settings.quick else qm.rank_settings(master.states[peak])
        data[f"{name}_settings"] = xarray.Dataset(
            {"violation": ("number", [violation for _, violation in ranked])},
            coords={"number": [len(names) for names, _ in ranked]},
            attrs={"settings": [" ".join(names) for names, _ in ranked]},
        )
        advance()
    rows = {}
    for label, (graph, letter, time, steps) in devices.items():
        network = graph([MEMRISTOR] * 3, qm.Native(letter, PAIR_STRENGTH))
        rows[label] = _on_device(network, time, steps, shots, settings.seed)
        advance()
    parameters = {
        "coupling": f"g σyσy; {PAIR_INFERENCE}",
        "shots": shots,
        "seed": settings.seed,
        "device": DEVICE,
        "factors": list(FACTORS),
        "on_device": rows,
    }
    return Result(data, _quantities(data, rows), parameters)


def means_of_periods(values: np.ndarray, times: np.ndarray, periods: int) -> list[float]:
    """Return the mean over each period of values at times in periods."""
    return [float(values[(times >= n) & (times <= n + 1)].mean()) for n in range(periods)]


def _dataset(
    network: qm.Network, master: qm.Trajectory, found: qm.GenuineEntanglement, periods: int
) -> xarray.Dataset:
    fine = qm.exact_circuit(network, MEMRISTOR.periods(periods, points=30), splitting="strang")
    factors = np.array([[loop.form_factor for loop in qm.find_loops(fine, j)] for j in range(3)])
    assert master.states is not None
    negativities = np.array([negativity_of_cut(master.states, cut) for cut in CUTS])
    return xarray.Dataset(
        {
            "genuine": ("time", found.violation.value),
            "least_negativity": ("time", negativities.min(axis=0)),
            "tripartite_negativity": ("time", np.cbrt(negativities.prod(axis=0))),
            "kind": ("time", [{"": 0, "GHZ": 1, "W": 2}[kind] for kind in found.kinds]),
            "form_factor": ("loop", factors.sum(axis=0)),
        },
        coords={"time": master.times / MEMRISTOR.period},
    )


def negativity_of_cut(states: np.ndarray, cut: tuple[int, ...]) -> np.ndarray:
    """Return the sum of the negative eigenvalues' moduli after transposing one side, (T,)."""
    (party,) = cut
    tensor = states.reshape(len(states), *(2,) * 6)
    row, column = 3 - party, 6 - party  # axis 1 is memristor 2's row index
    transposed = np.swapaxes(tensor, row, column).reshape(states.shape)
    return np.asarray(-np.minimum(np.linalg.eigvalsh(transposed), 0).sum(axis=1))


def _counts(network: qm.Network, periods: np.ndarray, shots: int, seed: int) -> xarray.Dataset:
    times = periods * MEMRISTOR.period
    master = qm.master_equation(network, times)
    fixed = qm.genuine_entanglement(master)
    record = qm.run(
        network,
        times,
        target=qm.aer(seed=seed),
        shots=shots,
        bases="tomography",
        splitting="strang",
        steps=160,
    )
    found = qm.genuine_entanglement(qm.estimate(record), fixed).violation
    return xarray.Dataset(
        {
            "genuine": ("time", found.value),
            "error": ("time", found.standard_error),
            "exact": ("time", fixed.violation.value),
        },
        coords={"time": periods},
    )


def _on_device(
    network: qm.Network, periods: float, steps: int, shots: int, seed: int
) -> dict[str, float]:
    """Return the violation at one time from a device's counts, raw and mitigated."""
    times = np.array([periods * MEMRISTOR.period])
    fixed = qm.genuine_entanglement(qm.master_equation(network, times))
    target = qm.device(fake_backend(DEVICE), seed=seed)
    record = qm.run(
        network,
        times,
        target=target,
        shots=shots,
        bases="tomography",
        splitting="strang",
        steps=steps,
        mitigation=qm.Mitigation(factors=FACTORS, fold_all=True),
    )
    row = {"exact": float(fixed.violation.value[0])}
    for name, trajectory in (("raw", qm.estimate(record)), ("mitigated", qm.mitigate(record))):
        found = qm.genuine_entanglement(trajectory, fixed).violation
        assert found.standard_error is not None
        row[name] = float(found.value[0])
        row[f"{name}_error"] = float(found.standard_error[0])
    plan = qm.plan(network, times, target=target, shots=shots, splitting="strang", steps=steps)
    row["two_qubit_gates"] = float(plan.expense.two_qubit_gates[1])
    return row


def _quantities(data: Mapping[str, Any], rows: Mapping[str, Any]) -> tuple[Quantity, ...]:
    found = []
    for name in GRAPHS:
        item, counts, ranked = (data[f"{name}{part}"] for part in ("", "_counts", "_settings"))
        genuine = item.genuine.values
        peak = int(np.argmax(genuine))
        found += [
            Quantity(
                f"{name}: largest genuine negativity on the grid of T/8",
                genuine[peak],
                error=1e-4,
                evidence=f"at {item.time.values[peak]:.3f}T; ½ for a GHZ state",
            ),
            Quantity(
                f"{name}: largest tripartite negativity where no genuine entanglement is found",
                item.tripartite_negativity.values[genuine == 0].max(initial=0.0),
                evidence="the geometric mean of the three cuts' negativities: above 0 it proves "
                "that no cut is separable, not that the state is no mixture of such",
            ),
            Quantity(
                f"{name}: correlation of genuine negativity and total form factor over the loops",
                _correlation(item),
                evidence="Spearman's, of the means over the periods; both decay, so this is not a "
                "cause",
            ),
            Quantity(
                f"{name}: largest violation from counts in standard errors",
                (counts.genuine / counts.error.where(counts.error > 0)).max(),
                evidence="20,000 shots in each of 27 settings; our goal is 5",
            ),
        ]
        if ranked.number.size:
            few = ranked.violation.values[ranked.number.values == 9][0]
            found.append(
                Quantity(
                    f"{name}: violation that nine settings allow at the peak",
                    few,
                    error=1e-4,
                    evidence=f"all 27 allow {ranked.violation.values[0]:.4f}; the nine are "
                    f"{ranked.attrs['settings'][18]}",
                )
            )
    for label, row in rows.items():
        for kind in ("raw", "mitigated"):
            found.append(
                Quantity(
                    f"{DEVICE}, {label}: {kind} violation",
                    row[kind],
                    error=row[f"{kind}_error"],
                    evidence=f"exact {row['exact']:.4f}; {row['two_qubit_gates']:.0f} two-qubit "
                    f"gates; {row[kind] / row[f'{kind}_error']:.0f} standard errors above 0",
                )
            )
    return tuple(found)


def _correlation(item: xarray.Dataset) -> float:
    from scipy.stats import spearmanr

    means = means_of_periods(item.genuine.values, item.time.values, item.loop.size)
    return float(spearmanr(means, item.form_factor.values).statistic)


def draw(result: Result) -> Figure:
    """Draw entanglement against time, form factors below, settings, and the device."""
    rows = result.parameters["on_device"]
    figure, axes = make_figure(2, 2, width=TWO_COLUMNS, height=5.4)
    for name in GRAPHS:
        item, counts, ranked = (
            result.data[f"{name}{part}"] for part in ("", "_counts", "_settings")
        )
        colour = COLOURS[name]
        axes[0, 0].plot(item.time, item.genuine, color=colour, label=f"{name}, master equation")
        axes[0, 0].plot(
            item.time, item.tripartite_negativity, ":", color=colour, lw=1.0,
            label=f"{name}, tripartite negativity",
        )  # fmt: skip
        axes[0, 0].errorbar(
            counts.time, counts.genuine, 2 * counts.error, fmt="o", ms=3, color=colour,
            label=f"{name}, counts ± 2σ",
        )  # fmt: skip
        place = np.arange(item.loop.size) + 0.5
        axes[1, 0].plot(place, item.form_factor, "o-", ms=3, color=colour, label=name)
        if ranked.number.size:
            axes[0, 1].plot(ranked.number, ranked.violation, "o-", ms=2.5, color=colour, label=name)
    axes[0, 0].set(xlabel="time t/T", ylabel="genuine negativity")
    axes[0, 0].set_ylim(-0.02, 0.42)
    axes[0, 0].legend(fontsize=6, ncols=2, loc="upper right")
    axes[1, 0].set(xlabel="time t/T (one loop each)", ylabel="total form factor Σ F")
    axes[1, 0].set_ylim(bottom=0)
    axes[1, 0].sharex(axes[0, 0])
    axes[1, 0].legend()
    axes[0, 1].set(xlabel="measurement settings", ylabel="violation at the peak")
    axes[0, 1].set_ylim(bottom=0)
    if axes[0, 1].lines:
        axes[0, 1].legend()
    _draw_device(axes[1, 1], rows)
    letter_panels(
        axes.flat,
        ("three memristors", "what few settings show", "their loops", f"scheduled {DEVICE}"),
        loc="left",
    )
    return figure


def _draw_device(ax: Axes, rows: Mapping[str, Any]) -> None:
    for offset, (kind, marker) in zip(
        (-0.12, 0.12), (("raw", "s"), ("mitigated", "o")), strict=True
    ):
        ax.errorbar(
            np.arange(len(rows)) + offset,
            [row[kind] for row in rows.values()],
            [2 * row[f"{kind}_error"] for row in rows.values()],
            fmt=marker, ms=4, capsize=2, color=PALETTE[2 if kind == "raw" else 3],
            label=f"{kind} ± 2σ",
        )  # fmt: skip
    exact = [row["exact"] for row in rows.values()]
    place = np.arange(len(rows))
    ax.hlines(exact, place - 0.3, place + 0.3, color="black", label="master equation")
    names = [f"{label}\n{row['two_qubit_gates']:.0f} gates" for label, row in rows.items()]
    ax.set_xticks(np.arange(len(rows)), names)
    ax.set_xlim(-0.6, max(len(rows), 1) - 0.4)
    ax.axhline(0, color="0.6", lw=0.6)
    ax.set_ylabel("violation of the witness")
    ax.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0.0, 0.05))
