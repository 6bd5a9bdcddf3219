"""Form factor against peak concurrence of two coupled memristors: what one costs in the other.

To see: the front is flat: much entanglement costs little form factor; random devices (grey) lie far
below it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import xarray

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

LEVELS, POINTS, SHOTS, DEVICE = 50, 30, 20_000, "FakeManilaV2"
STRONGEST, DECAY, BALANCE = 0.2, 2.0, 0.3
"""Of the coupling (ω), of ∫Γ a period, of the lobes: none may be cheated on."""


def compute(settings: Settings) -> Result:
    """Find the front; run its middle with shots; compare with random members of the family."""
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
    advance = settings.stages(5)
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
    middle = front.designs[len(front.designs) // 2]
    shots = settings.shots or (1000 if settings.quick else SHOTS)
    measured = qm.estimate(
        qm.run(
            middle.model,
            times,
            target=qm.aer(seed=settings.seed),
            shots=shots,
            splitting="fused",
            bases="tomography",
        )
    )
    advance()
    loop, concurrence = qm.find_loops(measured)[0], measured.concurrence(0, 1)
    exact = qm.exact_circuit(middle.model, times, splitting="fused").concurrence(0, 1)
    peak = int(np.argmax(exact.value))
    assert loop.form_factor_interval is not None
    assert concurrence.lower is not None
    assert concurrence.upper is not None
    ends = (*loop.form_factor_interval, concurrence.lower[peak], concurrence.upper[peak])
    quantities = (
        Quantity("designs on the front", float(len(front.designs)), evidence=f"of {levels} levels"),
        Quantity("processor time of the front", seconds, unit="s"),
        Quantity("largest form factor", float(front.first.max())),
        Quantity("largest peak concurrence", float(front.second.max())),
        Quantity(
            "random members within the constraints that no design beats",
            float(len(beaten)),
            evidence=f"of {len(random)}; levels are spaced, so one between two may be unbeaten",
        ),
        Quantity(
            f"middle of the front: form factor from {shots} shots",
            loop.form_factor,
            error=loop.form_factor_error,
            evidence=f"95 % interval {ends[0]:.3f} to {ends[1]:.3f} "
            f"{'holds' if ends[0] <= middle.objective <= ends[1] else 'misses'} the exact "
            f"{middle.objective:.3f}",
        ),
        Quantity(
            f"middle of the front: peak concurrence from {shots} shots",
            float(concurrence.value[peak]),
            evidence=f"95 % interval {concurrence.lower[peak]:.3f} to "
            f"{concurrence.upper[peak]:.3f} "
            f"{'holds' if ends[2] <= exact.value[peak] <= ends[3] else 'misses'}"
            f" the exact {exact.value[peak]:.3f}; active: {', '.join(middle.active)}",
        ),
    )
    quantities += _on_device(middle.model, times, shots, settings)
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
        "measured": xarray.Dataset(
            {
                "form_factor": ("end", [*ends[:2], loop.form_factor]),
                "peak": (
                    "end",
                    [concurrence.lower[peak], concurrence.upper[peak], concurrence.value[peak]],
                ),
            }
        ),
    }
    return Result(data, quantities, {"shots": shots, "seed": settings.seed})


def _on_device(
    model: qm.Model, times: np.ndarray, shots: int, settings: Settings
) -> tuple[Quantity, ...]:
    """Return what shots on a device model say of a design, in circuits of constant depth."""
    target = qm.device(fake_backend(DEVICE), seed=settings.seed)
    how = {"splitting": "compiled", "target": target}
    states = qm.device_states(model, times, **how)
    exact = qm.exact_circuit(model, times, splitting="compiled")
    peak = int(np.argmax(exact.concurrence(0, 1).value))
    record = qm.run(
        model, times, shots=shots, bases="tomography", mitigation=qm.Mitigation((1,)), **how
    )
    measured = qm.mitigate(record)
    loop, concurrence = qm.find_loops(measured)[0], measured.concurrence(0, 1)
    assert loop.form_factor_interval is not None
    assert concurrence.lower is not None
    assert concurrence.upper is not None
    found = []
    for name, value, error, (low, high), noisy, ideal in (
        (
            "form factor",
            loop.form_factor,
            loop.form_factor_error,
            loop.form_factor_interval,
            qm.find_loops(states)[0].form_factor,
            qm.find_loops(exact)[0].form_factor,
        ),
        (
            "concurrence at the peak",
            float(concurrence.value[peak]),
            None,
            (float(concurrence.lower[peak]), float(concurrence.upper[peak])),
            float(states.concurrence(0, 1).value[peak]),
            float(exact.concurrence(0, 1).value[peak]),
        ),
    ):
        verbs = ["holds" if low <= one <= high else "misses" for one in (noisy, ideal)]
        found.append(
            Quantity(
                f"middle of the front: {name} from {shots} shots, {DEVICE}, compiled",
                value,
                error=error,
                evidence=f"95 % interval {low:.3f} to {high:.3f} {verbs[0]} that of the noisy "
                f"states, {noisy:.3f}, and {verbs[1]} the ideal {ideal:.3f}: readout is corrected, "
                "gates are not" + (f"; {loop_words(loop)}" if name == "form factor" else ""),
            )
        )
    return tuple(found)


def draw(result: Result) -> Figure:
    """Draw the front, the random members below it and the measured design."""
    front, random, measured = (result.data[key] for key in ("front", "random", "measured"))
    figure, axis = make_figure(width=4.8, height=3.6)
    axis.plot(
        random["peak"], random["form_factor"], ".", ms=3, color="0.6", label="random, within limits"
    )
    axis.plot(front["peak"], front["form_factor"], "o-", ms=3, color=PALETTE[0], label="front")
    low, high, middle = (float(x) for x in measured["form_factor"])
    left, right, centre = (float(x) for x in measured["peak"])
    axis.errorbar(
        [centre],
        [middle],
        xerr=[[max(0.0, centre - left)], [max(0.0, right - centre)]],
        yerr=[[max(0.0, middle - low)], [max(0.0, high - middle)]],
        fmt="s",
        ms=4,
        color=PALETTE[4],
        label=f"one design, {result.parameters['shots']} shots",
    )
    axis.set(xlabel="peak concurrence (signed: below 0 separable)", ylabel="form factor F")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=7, loc="lower right")
    return figure
