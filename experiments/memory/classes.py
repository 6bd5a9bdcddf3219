"""Four memristors and the memory they have: loop, rate, back-flow and witness side by side.

To see: one column for each kind of memory: only the memory qubit's rate turns negative, and only
its entanglement comes back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray
from scipy.optimize import brentq

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, mark_pinch, mark_start
from experiments.memory.params import BARE, BIT, DRIVE, DRIVEN, PHASE, PRESCRIBED, REMEMBERING
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.channels.pauli_maps import damping_maps
from qmemcircuit.memory import (
    LeakyBit,
    ProcessRecord,
    concurrence_and_assistance,
    feedback_equation,
    memory_network,
    memory_trajectory,
    memristor_maps,
    prepared_inputs,
    shotwise_equation,
    shotwise_maps,
)
from qmemcircuit.plotting.figures import DATA_COLOUR, REFERENCE_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("prescribed", "mean field", "shot by shot", "memory qubit")
QUANTA = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)


def compute(settings: Settings) -> Result:
    """Solve the four devices, classify their maps, and settle three claims with numbers."""
    count = 121 if settings.quick else 361
    times = np.linspace(0, 6 * np.pi, count)
    solved = {
        "prescribed": qm.master_equation(PRESCRIBED, times),
        "mean field": feedback_equation(BARE, PHASE, times),
        "shot by shot": shotwise_equation(DRIVEN, BIT, times),
        "memory qubit": memory_trajectory(REMEMBERING, times),
    }
    rates = solved["mean field"].variables["decay_rate"][:, 0]
    steps = 0.5 * (rates[1:] + rates[:-1]) * np.diff(times)
    integral = np.concatenate([[0.0], np.cumsum(steps)])
    maps = {
        "prescribed": memristor_maps(PRESCRIBED, times),
        # Of this very run: the map of a nonlinear evolution depends on its state.
        "mean field": damping_maps(-np.expm1(-integral)),
        "shot by shot": shotwise_maps(DRIVEN, BIT, times).sum(axis=1),
        "memory qubit": memristor_maps(REMEMBERING, times),
    }
    classes = {name: qm.classify_memory(maps[name], times) for name in NAMES}
    table = xarray.Dataset(
        {
            name: (("device", "time"), np.array([series[key] for key in NAMES]))
            for name, series in {
                "voltage": {k: v.voltage[:, 0] for k, v in solved.items()},
                "current": {k: v.current[:, 0] for k, v in solved.items()},
                "rate": {k: v.variables["decay_rate"][:, 0] for k, v in solved.items()},
                "length": {k: _lengths(m) for k, m in maps.items()},
                "concurrence": {k: _each(m)[0] for k, m in maps.items()},
                "assistance": {k: _each(m)[1] for k, m in maps.items()},
            }.items()
        },
        coords={"device": list(NAMES), "time": times},
    )
    violations, largest = _random_feed_forward(50 if settings.quick else 1000, settings.seed)
    agreeing, laws = _random_laws(50 if settings.quick else 300, settings.seed)
    hot = _hot_gaps(QUANTA[::5] if settings.quick else QUANTA)
    quantities = [
        *(Quantity(f"{name}: kind", classes[name].kind) for name in NAMES),
        *(
            Quantity(f"{name}: {what}", value)
            for name in NAMES
            for what, value in (
                ("growth of ‖E(t)n‖², best n", classes[name].growth.value),
                ("largest C[χ(t2)] − C#[χ(t1)]", classes[name].quantum_gap.value),
                ("least Choi eigenvalue of a step", classes[name].least_eigenvalue.value),
            )
        ),
        Quantity(
            f"feed-forward: devices of {1000 if not settings.quick else 50} with quantum memory",
            float(violations),
            evidence=f"random leaky bits and σy drives; largest gap {largest:.2g}. Never: what a "
            "measurement leaves is an ensemble of known pieces, and the maps that follow act on "
            "each alone, so C[χ(t2)] ≤ Σ p C(piece) ≤ C#[χ(t1)]",
        ),
        Quantity(
            f"amplitude damping: laws of {laws} with quantum memory where Γ < 0 and only there",
            float(agreeing),
            evidence="C = C# = |G|, so the witness is |G(t2)| > |G(t1)|, which is Γ < 0 between",
        ),
        *(
            Quantity(
                f"hot memory qubit, n̄ = {quanta:g}: largest C[χ(t2)] − C#[χ(t1)]",
                gap,
                evidence="no quantum memory is seen where it is not positive",
            )
            for quanta, gap in hot.items()
        ),
        Quantity(
            "memory qubit: energy returned over absorbed",
            _returned(table),
            evidence="∫(IV)₋/∫(IV)₊ over three periods: active in quadrants II and IV",
        ),
        Quantity(
            "memory qubit: |I| where V = 0 at the pole of Γ, over the largest",
            _at_pole(),
            evidence="so a loop with memory inside does not always pass the origin: where nothing "
            "is left (G = 0) V is 0, and the current that comes back is not",
        ),
    ]
    parameters = {
        "prescribed": "SquidRate(0.4)",
        "mean field": repr(PHASE),
        "shot by shot": f"{BIT!r}, {DRIVE!r}",
        "memory qubit": repr(REMEMBERING.rate),
    }
    return Result({"devices": table}, tuple(quantities), parameters)


def draw(result: Result) -> Figure:
    """Draw four columns of devices: loop, rate, back-flow, witness."""
    data = result.data["devices"]
    kinds = {q.name: q.value for q in result.quantities}
    figure, axes = make_figure(4, 4, width=TWO_COLUMNS, height=7.4)
    periods = data["time"].values / (2 * np.pi)
    for column, name in enumerate(NAMES):
        one = data.sel(device=name)
        loop, rate, length, witness = axes[:, column]
        loop.plot(one["voltage"], one["current"], color=DATA_COLOUR, lw=0.9)
        mark_start(loop, float(one["voltage"][0]), float(one["current"][0]))
        mark_pinch(loop)
        loop.set_title(f"{name}\n{kinds[f'{name}: kind']}", fontsize=8)
        values = one["rate"].values
        # Γ of the memory qubit has poles; the line stops there.
        shown = np.where(np.abs(values) < 4, values, np.nan)
        rate.plot(periods, shown, color=DATA_COLOUR)
        rate.axhline(0, color="0.6", lw=0.6)
        length.plot(periods, one["length"], color=DATA_COLOUR)
        assisted = np.minimum.accumulate(one["assistance"].values)
        witness.plot(periods, one["concurrence"], color=DATA_COLOUR, label="C[χ(t)]")
        label = "least C# so far"
        witness.plot(periods, assisted, "--", color=REFERENCE_COLOUR, label=label)
        loop.set_xlabel("V (√(mħω))")
        for ax in (rate, length, witness):
            ax.set_xlabel("time (periods)")
        for ax in (length, witness):
            ax.set_ylim(-0.03, 1.03)
    labels = ("I (ω√(mħω))", "Γ (ω)", "longest ‖E(t)n‖", "entanglement")
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(label)
    for ax in axes[0]:
        ax.locator_params(nbins=4)
    axes[3, 0].legend(fontsize=6)
    return figure


def _lengths(maps: np.ndarray) -> np.ndarray:
    """Return the longest ‖E(t)n‖ over unit vectors n: the distance of the best two states."""
    return np.asarray(np.linalg.norm(maps[:, 1:, 1:], ord=2, axis=(1, 2)))


def _each(maps: np.ndarray) -> np.ndarray:
    return np.array([concurrence_and_assistance(item) for item in maps]).T


def _random_feed_forward(count: int, seed: int) -> tuple[int, float]:
    """Return how many random feed-forward memristors show quantum memory, and the largest gap."""
    random, times = np.random.default_rng(seed), np.linspace(0.3, 12, 40)
    largest, violations = -np.inf, 0
    for _ in range(count):
        tau, quiet, clicked, amplitude, frequency = random.exponential([2, 0.3, 2, 1, 1])
        drive = qm.Drive("y", amplitude, frequency, random.uniform(0, 2 * np.pi))
        bit = LeakyBit(tau, quiet, clicked)
        found = qm.classify_memory(
            shotwise_maps(replace(BARE, drive=drive), bit, times).sum(axis=1), times
        ).quantum_gap.value
        largest = max(largest, found)
        violations += found > 1e-9
    return violations, float(largest)


def _random_laws(count: int, seed: int) -> tuple[int, int]:
    """Return for how many random ∫Γ(t) ≥ 0 the verdict is quantum exactly if it falls anywhere."""
    random, times = np.random.default_rng(seed), np.linspace(0, 10, 101)[1:]
    agreeing = 0
    for _ in range(count):
        rise, swing, turn = random.exponential([0.3, 0.15, 2.0])
        integral = rise * times + swing * (1 - np.cos(turn * times))
        falls = bool(np.any(np.diff(integral) < 0))
        kind = qm.classify_memory(damping_maps(-np.expm1(-integral)), times).kind
        agreeing += (kind == "quantum memory") == falls
    return agreeing, count


def _hot_gaps(quanta: tuple[float, ...]) -> dict[float, float]:
    """Return the largest gap of a memristor whose memory qubit has n̄ thermal quanta."""
    pair, grid = memory_network(REMEMBERING), 14.4 / 40 * np.arange(1, 41)
    found = {}
    for number in quanta:
        excited = number / (2 * number + 1)
        memory = qm.Memristor(
            pair.memristors[1].rate,
            state=[[1 - excited, 0], [0, excited]],
            occupation=number,
        )
        warm = qm.Network([pair.memristors[0], memory], pair.couplings)
        means = np.empty((grid.size, 4, 3))
        for place, item in enumerate(prepared_inputs(warm)):
            states = qm.exact_circuit(item, grid, splitting="fused").states
            reduced = np.einsum(
                "tabcb->tac", states.reshape(-1, 2, 2, 2, 2).transpose(0, 2, 1, 4, 3)
            )
            means[:, place, 0] = 2 * reduced[:, 0, 1].real
            means[:, place, 1] = 2 * reduced[:, 1, 0].imag
            means[:, place, 2] = (reduced[:, 0, 0] - reduced[:, 1, 1]).real
        record = ProcessRecord(grid, means, np.zeros_like(means))
        found[number] = qm.classify_memory(record.maps(), grid).quantum_gap.value
    return found


def _at_pole() -> float:
    """Return |I| at the first zero of G, from the closed form, over the largest of the loop."""
    law = REMEMBERING.rate
    times = np.linspace(0, 14.4, 2001)
    amplitude = law.amplitude(times)  # type: ignore[attr-defined]
    after = int(np.argmax(amplitude < 0))
    found = brentq(lambda t: float(law.amplitude(t)), times[after - 1], times[after])  # type: ignore[attr-defined]
    loop = np.abs(memory_trajectory(REMEMBERING, times).current).max()
    there = memory_trajectory(REMEMBERING, [0.0, found])
    assert abs(there.voltage[1, 0]) < 1e-9
    return float(abs(there.current[1, 0]) / loop)


def _returned(table: xarray.Dataset) -> float:
    one = table.sel(device="memory qubit")
    power = (one["voltage"] * one["current"]).values
    return float(-np.minimum(power, 0).sum() / np.maximum(power, 0).sum())
