"""Form factor against peak concurrence of two coupled memristors: what one costs in the other.

To see: the front is flat: much entanglement costs little form factor; every design is confirmed by
shots (bars), and random devices (grey) lie far below.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from scipy.stats import binomtest

import qmemcircuit as qm
from experiments.loops import loop_words
from experiments.results import Quantity, Result, Settings
from qmemcircuit.designs import (
    CouplingStrength,
    DecayIntegral,
    FormFactor,
    LobeBalance,
    PeakConcurrence,
    pareto_front,
)
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS, POINTS, SHOTS = 50, 30, 20_000
DEVICE, WORSE, ON_DEVICE = "FakePittsburgh", "FakeManilaV2", 5
STRONGEST, DECAY, BALANCE = 0.2, 2.0, 0.3
"""Of the coupling (ω), of ∫Γ a period, of the lobes: none may be cheated on."""


def compute(settings: Settings) -> Result:
    """Find the front; run every design with shots, some on devices; compare with random members."""
    members = [qm.Memristor(qm.SquidRate(0.1), a=a, b=0.5) for a in (0.8, 1.1)]
    pair = qm.Network(members, {(0, 1): qm.Native("y", 0.1)})
    bounds = {"coupling": (0.0, 0.3), "rate": (0.01, 0.5)}
    for j in range(2):
        bounds |= {f"memristors.{j}.a": (0.1, 1.5), f"memristors.{j}.b": (0.0, np.pi)}
    rates = tuple(f"memristors.{j}.rate.gamma0" for j in range(2))
    family = qm.Family(pair, bounds, {"coupling": ("couplings.0.strength",), "rate": rates})
    held = [
        qm.Constraint(CouplingStrength(), upper=STRONGEST),
        qm.Constraint(DecayIntegral(), upper=DECAY),
        qm.Constraint(LobeBalance(), lower=BALANCE),
    ]
    times = pair.periods(1, points=12 if settings.quick else POINTS)
    levels = 3 if settings.quick else LEVELS
    advance = settings.stages(4)
    begun = time.process_time()
    front = pareto_front(
        family,
        FormFactor(),
        PeakConcurrence(),
        held,
        times=times,
        points=levels,
        splitting="fused",
        starts=1 if settings.quick else 4,
        seed=settings.seed,
    )
    seconds = time.process_time() - begun
    advance()
    rng = np.random.default_rng(settings.seed)
    low, high = family.limits
    designs = front.designs
    random = []
    for values in rng.uniform(low, high, (5 if settings.quick else 400, len(low))):
        model = family.at(values)
        trajectory = qm.exact_circuit(model, times, splitting="fused")
        loop = qm.find_loops(trajectory)[0]
        if (
            values[0] <= STRONGEST
            and loop.balance >= BALANCE
            and model.memristors[0].decay_integral(0, model.period) <= DECAY  # type: ignore[union-attr]
        ):
            peak = float(trajectory.concurrence(0, 1).signed[1:].max())
            random.append((loop.form_factor, peak))
    beaten = [
        point
        for point in random
        if not np.any((front.first >= point[0] - 1e-6) & (front.second >= point[1] - 1e-6))
    ]
    advance()
    shots = settings.shots or (1000 if settings.quick else SHOTS)
    measured = xarray.Dataset(
        {
            name: ("design", values)
            for name, values in _each(
                [_measure(d.model, times, shots, settings.seed + k) for k, d in enumerate(designs)]
            ).items()
        }
    )
    advance()
    middle = designs[len(designs) // 2]
    quantities = (
        Quantity("designs on the front", float(len(designs)), evidence=f"of {levels} levels"),
        Quantity("processor time of the front", seconds, unit="s"),
        Quantity(
            "largest form factor",
            float(front.first.max()),
            evidence=loop_words(
                qm.find_loops(qm.exact_circuit(designs[0].model, times, splitting="fused"))[0]
            ),
        ),
        Quantity("largest peak concurrence", float(front.second.max())),
        Quantity(
            "random members within the constraints that no design beats",
            float(len(beaten)),
            evidence=f"of {len(random)}; levels are spaced, so one between two may be unbeaten",
        ),
        *_coverage(measured, shots),
        *_example("middle of the front", measured.isel(design=len(designs) // 2), shots, ", ideal"),
        Quantity("middle of the front: active", ", ".join(middle.active)),
    )
    chosen = np.unique(np.linspace(0, len(designs) - 1, 1 if settings.quick else ON_DEVICE))
    numbers = [int(k) for k in chosen]
    quantities += _on_devices([designs[k].model for k in numbers], numbers, times, shots, settings)
    advance()
    points = np.array(random).reshape(-1, 2)
    data = {
        "front": xarray.Dataset(
            {
                "form_factor": ("design", front.first),
                "peak": ("design", front.second),
                "coupling": ("design", [d.values["coupling"] for d in front.designs]),
            }
        ),
        "random": xarray.Dataset(
            {"form_factor": ("member", points[:, 0]), "peak": ("member", points[:, 1])}
        ),
        "measured": measured,
    }
    return Result(data, quantities, {"shots": shots, "seed": settings.seed})


def _measure(
    model: qm.Model, times: np.ndarray, shots: int, seed: int, **how: Any
) -> dict[str, float]:
    """Return form factor and concurrence at the exact peak with 95 % intervals, and the exact."""
    how = how or {"splitting": "fused", "target": qm.aer(seed=seed)}
    exact = qm.exact_circuit(model, times, splitting=how["splitting"])
    value = exact.concurrence(0, 1).value
    record = qm.run(model, times, shots=shots, bases="tomography", **how)
    found = qm.estimate(record) if record.mitigated is None else qm.mitigate(record)
    loop, concurrence = qm.find_loops(found)[0], found.concurrence(0, 1)
    peak = int(np.argmax(value))
    assert loop.form_factor_interval is not None
    assert concurrence.lower is not None
    assert concurrence.upper is not None
    low, high = loop.form_factor_interval
    return {
        "form_factor": loop.form_factor,
        "form_factor_error": loop.form_factor_error or np.nan,
        "form_factor_low": low,
        "form_factor_high": high,
        "form_factor_exact": qm.find_loops(exact)[0].form_factor,
        "bound": loop.form_factor_bound,
        "balance": loop.balance,
        "peak": float(concurrence.value[peak]),
        "peak_low": float(concurrence.lower[peak]),
        "peak_high": float(concurrence.upper[peak]),
        "peak_exact": float(value[peak]),
        "peak_index": peak,
    }


def _each(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _holds(data: xarray.Dataset, name: str, truth: str) -> xarray.DataArray:
    return (data[f"{name}_low"] <= data[truth]) & (data[truth] <= data[f"{name}_high"])


def _coverage(data: xarray.Dataset, shots: int) -> list[Quantity]:
    """Return how many designs' intervals hold their exact numbers, ideal circuits."""
    number = data.sizes["design"]
    found = []
    for name, words in (("form_factor", "form factors"), ("peak", "concurrences at the peak")):
        held = int(_holds(data, name, f"{name}_exact").sum())
        low, high = binomtest(held, number).proportion_ci(0.99, method="exact")
        verb = "holds" if low <= 0.95 <= high else "misses"
        found.append(
            Quantity(
                f"{words} whose 95 % interval from {shots} shots holds the exact one",
                float(held),
                evidence=f"of {number} designs, every one on the front; 99 % interval of the "
                f"share {low:.3f} to {high:.3f} {verb} 0.95",
            )
        )
    return found


