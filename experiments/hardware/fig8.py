"""Two coupled memristors on Heron noise models: entanglement's death and rebirth, predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.hardware.pair_verdicts import LIE, LIE_STEPS, SHORT_LIE, STAGES, quantities_of_pair
from experiments.hardware.params import (
    DEVICES,
    FACTORS,
    FIRST_SEED,
    LINEAR_FACTORS,
    PAIR_SHOTS,
    RESET_ERRORS,
    SEEDS,
    TRANSPILER_SEED,
    declared,
    pair,
    pair_times,
)
from experiments.results import Result, Settings
from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.drawing import rounded
from qmemcircuit.common.states import (
    concurrence_of_states,
    expectation,
    pauli_matrix,
    trace_distance,
)
from qmemcircuit.counts.extrapolation import extrapolate_pooled
from qmemcircuit.counts.means import combine_paulis, states_of_means, tomography_states
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.expected import trajectory_of_probabilities
from qmemcircuit.devices.folding import UNFOLDED, Folding
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.plotting.figures import PALETTE, REFERENCE_COLOUR, make_figure, plot_budget
from qmemcircuit.runs.measurement import measure_readout
from qmemcircuit.runs.services import fake_backend

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    LIE: f"{LIE} (paper)",
    "fused": "fused (10 steps)",
    "compiled": "compiled",
    "absorbed": "compiled, decay absorbed",
    "mitigated": "compiled, mitigated",
}
COLOURS = {
    LIE: PALETTE[4],
    "fused": PALETTE[3],
    "compiled": PALETTE[5],
    "absorbed": PALETTE[0],
    "mitigated": PALETTE[1],
}


@dataclass(frozen=True, eq=False)
class _Protocol:
    """One way to run the pair: its circuits, the indices of the wanted times, and the target."""

    name: str
    circuits: CircuitSet
    only: list[int]
    target: DeviceTarget


def compute(settings: Settings) -> Result:
    """Predict exact noisy states, then shots, raw and mitigated, for many seeds."""
    import xarray

    model = pair()
    times = pair_times(model, quick=settings.quick)
    master = qm.master_equation(model, times)
    names = DEVICES[:1] if settings.quick else DEVICES
    shots = settings.shots or PAIR_SHOTS
    factors = FACTORS[::2][:3] if settings.quick else FACTORS
    seeds = 5 if settings.quick else SEEDS
    data: dict[str, Any] = {"master": master}
    rows: list[dict[str, Any]] = []
    total = 4 * len(names)
    for place, name in enumerate(names):
        target = qm.device(fake_backend(name), seed=TRANSPILER_SEED)
        settings.progress(4 * place, total)
        for protocol in _protocols(model, times, target, quick=settings.quick):
            rows.append(_exact_row(name, protocol, master))
        settings.progress(4 * place + 2, total)
        errors = RESET_ERRORS[:1] if settings.quick else RESET_ERRORS
        data[f"unlimited_{name}"] = _unlimited(model, times, target, master, factors, errors)
        settings.progress(4 * place + 3, total)
        sampled, noisy = _sampled(model, times, target, master, factors, shots, seeds)
        data[f"sampled_{name}"] = sampled
        data[f"noisy_{name}"] = noisy
        settings.progress(4 * place + 4, total)
    keys = [f"{row['device']} {row['protocol']}" for row in rows]
    series = {
        key: (("row", "time"), np.array([row[key] for row in rows]))
        for key in ("trace_distance", "concurrence", "two_qubit_gates", "duration")
    }
    data["exact"] = xarray.Dataset(series, coords={"row": keys, "time": times})
    compiled = qm.exact_circuit(model, times, splitting="compiled")
    data["noiseless"] = compiled
    quantities = quantities_of_pair(data, names, shots * 9 * len(factors))
    parameters = {
        "devices": list(names),
        "shots": shots,
        "factors": list(factors),
        "shots_in_all": shots * 9 * len(factors) * len(times),
        "seeds": [FIRST_SEED, seeds],
        "forms": {row["device"]: row["forms"] for row in rows if row["protocol"] == "compiled"},
        "layouts": {row["device"]: row["layout"] for row in rows if row["protocol"] == "compiled"},
    }
    return Result(data, quantities, parameters)


def _protocols(
    model: qm.Network, times: FloatArray, target: DeviceTarget, *, quick: bool
) -> Iterator[_Protocol]:
    everything = list(range(times.size))
    compiled = qm.build_circuits(model, times, bases="Z", splitting="compiled")
    # The device's calibrated noise chooses among equivalent circuits (qmemcircuit.devices.forms);
    # that there is a choice was found on FakeTorino, so FakeFez is the fairer test of its worth.
    yield _Protocol("compiled", compiled, everything, replace(target, forms=None))
    absorbed, _ = absorb_device_decay(compiled, target)
    for error in RESET_ERRORS[:1] if quick else RESET_ERRORS:
        name = "absorbed" if error == 0 else f"absorbed, reset error {error:g}"
        yield _Protocol(name, absorbed, everything, replace(target, reset_error=error))
    if quick:
        return
    yield _Protocol("compiled, plain form", compiled, everything, target)
    fresh = qm.build_circuits(model, times, bases="Z", splitting="compiled", ancilla="fresh")
    yield _Protocol("compiled, fresh ancillas", fresh, everything, target)
    fused = qm.build_circuits(model, times, bases="Z", splitting="fused")
    yield _Protocol("fused", fused, everything, target)
    for name, count in zip((LIE, SHORT_LIE), LIE_STEPS, strict=True):
        grid = np.linspace(0, times[-1], count + 1)
        steps = qm.build_circuits(model, grid, bases="Z", splitting="lie", collision="paper")
        only = [int(np.argmin(np.abs(grid - time))) for time in times]
        yield _Protocol(name, steps, only, target)


def _exact_row(name: str, protocol: _Protocol, master: qm.Trajectory) -> dict[str, Any]:
    assert master.states is not None
    placed = protocol.target.place(protocol.circuits)
    states, compiled = placed.noisy_states(protocol.circuits, only=protocol.only)
    assert placed.placement is not None
    return {
        "device": name,
        "protocol": protocol.name,
        "trace_distance": trace_distance(states, master.states),
        "concurrence": concurrence_of_states(states),
        "two_qubit_gates": [item.two_qubit_gates for item in compiled],
        "duration": [item.duration for item in compiled],
        "layout": list(placed.placement.qubits),
        "forms": [form.describe() for form in placed.forms or ()],
    }


def _unlimited(
    model: qm.Network,
    times: FloatArray,
    target: DeviceTarget,
    master: qm.Trajectory,
    factors: tuple[int, ...],
    reset_errors: tuple[float, ...],
) -> xarray.Dataset:
    """Return what the mitigation leaves without shot noise, its bias, by reset error."""
    import xarray

    circuits = qm.build_circuits(model, times, bases="Z", splitting="compiled")
    labels = [a + b for a in "IXYZ" for b in "IXYZ"][1:]
    operators = [pauli_matrix(label) for label in labels]
    distance, concurrence = [], []
    for error in reset_errors:
        placed = replace(target, reset_error=error, folding=Folding(everything=True)).place(
            circuits
        )
        means = []
        for factor in factors:
            states, _ = placed.amplify(factor).noisy_states(circuits)
            means.append(np.stack([expectation(states, item) for item in operators], axis=1))
        values, _ = extrapolate_pooled(np.array(means), labels, factors)
        states = states_of_means(dict(zip(labels, values.T, strict=True)))
        distance.append(trace_distance(states, master.states))
        concurrence.append(concurrence_of_states(states))
    dimensions = ("reset_error", "time")
    return xarray.Dataset(
        {
            "trace_distance": (dimensions, np.array(distance)),
            "concurrence": (dimensions, np.array(concurrence)),
        },
        coords={"reset_error": list(reset_errors), "time": times},
    )


def _sampled(
    model: qm.Network,
    times: FloatArray,
    target: DeviceTarget,
    master: qm.Trajectory,
    factors: tuple[int, ...],
    shots: int,
    seeds: int,
) -> tuple[xarray.Dataset, qm.Trajectory]:
    """Draw shots at every noise factor and reconstruct, seed by seed."""
    import xarray

    assert master.states is not None
    circuits = qm.build_circuits(model, times, splitting="compiled")
    placed = replace(target, folding=Folding(everything=True)).place(circuits)
    chances = [placed.amplify(factor).probabilities(circuits) for factor in factors]
    absorbed, _ = absorb_device_decay(circuits, placed)
    fewer = LINEAR_FACTORS[: len(factors)]
    linear = replace(placed, folding=UNFOLDED)
    absorbed_chances = [linear.amplify(factor).probabilities(absorbed) for factor in fewer]
    # What the two calibration circuits give, to 1e-6; every seed then draws its own.
    known = measure_readout(placed, 2, shots=10**12)
    found: dict[str, list[FloatArray]] = {key: [] for key in STAGES}
    distance: dict[str, list[FloatArray]] = {key: [] for key in STAGES}
    rates: list[list[float]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        random = np.random.default_rng([seed, 0])
        runs = _draw(random, circuits.bases, chances, shots)
        others = _draw(random, circuits.bases, absorbed_chances, shots)
        readout = known.redrawn(shots, random)
        mitigated = qm.MitigatedSamples(declared(factors), runs, readout)
        states = {
            "raw": _plain_states(runs[0]),
            "read": qm.MitigatedSamples(qm.Mitigation(), runs[:1], readout).states(),
            "linear": qm.MitigatedSamples(qm.Mitigation(fewer), others, readout).states(),
            "mitigated": mitigated.states(),
        }
        for key, these in states.items():
            distance[key].append(trace_distance(these, master.states))
            found[key].append(concurrence_of_states(these))
        rates.append([rate.value for rate in mitigated.decay_rates.values()])
        if seed == FIRST_SEED:
            first = mitigated
    # The interval is of the model: what compiling the circuits may have moved is in it.
    interval = circuits.with_residuals(_trajectory(times, first)).concurrence(0, 1)
    assert interval.lower is not None
    assert interval.upper is not None
    dimensions = ("stage", "seed", "time")
    dataset = xarray.Dataset(
        {
            "trace_distance": (dimensions, np.array(list(distance.values()))),
            "concurrence": (dimensions, np.array(list(found.values()))),
            "lower": (("time",), interval.lower),
            "upper": (("time",), interval.upper),
            "rate": (("seed", "kind"), np.array(rates)),
        },
        coords={
            "stage": list(found),
            "seed": np.arange(FIRST_SEED, FIRST_SEED + seeds),
            "time": times,
            "kind": list(first.decay_rates),
        },
    )
    return dataset, trajectory_of_probabilities(absorbed, absorbed_chances[0])


def _draw(
    random: np.random.Generator, bases: tuple[str, ...], chances: list[FloatArray], shots: int
) -> tuple[Samples, ...]:
    return tuple(Samples(bases, random.multinomial(shots, rounded(p))) for p in chances)


def _plain_states(samples: Samples) -> ComplexArray:
    return tomography_states(lambda terms: combine_paulis(samples, terms), 2)


def _trajectory(times: FloatArray, mitigated: qm.MitigatedSamples) -> qm.Trajectory:
    """Return what holds the counts, for the interval of their concurrence."""
    zeros = np.zeros((times.size, 2))
    return qm.Trajectory(times, zeros, zeros, mitigated=mitigated)


def draw(result: Result) -> dict[str, Figure]:
    """Draw concurrence and distance against time, and the budget of FakeTorino."""
    from qmemcircuit.plotting.figures import house_style

    with house_style():
        figure, axes = make_figure(1, 2, width=7.4, height=3.2)
        _draw_concurrence(result, axes[0])
        _draw_distances(result, axes[1])
        budget_figure, ax = make_figure(width=5.2, height=2.9)
        _draw_budget(result, ax)
    return {"": figure, "budget": budget_figure}


def _draw_concurrence(result: Result, ax: Axes) -> None:
    master, exact = result.data["master"], result.data["exact"]
    period = 2 * np.pi
    model = pair()
    fine = np.linspace(0, master.times[-1], 241)
    smooth = qm.master_equation(model, fine)
    ax.plot(
        fine / period,
        concurrence_of_states(smooth.states),
        color=REFERENCE_COLOUR,
        label="master equation",
    )
    for name in (LIE, "fused", "compiled", "absorbed"):
        row = f"FakeTorino {name}"
        if row in exact.row:
            ax.plot(
                exact.time / period,
                exact.concurrence.sel(row=row),
                "s-",
                linewidth=0.6,
                color=COLOURS[name],
                label=LABELS[name],
            )
    sampled = result.data["sampled_FakeTorino"]
    values = sampled.concurrence.sel(stage="mitigated")
    ax.errorbar(
        sampled.time / period,
        values.mean("seed"),
        yerr=values.std("seed"),
        fmt="o",
        color=COLOURS["mitigated"],
        label=f"{LABELS['mitigated']} ({values.seed.size} seeds)",
    )
    ax.set_xlabel("time t/T")
    ax.set_ylabel("concurrence C")
    ax.set_title("(a) FakeTorino: exact noisy states, and shots mitigated")
    ax.legend(loc="upper right", fontsize=6.5)


def _draw_distances(result: Result, ax: Axes) -> None:
    exact = result.data["exact"]
    period = 2 * np.pi
    for name in (LIE, "fused", "compiled", "absorbed"):
        for device, line in (("FakeTorino", "-"), ("FakeFez", ":")):
            row = f"{device} {name}"
            if row in exact.row:
                ax.plot(
                    exact.time / period,
                    exact.trace_distance.sel(row=row),
                    line,
                    marker="s",
                    color=COLOURS[name],
                    linewidth=0.8,
                    label=LABELS[name] if device == "FakeTorino" else None,
                )
    for device, face, shift in (("FakeTorino", None, 0.0), ("FakeFez", "white", 0.4)):
        if f"sampled_{device}" not in result.data:
            continue
        sampled = result.data[f"sampled_{device}"].trace_distance.sel(stage="mitigated")
        low, middle, high = sampled.quantile([0.05, 0.5, 0.95], dim="seed")
        ax.errorbar(
            sampled.time / period + shift,
            middle,
            yerr=[middle - low, high - middle],
            fmt="o",
            color=COLOURS["mitigated"],
            markerfacecolor=face,
            markersize=3.5,
            label="mitigated shots: median, 5–95 %" if shift == 0 else None,
        )
    ax.axhline(0.02, color=REFERENCE_COLOUR, linewidth=0.5, linestyle="--")
    ax.set_yscale("log")
    ax.set_ylim(bottom=6e-4)
    ax.set_xlabel("time t/T")
    ax.set_ylabel("trace distance to master eq.")
    ax.set_title("(b) solid, filled: FakeTorino; dotted, open: FakeFez")
    ax.legend(loc="lower right", fontsize=6.5)


def _draw_budget(result: Result, ax: Axes) -> None:
    """One seed's raw measurement on FakeTorino, split into its parts."""
    from qmemcircuit.common.states import outcome_probabilities

    master, noisy = result.data["master"], result.data["noisy_FakeTorino"]
    shots = int(result.parameters["shots"])
    random = np.random.default_rng(FIRST_SEED)
    bases = tuple(a + b for a in "XYZ" for b in "XYZ")
    counts = np.stack(
        [random.multinomial(shots, outcome_probabilities(noisy.states, b)) for b in bases], axis=1
    )
    measured = replace(noisy, states=_plain_states(Samples(bases, counts)))
    budget = qm.error_budget(measured, noisy=noisy, exact=result.data["noiseless"], master=master)
    plot_budget(budget, ax=ax, unit=2 * np.pi)
    ax.set_title(f"compiled, decay absorbed, raw: {shots} shots × 9 settings, FakeTorino")
