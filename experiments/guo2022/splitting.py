"""Trace distance to the master equation against two-qubit gates, for the four splittings.

To see: the compiled circuit reaches the accuracy of the paper's 600 steps with a small fraction of
the gates (a), for all eight couplings (b).

Every circuit covers [0, t]; the distance is the largest one for t up to 20 periods, the gates are
those of the circuit for t = 20 periods, compiled to CZ on all-to-all qubits. The stepwise
splittings reach only what their number of steps allows; a compiled circuit has the same gates at
every t. Its angles are computed classically from the pair's exact 16×16 map (see
experiments/derivations/compiled_pair.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.guo2022.params import (
    PAIR_GAMMA0,
    PAIR_INFERENCE,
    PAIR_PERIODS,
    PAIR_STRENGTH,
    POINTS_PER_PERIOD,
    pair,
)
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.pairs.compilation import compile_pairs
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from qiskit.circuit import QuantumCircuit

    from qmemcircuit.circuits.collision import CollisionForm

STEPWISE = ("lie", "strang", "fused")
STEPS = (2, 5, 10, 20, 40, 60, 120, 240, 600)
PAPER_STEPS = PAIR_PERIODS * POINTS_PER_PERIOD
OWN_STEPS_UP_TO = 60  # fewer steps than this leave too few times on their own grid
LOOKS = 64  # 3.2 a period, so that every phase of the period is met
RESIDUAL_LOOKS = 23
FUSED_LIMIT, COMPILED_LIMIT = 0.04, 0.005


def compute(settings: Settings) -> Result:
    """Measure distances and count the gates of the longest circuit of each splitting."""
    model = pair(qm.Native("y", PAIR_STRENGTH))
    steps = (5, 120, 240) if settings.quick else STEPS
    stop = PAIR_PERIODS * model.period
    looks = qm.master_equation(model, np.linspace(0, stop, LOOKS + 1)[1:])
    advance = settings.stages(len(STEPWISE) * len(steps) + 2)
    distance, gates = (np.empty((len(STEPWISE), len(steps))) for _ in range(2))
    for row, splitting in enumerate(STEPWISE):
        for column, number in enumerate(steps):
            distance[row, column] = _distance(model, splitting, number, looks)
            gates[row, column] = _gates(model, splitting, number)
            advance()
    times = model.periods(PAIR_PERIODS, points=3 if settings.quick else POINTS_PER_PERIOD)
    compiled = qm.exact_circuit(model, times, splitting="compiled")
    compiled_distance = float(
        qm.compare(compiled, qm.master_equation(model, times)).trace_distance.max()
    )
    compiled_gates = _compiled_gates(model, times)
    advance()
    residuals = _residuals(2 if settings.quick else RESIDUAL_LOOKS)
    advance()
    data = {
        "stepwise": xr.Dataset(
            {
                "trace_distance": (("splitting", "steps"), distance),
                "two_qubit_gates": (("splitting", "steps"), gates),
            },
            coords={"splitting": list(STEPWISE), "steps": list(steps)},
        ),
        "compiled": xr.Dataset(
            {"trace_distance": compiled_distance, "two_qubit_gates": compiled_gates}
        ),
        "paper": xr.Dataset(
            {
                "trace_distance": _distance(model, "lie", PAPER_STEPS, looks),
                "two_qubit_gates": _gates(model, "lie", PAPER_STEPS, as_printed=True),
            }
        ),
        "residuals": residuals,
    }
    return Result(data, _quantities(model, data, looks), _parameters(times.size))


def _distance(model: qm.Network, splitting: str, steps: int, looks: qm.Trajectory) -> float:
    """Return the largest trace distance over 20 periods.

    With many steps: at the times of the grid of steps itself. With few: at the times of `looks`,
    each circuit dividing its own [0, t], since ten steps would look every 2T only.
    """
    if steps > OWN_STEPS_UP_TO:
        times = np.linspace(0, looks.times[-1], steps + 1)
        found = qm.exact_circuit(model, times, splitting=splitting)
        master = qm.master_equation(model, times)
    else:
        found = qm.exact_circuit(model, looks.times, splitting=splitting, steps=steps)
        master = looks
    return float(qm.compare(found, master).trace_distance.max())


def _gates(
    model: qm.Network, splitting: str, steps: int | None, *, as_printed: bool = False
) -> int:
    """Count the CZ gates of the circuit for 20 periods; `as_printed`: CRY and CNOT, unoptimised."""
    form: CollisionForm = "paper" if as_printed else "compact"
    stop = [PAIR_PERIODS * model.period]
    circuits = qm.build_circuits(
        model, stop, splitting=splitting, steps=steps, bases=["XX"], collision=form
    )
    return _count(circuits[0], level=0 if as_printed else 3)


def _compiled_gates(model: qm.Network, times: np.ndarray) -> int:
    """Return the most CZ gates of compiled circuits at a spread of times."""
    circuits = qm.build_circuits(model, times[1 :: len(times) // 20], splitting="compiled")
    return max(_count(circuits[k, "XX"], level=3) for k in range(len(circuits.times)))


def _count(circuit: QuantumCircuit, *, level: int) -> int:
    from qiskit import transpile

    basis = ["cz", "rz", "sx", "x"]
    compiled = transpile(circuit, basis_gates=basis, optimization_level=level, seed_transpiler=1)
    return int(compiled.count_ops()["cz"])


def _residuals(looks: int) -> xr.Dataset:
    """Return the largest compiled residual over 20 periods for the paper's and other pairs."""
    strength = PAIR_STRENGTH
    models = {
        "xx": pair(qm.Native("x", strength)),
        "yy": pair(qm.Native("y", strength)),
        "zz": pair(qm.Native("z", strength)),
        "partial SWAP": pair(qm.PartialSwap(strength)),
        "partial iSWAP": pair(qm.PartialISwap(strength)),
        "CR_x": pair(qm.ControlledRotation("x", strength)),
        "CR_y": pair(qm.ControlledRotation("y", strength)),
        "CR_z": pair(qm.ControlledRotation("z", strength)),
        "yy, Γ₂ = Γ₁/2": _unequal(0.5, 1.0),
        "yy, ω₂ = 1.1 ω₁": _unequal(1.0, 1.1),
    }
    residuals, methods = [], []
    for model in models.values():
        times = np.linspace(0, PAIR_PERIODS * model.period, looks + 1)[1:]
        compiled = compile_pairs(model, times)
        residuals.append(max(item.residual for item in compiled))
        methods.append(compiled[0].method)
    return xr.Dataset(
        {"residual": ("pair", residuals), "method": ("pair", methods)},
        coords={"pair": list(models)},
    )


