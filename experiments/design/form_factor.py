"""The largest form factor of one memristor for a given decay: SQUID law, one to three harmonics.

To see: with free lobes the best loop has almost lost one of them, and asking for balanced lobes
costs form factor; no design passes its bound (black bars).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.results import Quantity, Result, Settings
from qmemcircuit.designs import DecayIntegral, Design, FormFactor, LobeBalance
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS, STARTS, DECAY, WEAKEST = 60, 4, 2.0, 0.5
"""Samples of a period, searches a family, the largest ∫Γ of a period and, where lobes must
balance, the least: the form factor does not see how weak the current is."""

FINE = 480
"""Samples of a period: a polygon's form factor grows with them towards the curve's."""

BALANCES = (0.0, 0.28, 0.9)
DEVICE, SHOTS, REPEATS, INFINITE = "FakeManilaV2", 20_000, 20, 10**11


def compute(settings: Settings) -> Result:
    """Design, with the lobes' balance free and held; then run every optimum with shots."""
    balances = BALANCES[::2] if settings.quick else BALANCES
    points, most = (16, 1) if settings.quick else (POINTS, 3)
    starts = 1 if settings.quick else STARTS
    squid = qm.Memristor(qm.SquidRate(0.2), a=np.pi / 4, b=np.pi / 5)
    times = squid.periods(1, points=points)
    family = qm.Family(squid, {"rate.gamma0": (0.0, 0.5), "b": (0.0, np.pi)})
    held = [qm.Constraint(DecayIntegral(), upper=DECAY)]
    advance = settings.stages(2 * (1 + most * len(balances)))
    found: dict[str, Design] = {}
    seconds: dict[str, float] = {}

    def search(label: str, *arguments: Any, **options: Any) -> Design:
        begun = time.process_time()
        found[label] = qm.design(*arguments, times=times, seed=settings.seed, **options)
        seconds[label] = time.process_time() - begun
        advance()
        return found[label]

    search("SQUID", family, FormFactor(), held, starts=starts)
    for balance in balances:
        rules = held
        if balance:
            rules = [
                qm.Constraint(DecayIntegral(), WEAKEST, DECAY),
                qm.Constraint(LobeBalance(), lower=balance),
            ]
        first: list[Any] = []
        for count in range(1, most + 1):
            law = qm.HarmonicRate((0.4, -0.4, *(0.1,) * (2 * count - 1)))
            free = {f"rate.coefficients.{k}": (-1.5, 1.5) for k in range(2 * count + 1)}
            wide = qm.Family(qm.Memristor(law, a=np.pi / 4, b=0.2), {**free, "b": (0.0, np.pi)})
            label = f"{count} harmonic{'s' if count > 1 else ''}" + (
                f", balance {balance:g}" if balance else ""
            )
            best = search(label, wide, FormFactor(), rules, starts=starts, first=first)
            values = list(best.values.values())
            # Continuation: the smaller family's optimum is one of the larger family.
            first = [[*values[:-1], 0.0, 0.0, values[-1]], [*values[:-1], 0.05, -0.05, values[-1]]]
    loops = {
        label: qm.find_loops(qm.exact_circuit(d.model, times))[0] for label, d in found.items()
    }
    quantities = [
        Quantity(
            f"{label}: form factor",
            design.objective,
            evidence=f"balance {loops[label].balance:.3f}, bound "
            f"{loops[label].form_factor_bound:.3f}, ∫Γ = {_decay(design):.3f}; sampled "
            f"{FINE} times F = {_fine(design):.4f}; "
            f"{len(design.starts)} starts, {design.evaluations} solutions, "
            f"{seconds[label]:.1f} s of processor; active: {', '.join(design.active) or 'none'}",
        )
        for label, design in found.items()
    ]
    shots = settings.shots or (2000 if settings.quick else SHOTS)
    for label in [*found][-1:] if settings.quick else found:
        quantities += _confirm(label, found[label], loops[label].form_factor, shots, settings)
        advance()
    data: dict[str, Any] = {
        f"optimum_{number}": qm.exact_circuit(design.model, times)
        for number, design in enumerate(found.values())
    }
    data["optima"] = xarray.Dataset(
        {
            "form_factor": ("family", [d.objective for d in found.values()]),
            "balance": ("family", [loops[label].balance for label in found]),
            "bound": ("family", [loops[label].form_factor_bound for label in found]),
            "seconds": ("family", list(seconds.values())),
        },
        coords={"family": list(found)},
    )
    return Result(data, tuple(quantities), {"shots": shots, "seed": settings.seed})


def _fine(design: Design) -> float:
    """Return the optimum's form factor as a finer polygon has it."""
    times = design.model.periods(1, points=FINE)
    return qm.find_loops(qm.exact_circuit(design.model, times))[0].form_factor


