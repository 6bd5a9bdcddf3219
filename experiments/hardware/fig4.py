"""One memristor on Heron noise models: merged and stepwise circuits, raw, absorbed, mitigated.

To see: on noisy devices the merged circuit stays near the master equation, and the stepwise one
drowns in the noise of its gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.hardware.params import (
    DEVICES,
    RESET_ERRORS,
    SINGLE_PERIODS,
    SINGLE_POINTS,
    SINGLE_SHOTS,
    TRANSPILER_SEED,
    single,
)
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.states import trace_distance
from qmemcircuit.plotting.figures import PALETTE, make_figure, plot_loop
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FACTORS = (1, 3)
"""Noise factors of the merged circuit, extrapolated linearly; declared before the first run."""

COLOURS = {"merged": PALETTE[0], "stepwise": PALETTE[4], "stepwise_absorbed": PALETTE[1]}
PROTOCOLS: dict[str, dict[str, Any]] = {
    "merged": {"ancilla": "merged"},
    "stepwise": {},
    "stepwise_absorbed": {"absorb_decay": True},
}
STAGES = ("raw", "read", "mitigated")


def compute(settings: Settings) -> Result:
    """Predict exact noisy states of both protocols; sample and mitigate the merged one."""
    memristor = single()
    points = 10 if settings.quick else SINGLE_POINTS
    periods = 1 if settings.quick else SINGLE_PERIODS
    times = memristor.periods(periods, points=points)
    shots = settings.shots or SINGLE_SHOTS
    names = DEVICES[:1] if settings.quick else DEVICES
    master = qm.master_equation(memristor, times)
    data: dict[str, Any] = {"master": master}
    gates: dict[str, Any] = {}
    advance = settings.stages(2 * len(names))
    for name in names:
        target = qm.device(fake_backend(name), seed=TRANSPILER_SEED)
        for key, options in PROTOCOLS.items():
            for error in RESET_ERRORS if key == "stepwise_absorbed" else (0.0,):
                label = f"{name}_{key}" + (f"_reset_error_{error:g}" if error else "")
                noisy = replace(target, reset_error=error)
                data[label] = qm.device_states(memristor, times, target=noisy, **options)
                made = data[label].provenance
                gates[label] = {
                    "two_qubit_gates": made["two_qubit_gates"][-1],
                    "microseconds": round(1e6 * made["durations"][-1], 3),
                }
        report = data[f"{name}_stepwise_absorbed"].provenance["absorption"]
        gates[f"{name}: excess dephasing at the last time"] = report["dephasing"][-1][0]
        advance()
        record = qm.run(
            memristor,
            times,
            target=target,
            shots=shots,
            ancilla="merged",
            mitigation=qm.Mitigation(factors=FACTORS),
        )
        data[f"{name}_shots_raw"] = qm.estimate(record)
        data[f"{name}_shots_read"] = qm.mitigate(_readout_alone(record))
        data[f"{name}_shots_mitigated"] = qm.mitigate(record)
        advance()
    parameters = {
        "shots": shots,
        "factors": list(FACTORS),
        "points": points,
        "gates": gates,
        "seed": settings.seed,
    }
    return Result(data, _quantities(data, gates, names), parameters)


def _readout_alone(record: qm.Record) -> qm.Record:
    """Return the record as if nothing but readout correction had been declared."""
    assert record.mitigated is not None
    return replace(record, mitigated=record.mitigated.under(qm.Mitigation()))


def _quantities(
    data: Mapping[str, Any], gates: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[Quantity, ...]:
    master = data["master"]
    quantities = []
    for label, found in data.items():
        if label == "master" or found.states is None or "_shots_" in label:
            continue
        quantities.append(
            Quantity(
                f"{label.replace('_', ' ')}: largest trace distance, exact noisy states",
                trace_distance(found.states, master.states).max(),
                evidence=(
                    f"{gates[label]['two_qubit_gates']} two-qubit gates, "
                    f"{gates[label]['microseconds']:.2f} µs at the last time"
                ),
            )
        )
    for name in names:
        for stage in STAGES:
            against = qm.compare(data[f"{name}_shots_{stage}"], master)
            voltage, current = float(against.voltage_rms[0]), float(against.current_rms[0])
            residual = float(np.sqrt(np.mean(against.voltage_residual**2)))
            against_voltage = against_current = ""
            if stage == "mitigated":
                read = qm.compare(data[f"{name}_shots_read"], master)
                against_voltage = "; " + _against(voltage, float(read.voltage_rms[0]))
                against_current = _against(current, float(read.current_rms[0]))
            quantities += [
                Quantity(
                    f"{name} merged, {stage} shots: RMS of V − master",
                    voltage,
                    evidence=f"{residual:.2f} standard errors{against_voltage}",
                ),
                Quantity(
                    f"{name} merged, {stage} shots: RMS of I − master",
                    current,
                    evidence=against_current,
                ),
            ]
    return tuple(quantities)


def _against(extrapolated: float, corrected: float) -> str:
    """Say whether extrapolation helped: two gates leave little bias, and it widens the error."""
    ratio = extrapolated / corrected
    word = "worse" if ratio > 1 else "better"
    return f"extrapolation makes it {word}: {ratio:.2f} times that of readout correction alone"


def draw(result: Result) -> Figure:
    """Draw the loop, readout corrected, and the protocols' distances to the master equation."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.2)
    data = result.data
    plot_loop(data["FakeTorino_shots_read"], reference=data["master"], ax=axes[0])
    _draw_distances(data, axes[1])
    titles = ("FakeTorino, merged, readout corrected", "noisy states: Torino solid, Fez dotted")
    letter_panels(axes, titles)
    return figure


def _draw_distances(data: Mapping[str, Any], ax: Axes) -> None:
    master = data["master"]
    for key, colour in COLOURS.items():
        for name, line in (("FakeTorino", "-"), ("FakeFez", ":")):
            found = data.get(f"{name}_{key}")
            if found is not None:
                ax.plot(
                    master.times / (2 * np.pi),
                    trace_distance(found.states, master.states),
                    line,
                    color=colour,
                    label=key.replace("_", ", ") if name == "FakeTorino" else None,
                )
    ax.set_yscale("log")
    ax.set_xlabel("time t/T")
    ax.set_ylabel("trace distance to master eq.")
    ax.legend(loc="lower right")