def _unequal(rate: float, omega: float) -> qm.Network:
    members = [
        qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=np.pi / 4),
        qm.Memristor(qm.SquidRate(rate * PAIR_GAMMA0), a=np.pi / 4, omega=omega),
    ]
    return qm.Network(members, {(0, 1): qm.Native("y", PAIR_STRENGTH)})


def _paper_steps_for(model: qm.Network, limit: float, looks: qm.Trajectory) -> int:
    """Return the fewest steps, a multiple of 8, of the paper's protocol that reach `limit`."""
    return next(n for n in range(112, 200, 8) if _distance(model, "lie", n, looks) <= limit)


def _quantities(
    model: qm.Network, data: dict[str, xr.Dataset], looks: qm.Trajectory
) -> tuple[Quantity, ...]:
    stepwise, compiled, paper = data["stepwise"], data["compiled"], data["paper"]
    residuals = data["residuals"]
    fused = stepwise.sel(splitting="fused")
    reached = fused.isel(steps=int(np.argmax(fused.trace_distance.values <= FUSED_LIMIT)))
    needed = _paper_steps_for(model, FUSED_LIMIT, looks)
    printed = _gates(model, "lie", needed, as_printed=True)
    return (
        Quantity(
            f"fused: two-qubit gates of the fewest steps ({int(reached.steps)}) within "
            f"{FUSED_LIMIT} (limit 80)",
            reached.two_qubit_gates,
            evidence=f"trace distance {float(reached.trace_distance):.3g}",
        ),
        *Quantity.each(
            {
                "compiled: two-qubit gates at any t (limit 13)": compiled.two_qubit_gates,
                f"compiled: largest trace distance over 20 periods (limit {COMPILED_LIMIT})": (
                    compiled.trace_distance
                ),
            }
        ),
        Quantity.inferred(
            f"paper's protocol, {PAPER_STEPS} steps: largest trace distance",
            paper.trace_distance,
            PAIR_INFERENCE,
        ),
        Quantity.inferred(
            f"paper's protocol, {PAPER_STEPS} steps: two-qubit gates as printed",
            paper.two_qubit_gates,
            "CRY is two CZ, CNOT one, RYY two; the paper counts no gates",
        ),
        Quantity.inferred(
            f"paper's protocol within {FUSED_LIMIT}: two-qubit gates as printed ({needed} steps)",
            printed,
            f"{_gates(model, 'lie', needed)} with our collision of two gates",
        ),
        *(
            Quantity(
                f"compiled residual of {name} ({residuals.method.sel(pair=name).item()})",
                residuals.residual.sel(pair=name),
                evidence="bounds the trace distance of any input over 20 periods",
            )
            for name in residuals.pair.values
        ),
    )


