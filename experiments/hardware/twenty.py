"""A chain of twenty memristors with an ancilla each, designed and costed for three processors.

To see: on the square lattice every ancilla sits beside its memristor; heavy-hexagonal devices get
by with shared ancillas and couplings through them, without a SWAP. The noise takes a tenth to a
quarter of V in one period, mitigation gives a third to a half of that back, all loops stay open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.hardware.params import PAIR_GAMMA0, PAIR_STRENGTH, TRANSPILER_SEED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEVICES = ("FakePittsburgh", "FakeMarrakesh", "FakeNighthawk")
COUNT, POINTS, STEPS = 20, 10, 4
"""Memristors, times and Strang steps of a period; experiments/hardware/twenty.toml has the same."""

SHOTS = 4000
MITIGATION = qm.Mitigation((1, 3))
PREDICTION = qm.PauliPropagation(10, 1e-4)
TRUTH, TRUTH_STEPS = qm.PauliPropagation(6, 3e-5), 20
"""Of the reference: V to 0.002 over one period (its own error stands in the quantities)."""


def compute(settings: Settings) -> Result:
    """Place, count, predict raw and mitigated voltages, and what the run would cost."""
    import xarray

    count, periods = (2, (1,)) if settings.quick else (COUNT, (1, 2))
    devices = ("FakeManilaV2",) if settings.quick else DEVICES
    shots = settings.shots_or(SHOTS)
    memristor = qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=np.pi / 4)
    network = qm.chain([memristor] * count, qm.Native("y", PAIR_STRENGTH))
    advance = settings.stages(len(periods) * (1 + len(devices)))
    data: dict[str, Any] = {}
    rows: dict[str, dict[str, float]] = {}
    maps: dict[str, Any] = {}
    times = {}
    for period in periods:
        # The loop of each period by itself: its circuits have as many steps as its end needs.
        times[period] = memristor.period * (period - 1 + np.arange(POINTS + 1) / POINTS)
        data[f"truth_{period}"] = qm.simulate_circuit(
            network,
            times[period],
            method=TRUTH,
            splitting="strang",
            steps=TRUTH_STEPS * period,
        )
        advance()
    for name in devices:
        target = qm.device(fake_backend(name), seed=TRANSPILER_SEED)
        for period in periods:
            how: dict[str, Any] = {"splitting": "strang", "steps": STEPS * period}
            circuits = qm.build_circuits(network, times[period], bases="Y", **how)
            placed = target.place(circuits)
            for kind, mitigation in (("raw", None), ("mitigated", MITIGATION)):
                found = qm.predict_voltages(
                    network,
                    times[period],
                    target=placed,
                    shots=shots,
                    mitigation=mitigation,
                    kept=PREDICTION,
                    **how,
                )
                data[f"{kind}_{name}_{period}"] = found
            row = _designed(placed, circuits) | _judged(data, name, period)
            planned = qm.plan(
                network,
                times[period],
                target=placed,
                shots=shots,
                bases="Y",
                mitigation=MITIGATION,
                **how,
            )
            row |= {
                "executions": planned.executions,
                "processor seconds": planned.processor_seconds or 0.0,
            }
            if period == 1:
                row["two-qubit gates, routed by Qiskit"] = _routed_gates(placed, circuits)
                maps[name] = placed.placement.describe() if placed.placement else {}
            rows[f"{name}, period {period}"] = row
            advance()
    couplers = {
        name: sorted({tuple(sorted(pair)) for pair in fake_backend(name).coupling_map})
        for name in devices
    }
    data["rows"] = xarray.Dataset(
        {key: ("row", [row.get(key, np.nan) for row in rows.values()]) for key in _keys(rows)},
        coords={"row": list(rows)},
    )
    parameters = {
        "devices": list(devices),
        "periods": list(periods),
        "memristors": count,
        "shots": shots,
        "factors": list(MITIGATION.factors),
        "placements": maps,
        "couplers": couplers,
    }
    return Result(data, _quantities(rows, data, shots), parameters)


def _keys(rows: dict[str, dict[str, float]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows.values() for key in row))


def _designed(placed: DeviceTarget, circuits: CircuitSet) -> dict[str, float]:
    """Return qubits, gates, two-qubit depth and duration of the last time's circuit."""
    (last,) = placed.compile(circuits, only=[len(circuits.times) - 1])
    depth = last.circuit.depth(lambda item: item.operation.name in ("cz", "cx", "ecr", "rzz"))
    return {
        "qubits": last.circuit.num_qubits,
        "two-qubit gates": last.two_qubit_gates,
        "two-qubit depth": depth,
        "duration in µs": 1e6 * last.duration,
    }


def _routed_gates(placed: DeviceTarget, circuits: CircuitSet) -> float:
    """Return the two-qubit gates where Qiskit's level 3 lays out and routes the same circuit."""
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(
        optimization_level=3, target=placed.backend.target, seed_transpiler=TRANSPILER_SEED
    )
    return float(manager.run(circuits.evolution(len(circuits.times) - 1)).num_nonlocal_gates())