def _example(label: str, one: xarray.Dataset, shots: int, where: str) -> list[Quantity]:
    """Return the two numbers of one design, each beside what it should be.

    On a device also beside that of the noisy states, `form_factor_noisy` and `peak_noisy`.
    """
    found = []
    for name, words in (
        ("form_factor", "form factor"),
        ("peak", "concurrence at the peak"),
    ):
        truths = [("the exact", f"{name}_exact")]
        if f"{name}_noisy" in one:
            truths = [("that of the noisy states", f"{name}_noisy"), *truths]
        said = " and ".join(
            f"{'holds' if bool(_holds(one, name, key)) else 'misses'} {what}, {float(one[key]):.3f}"
            for what, key in truths
        )
        lobes = (
            f"; bound {float(one['bound']):.3f}, balance {float(one['balance']):.3f}"
            if name == "form_factor"
            else ""
        )
        found.append(
            Quantity(
                f"{label}: {words} from {shots} shots{where}",
                float(one[name]),
                error=float(one["form_factor_error"]) if name == "form_factor" else None,
                evidence=f"95 % interval {float(one[f'{name}_low']):.3f} to "
                f"{float(one[f'{name}_high']):.3f} {said}{lobes}",
            )
        )
    return found


def _on_devices(
    models: list[qm.Model],
    numbers: list[int],
    times: np.ndarray,
    shots: int,
    settings: Settings,
) -> tuple[Quantity, ...]:
    """Return what shots say on device models, in circuits of constant depth, readout corrected.

    All models on the better device; on the worse one, where gate errors leave another loop, the
    middle one alone.
    """
    quantities: list[Quantity] = []
    for device, chosen in (
        (DEVICE, list(zip(numbers, models, strict=True))),
        (WORSE, [(numbers[len(numbers) // 2], models[len(models) // 2])]),
    ):
        rows = []
        for number, model in chosen:
            target = qm.device(fake_backend(device), seed=settings.seed)
            how = {"splitting": "compiled", "target": target}
            states = qm.device_states(model, times, **how)
            row = _measure(
                model, times, shots, settings.seed, mitigation=qm.Mitigation((1,)), **how
            )
            row["form_factor_noisy"] = qm.find_loops(states)[0].form_factor
            row["peak_noisy"] = float(states.concurrence(0, 1).value[int(row["peak_index"])])
            rows.append(row)
            one = xarray.Dataset(row)
            where = f", {device}, compiled"
            quantities += _example(f"design {number + 1} of the front", one, shots, where)
        if len(rows) > 1:
            data = xarray.Dataset({k: ("design", v) for k, v in _each(rows).items()})
            for name, words in (("form_factor", "form factors"), ("peak", "concurrences")):
                held = int(_holds(data, name, f"{name}_noisy").sum())
                quantities.append(
                    Quantity(
                        f"{device}: {words} whose 95 % interval holds that of the noisy states",
                        float(held),
                        evidence=f"of {len(rows)} designs along the front; readout is corrected, "
                        "gates are not",
                    )
                )
    return tuple(quantities)


def draw(result: Result) -> Figure:
    """Draw the front, the random members below it and the measured design."""
    front, random, measured = (result.data[key] for key in ("front", "random", "measured"))
    figure, axis = make_figure(width=4.8, height=3.6)
    axis.plot(
        random["peak"], random["form_factor"], ".", ms=3, color="0.6", label="random, within limits"
    )
    axis.plot(front["peak"], front["form_factor"], "o-", ms=3, color=PALETTE[0], label="front")
    axis.errorbar(
        measured["peak"],
        measured["form_factor"],
        xerr=_reach(measured, "peak"),
        yerr=_reach(measured, "form_factor"),
        fmt=".",
        ms=3,
        elinewidth=0.5,
        color=PALETTE[4],
        zorder=0,
        label=f"the same, {result.parameters['shots']} shots, 95 %",
    )
    axis.set(xlabel="peak concurrence (signed: below 0 separable)", ylabel="form factor F")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=7, loc="upper left")
    return figure


def _reach(data: xarray.Dataset, name: str) -> list[np.ndarray]:
    """Return how far the interval reaches below and above the value."""
    below, above = data[name] - data[f"{name}_low"], data[f"{name}_high"] - data[name]
    return [np.maximum(0.0, side.values) for side in (below, above)]