def _parameters(times: int) -> dict[str, float]:
    return {
        "gamma0": PAIR_GAMMA0,
        "strength": PAIR_STRENGTH,
        "periods": PAIR_PERIODS,
        "compiled_times": times,
        "own_steps_times": LOOKS,
        "residual_times": RESIDUAL_LOOKS,
    }


def draw(result: Result) -> Figure:
    """Draw distance against gates (left) and what the compiled circuits leave over (right)."""
    figure, axes = make_figure(
        1, 2, width=TWO_COLUMNS, height=3.8, gridspec_kw={"width_ratios": [1.4, 1]}
    )
    _draw_gates(axes[0], result)
    _draw_residuals(axes[1], result.data["residuals"])
    return figure


def _draw_gates(ax: Any, result: Result) -> None:
    stepwise, compiled, paper = (result.data[key] for key in ("stepwise", "compiled", "paper"))
    labels = {
        "lie": "Lie (the paper's order)",
        "strang": "Strang",
        "fused": "fused pairs",
    }
    for number, (splitting, label) in enumerate(labels.items()):
        line = stepwise.sel(splitting=splitting)
        ax.loglog(
            line.two_qubit_gates, line.trace_distance, "o-", color=PALETTE[number], label=label
        )
    ax.loglog(
        compiled.two_qubit_gates,
        compiled.trace_distance,
        "*",
        color=PALETTE[3],
        markersize=13,
        label="compiled (every t)",
    )
    ax.loglog(
        paper.two_qubit_gates,
        paper.trace_distance,
        "s",
        color="#000000",
        markerfacecolor="none",
        markersize=7,
        label=f"the paper's circuit, {PAPER_STEPS} steps",
    )
    for limit in (FUSED_LIMIT, COMPILED_LIMIT):
        ax.axhline(limit, color="#000000", linewidth=0.6, linestyle=":")
        ax.annotate(f"{limit}", (8.5, limit), xytext=(0, 2), textcoords="offset points")
    ax.set_xlim(8, 7000)
    ax.set_xlabel("two-qubit gates (CZ) of the longest circuit")
    ax.set_ylabel("largest trace distance over 20 T")
    ax.set_title("(a) yy pair, γ₀ = 0.02 ω, g = ω/15", loc="left")
    ax.legend(loc="lower left", fontsize=7)


def _draw_residuals(ax: Any, residuals: xr.Dataset) -> None:
    colours = {"closed form": PALETTE[3], "fitted": PALETTE[4]}
    places = np.arange(residuals.pair.size)
    for method, colour in colours.items():
        chosen = residuals.method.values == method
        ax.semilogx(
            residuals.residual.values[chosen], places[chosen], "o", color=colour, label=method
        )
    ax.axvline(COMPILED_LIMIT, color="#000000", linewidth=0.6, linestyle=":")
    ax.axvspan(1e-10, 1e-8, color="#000000", alpha=0.08, linewidth=0)
    ax.annotate("exact, up to the\nintegrated map", (1.4e-8, 2.0), va="center", fontsize=8)
    ax.set_xlim(1e-10, 2e-2)
    ax.set_yticks(places, residuals.pair.values)
    ax.invert_yaxis()
    ax.set_xlabel("bound on the trace distance, any input")
    ax.set_title("(b) compiled: residual over 20 T", loc="left")
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 0.05))