def _judged(data: dict[str, Any], name: str, period: int) -> dict[str, float]:
    """Return how far V is from the truth, how many agree, and how many loops are open."""
    truth = data[f"truth_{period}"]
    found = {}
    for kind in ("raw", "mitigated"):
        item = data[f"{kind}_{name}_{period}"]
        apart = np.abs(item.voltage - truth.voltage)
        joined = np.hypot(item.voltage_error, truth.voltage_error)
        found[f"largest |ΔV|, {kind}"] = float(apart.max())
        found[f"rms ΔV, {kind}"] = float(np.sqrt(np.mean(apart**2)))
        found[f"V within 3σ, {kind}"] = float(np.mean(apart <= 3 * joined))
        loops = [qm.find_loops(item, k)[0] for k in range(item.voltage.shape[1])]
        found[f"open loops, {kind}"] = sum((loop.no_loop_p_value or 0.0) < 0.05 for loop in loops)
    found["error of the prediction"] = data[f"raw_{name}_{period}"].provenance["propagation"][
        "error"
    ]
    return found


def _quantities(
    rows: dict[str, dict[str, float]], data: dict[str, Any], shots: int
) -> tuple[Quantity, ...]:
    found = []
    for label, row in rows.items():
        for key, value in row.items():
            unit = {"processor seconds": "s", "duration in µs": "µs"}.get(key, "1")
            if "ΔV" in key or key.startswith("error"):
                unit = "√(mħω)"
            evidence = f"{shots} shots a circuit" if "V" in key or "loops" in key else ""
            if key.startswith("error"):
                evidence = "of truncated strings, in the probability of reading 1, not of V"
                unit = "1"
            found.append(Quantity(f"{label}: {key}", value, unit=unit, evidence=evidence))
    for key, item in data.items():
        if key.startswith("truth"):
            name = f"largest error of the reference, period {key[-1]}"
            found.append(Quantity(name, float(item.voltage_error.max()), unit="√(mħω)"))
    return tuple(found)


def draw(result: Result) -> Figure:
    """Draw where the chain sits on each device, and voltages of its first and middle memristor."""
    devices = result.parameters["devices"]
    figure, axes = make_figure(2, len(devices), width=TWO_COLUMNS, height=5.2)
    axes = np.reshape(axes, (2, len(devices)))
    for column, name in enumerate(devices):
        _draw_map(axes[0, column], result, name)
        _draw_voltages(axes[1, column], result, name)
    axes[1, 0].set_ylabel("voltage $V$ in $\\sqrt{m\\hbar\\omega}$")
    for other in axes[1, 1:]:
        other.sharey(axes[1, 0])
    axes[1, 0].legend(fontsize=6, loc="upper right")
    titles = [*(name.removeprefix("Fake") for name in devices), *("voltages" for _ in devices)]
    letter_panels(axes.flat, titles, loc="left")
    return figure


def _draw_map(ax: Axes, result: Result, name: str) -> None:
    layout = result.parameters["placements"][name]
    count = result.parameters["memristors"]
    couplers = result.parameters["couplers"][name]
    where = {qubit: _position(qubit, name) for pair in couplers for qubit in pair}
    for pair in couplers:
        ax.plot(*zip(*(where[q] for q in pair), strict=True), color="0.85", lw=0.8, zorder=0)
    seats = layout.get("seats") or range(2 * count)
    memristors = layout["qubits"][:count]
    ancillas = layout["qubits"][count:]
    for k in range(count):
        ends = [where[memristors[k]], where[layout["qubits"][seats[count + k]]]]
        ax.plot(*zip(*ends, strict=True), color=PALETTE[4], lw=2.0, zorder=1)
    ax.plot(*zip(*(where[q] for q in memristors), strict=True), color=PALETTE[0], lw=1.0, zorder=2)
    for qubits, marker, colour, label in (
        (memristors, "o", PALETTE[0], "memristor"),
        (ancillas, "s", PALETTE[4], "ancilla"),
    ):
        x, y = zip(*(where[q] for q in qubits), strict=True)
        ax.plot(x, y, marker, color=colour, ms=4, label=label, zorder=3)
    ax.set(xlabel="column of qubits", ylabel="row of qubits")
    ax.invert_yaxis()
    ax.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)


def _position(qubit: int, name: str) -> tuple[float, float]:
    """Return column and row: a square lattice ten wide, Heron's rows of 16, else a line."""
    if name == "FakeNighthawk":
        return float(qubit % 10), float(qubit // 10)
    if name in ("FakePittsburgh", "FakeMarrakesh"):
        row, place = divmod(qubit, 20)
        if place < 16:
            return float(place), 2.0 * row
        return 4.0 * (place - 16) + (3 if row % 2 == 0 else 1), 2.0 * row + 1
    return float(qubit), 0.0


def _draw_voltages(ax: Axes, result: Result, name: str) -> None:
    count = result.parameters["memristors"]
    for number, k in enumerate((0, count // 2)):
        colour = PALETTE[number]
        for period in result.parameters["periods"]:
            truth, raw, mitigated = (
                result.data[f"{kind}_{period}"]
                for kind in ("truth", f"raw_{name}", f"mitigated_{name}")
            )
            unit = truth.periods[k]
            first = period == result.parameters["periods"][0]

            def label(text: str, k: int = k, first: bool = first) -> str:
                return f"memristor {k + 1}, {text}" if first else ""

            x = truth.times / unit
            ax.plot(x, truth.voltage[:, k], color=colour, lw=1.0, label=label("truth"))
            ax.plot(x, raw.voltage[:, k], "x", color=colour, ms=3, label=label("raw"))
            ax.errorbar(
                x, mitigated.voltage[:, k], 2 * mitigated.voltage_error[:, k], fmt="o", ms=2.5,
                lw=0.8, color=colour, label=label("mitigated ± 2σ"),
            )  # fmt: skip
    ax.set(xlabel="time $t/T$")
    ax.set_ylim(-0.42, 0.95)  # room for the legend