def _decay(design: Design) -> float:
    return float(design.model.decay_integral(0.0, design.model.period))  # type: ignore[union-attr]


def _confirm(
    label: str, design: Design, exact: float, shots: int, settings: Settings
) -> list[Quantity]:
    """Return what shots, ideal and on a device model, say of an optimum's form factor.

    What the device's shots estimate is not the form factor of the model's law at the noisy states:
    the measured current is the derivative of noisy voltages. So its interval is held against what
    infinitely many shots of the same measurement leave, and how often it covers that is counted.
    """
    ideal = qm.estimate(
        qm.run(
            design.model,
            design.times,
            target=qm.aer(seed=settings.seed),
            shots=shots,
            ancilla="merged",
        )
    )
    target = qm.device(fake_backend(DEVICE), seed=settings.seed)
    measured = {"target": target, "ancilla": "merged", "mitigation": qm.Mitigation((1,))}
    rehearsal = qm.rehearse(design.model, design.times, **measured)
    states = qm.device_states(design.model, design.times, target=target, ancilla="merged")
    random = np.random.default_rng(settings.seed)
    limit = _measured(rehearsal, INFINITE, random)
    loops = [_measured(rehearsal, shots, random) for _ in range(2 if settings.quick else REPEATS)]
    ends = [loop.form_factor_interval or (np.nan, np.nan) for loop in loops]
    holds = sum(low <= limit.form_factor_raw <= high for low, high in ends)
    return [
        Quantity(
            f"{label}: form factor from {shots} shots, ideal circuits",
            (found := qm.find_loops(ideal)[0]).form_factor,
            error=found.form_factor_error,
            evidence=_words(found, "the exact", exact),
        ),
        Quantity(
            f"{label}: form factor from {shots} shots, {DEVICE}",
            loops[0].form_factor,
            error=loops[0].form_factor_error,
            evidence=f"{_words(loops[0], 'the limit of many shots', limit.form_factor_raw)}; "
            f"the noisy states have {qm.find_loops(states)[0].form_factor:.3f} with I by its law; "
            f"{holds} of {len(loops)} repetitions hold",
        ),
    ]


def _words(loop: qm.Loop, name: str, expected: float) -> str:
    assert loop.form_factor_interval is not None
    low, high = loop.form_factor_interval
    verb = "holds" if low <= expected <= high else "misses"
    return (
        f"balance {loop.balance:.2f}, bound {loop.form_factor_bound:.3f} of the measured polygon; "
        f"95 % interval {low:.3f} to {high:.3f} {verb} {name} {expected:.3f}"
    )


def _measured(rehearsal: qm.Rehearsal, shots: int, random: np.random.Generator) -> qm.Loop:
    """Return the loop of one repetition on the device model, its readout corrected."""
    drawn = rehearsal.draw(shots, random)
    circuits = rehearsal.circuits
    record = qm.Record(circuits.network, circuits.times, drawn.runs[0], {}, drawn)
    return qm.find_loops(qm.mitigate(record))[0]


def draw(result: Result) -> Figure:
    """Draw the optima's loops, and their form factors beside the bound."""
    optima = result.data["optima"]
    labels = [str(name) for name in optima["family"].values]
    figure, (left, right) = make_figure(1, 2, width=TWO_COLUMNS, height=3.9)
    shown = [0, min(3, len(labels) - 1), len(labels) - 1]
    for colour, number in zip((0, 1, 4), dict.fromkeys(shown), strict=False):
        loop = result.data[f"optimum_{number}"]
        v, i = loop.voltage[:, 0], loop.current[:, 0]
        left.plot(
            np.append(v, v[0]) / np.abs(v).max(),
            np.append(i, i[0]) / np.abs(i).max(),
            color=PALETTE[colour],
            label=labels[number],
        )
    left.set(xlabel="voltage V / max |V|", ylabel="current I / max |I|")
    left.set(xticks=np.linspace(-1, 1, 5), yticks=np.linspace(-1, 1, 5))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=7)
    places = np.arange(len(labels))
    right.plot(optima["form_factor"], places, "o", color=PALETTE[0], label="form factor F")
    right.plot(optima["bound"], places, "|", ms=12, color="black", label="bound for these lobes")
    right.plot(optima["balance"], places, "^", mfc="none", color=PALETTE[4], label="lobe balance")
    right.set(yticks=places, yticklabels=labels, xlabel="F, its bound, balance", xlim=(0, 1))
    right.tick_params(axis="y", labelsize=7)
    right.invert_yaxis()
    right.legend(loc="upper center", bbox_to_anchor=(0.3, -0.2), fontsize=7)
    letter_panels((left, right), ("optimal loops", r"$\int\Gamma\,dt\leq 2$ over a period"))
    return figure
