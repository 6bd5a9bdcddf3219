"""Quantum memory witnessed on the scheduled noise of two devices, raw and readout-corrected.

To see: on both devices information flows back; quantum memory (bound above zero) is seen in raw
counts on one, and after readout correction on both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.memory.params import REMEMBERING
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.states import reduce_states
from qmemcircuit.memory import (
    ProcessRecord,
    classify_memory,
    design_witness,
    memory_network,
    prepared_inputs,
    process_record,
)
from qmemcircuit.plotting.figures import DATA_COLOUR, REFERENCE_COLOUR, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEVICES = ("FakePittsburgh", "FakeTorino")
SHOTS = 20_000
STEP = 8.5
"""Two steps: at the first hardly anything is left in the memristor, at the second it is back."""
MIXING = 0.03
TIMES = STEP * np.array([1.0, 2.0])
HOW: dict[str, Any] = {"splitting": "couplings_first", "bases": ["XX", "YY", "ZZ"]}


def compute(settings: Settings) -> Result:
    """Measure the process of one step and of two on each device, with a witness fixed before."""
    shots = settings.shots_or(SHOTS)
    pair = memory_network(REMEMBERING)
    model = _exact_maps(pair)
    witness = design_witness(model, TIMES, mixing=MIXING)
    rows: list[dict[str, Any]] = []
    for name in settings.track(DEVICES[:1] if settings.quick else DEVICES):
        device = qm.device(fake_backend(name), seed=settings.seed)
        circuits = qm.build_circuits(pair, TIMES, **HOW)
        device = device.place([circuits[1, basis] for basis in circuits.bases])
        records = [
            qm.run(
                item,
                TIMES,
                target=device.independent(place),
                shots=shots,
                mitigation=qm.Mitigation((1,)),
                **HOW,
            )
            for place, item in enumerate(prepared_inputs(pair))
        ]
        for corrected in (False, True):
            found = classify_memory(process_record(records, mitigated=corrected), witness=witness)
            gap = found.quantum_gap
            rows.append(
                {
                    "device": name,
                    "corrected": corrected,
                    "kind": found.kind,
                    "bound": gap.value,
                    "lower": gap.lower,
                    "upper": gap.upper,
                    "growth": found.growth.value,
                    "growth_lower": found.growth.lower,
                    "growth_upper": found.growth.upper,
                }
            )
    columns = {key: ("row", [row[key] for row in rows]) for key in rows[0]}
    ideal = classify_memory(model, TIMES).quantum_gap.value
    quantities = [
        Quantity("ideal circuits: C[χ(t2)] − C#[χ(t1)]", ideal),
        Quantity("ideal circuits: the linear bound of it", witness.predicted),
    ]
    for row in rows:
        label = f"{row['device']}, {'readout corrected' if row['corrected'] else 'raw'}"
        error = (row["upper"] - row["lower"]) / (2 * 1.959964)
        quantities += [
            Quantity(
                f"{label}: lower bound of C[χ(t2)] − C#[χ(t1)]",
                row["bound"],
                error,
                evidence=f"{row['bound'] / error:+.1f} σ: {row['kind']}",
            ),
            Quantity(
                f"{label}: growth of ‖E(t)n‖²",
                row["growth"],
                (row["growth_upper"] - row["growth_lower"]) / (2 * 1.959964),
            ),
        ]
    parameters = {"shots": shots, "step": STEP, "mixing": MIXING, "two_qubit_gates": [6, 10]}
    return Result({"verdicts": xarray.Dataset(columns)}, tuple(quantities), parameters)


def draw(result: Result) -> Figure:
    """Draw the bound and the growth of each device, raw and corrected, with 95 % intervals."""
    data = result.data["verdicts"]
    ideal = {q.name: q.value for q in result.quantities}
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.2)
    names = list(dict.fromkeys(data["device"].values.tolist()))
    panels = (
        ("bound", "", "lower bound of C[χ(t₂)] − C#[χ(t₁)]"),
        ("growth", "growth_", "growth of ‖E(t)n‖²"),
    )
    for ax, (key, prefix, label) in zip(axes, panels, strict=True):
        for corrected, colour, offset, name in (
            (False, DATA_COLOUR, -0.08, "raw"),
            (True, REFERENCE_COLOUR, 0.08, "readout corrected"),
        ):
            chosen = data.isel(row=np.flatnonzero(data["corrected"].values == corrected))
            places = np.array([names.index(item) for item in chosen["device"].values]) + offset
            value = chosen[key].values
            spread = [
                value - chosen[f"{prefix}lower"].values,
                chosen[f"{prefix}upper"].values - value,
            ]
            ax.errorbar(places, value, yerr=spread, fmt="o", color=colour, label=name, capsize=2)
        ax.axhline(0, color="0.5", lw=0.7)
        ax.set_xticks(range(len(names)), names)
        ax.set_xlim(-0.5, len(names) - 0.5)
        ax.set_ylabel(label)
    bound = ideal["ideal circuits: the linear bound of it"]
    axes[0].axhline(float(bound), color="0.3", ls=":", label="ideal circuits")
    axes[0].legend(fontsize=7)
    return figure


def _exact_maps(pair: qm.Network) -> np.ndarray:
    """Return the maps of the ideal circuits after one step and two."""
    means = np.empty((TIMES.size, 4, 3))
    for place, item in enumerate(prepared_inputs(pair)):
        states = qm.exact_circuit(item, TIMES, splitting="couplings_first").states
        reduced = reduce_states(states, (0,))
        means[:, place, 0] = 2 * reduced[:, 0, 1].real
        means[:, place, 1] = 2 * reduced[:, 1, 0].imag
        means[:, place, 2] = (reduced[:, 0, 0] - reduced[:, 1, 1]).real
    return ProcessRecord(TIMES, means, np.zeros_like(means)).maps()
