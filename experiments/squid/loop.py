"""The pinched loop of a conductance-asymmetric SQUID, read in volts and amperes.

To see: in volts and amperes, too, the loop from circuits lies on the master equation.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from scipy.constants import h

import qmemcircuit as qm
from experiments.drawing import mark_pinch, mark_start
from experiments.results import Quantity, Result, Settings
from qmemcircuit.model.laws.squid import Squid, quasiparticle_spectral_density
from qmemcircuit.plotting.figures import DATA_COLOUR, REFERENCE_COLOUR, make_figure
from qmemcircuit.results.units import to_volts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CHARGING, _INDUCTIVE = 1e9 * h, 20e9 * h
_JOSEPHSON, _GAP, _FRACTION = 10e9 * h, 44e9 * h, 1e-1
"""Aluminium's gap (180 µeV); far more quasiparticles than a qubit has, to see the loop shrink."""


def _squid() -> Squid:
    omega = Squid(_CHARGING, _INDUCTIVE, 0.0).omega
    density = quasiparticle_spectral_density(_JOSEPHSON, _GAP, _FRACTION, omega)
    return Squid(_CHARGING, _INDUCTIVE, density)


def compute(settings: Settings) -> Result:
    """Solve and sample three periods of the device in SI units."""
    squid = _squid()
    memristor = squid.memristor(a=np.pi / 4, b=np.pi / 5)
    times = memristor.periods(3, points=60)
    shots = settings.shots or (20_000 if settings.quick else 200_000)
    record = qm.run(memristor, times, target=qm.aer(seed=settings.seed), shots=shots)
    judgement = qm.judge(record)
    master = to_volts(squid, judgement.reference)
    digital = to_volts(squid, judgement.trajectory)
    loops = qm.find_loops(master, normalise=None)
    quantities = (
        Quantity("frequency ω/2π", squid.omega / (2e9 * np.pi), unit="GHz"),
        Quantity("capacitance", squid.capacitance * 1e15, unit="fF"),
        Quantity("inductance", squid.inductance * 1e9, unit="nH"),
        Quantity("g0 = (E_C/32E_L)^(1/4)", squid.coupling),
        Quantity("γ0", squid.decay_scale / 1e9, unit="1/ns"),
        Quantity("γ0/ω", squid.decay_scale / squid.omega),
        Quantity("largest |V|", float(np.abs(master.voltage).max()) * 1e6, unit="µV"),
        Quantity("largest |I|", float(np.abs(master.current).max()) * 1e9, unit="nA"),
        *(
            Quantity(f"enclosed area of loop {loop.index}", loop.area * 1e15, unit="fW")
            for loop in loops
        ),
        Quantity("χ² of the counts against the master equation", judgement.verdict),
    )
    return Result(
        {"master": master, "digital": digital},
        quantities,
        {"squid": asdict(squid), "shots": shots, "seed": settings.seed},
    )


def draw(result: Result) -> Figure:
    """Draw the loop in microvolts and nanoamperes."""
    master, digital = result.data["master"], result.data["digital"]
    figure, axis = make_figure(width=4.4, height=3.4)
    axis.plot(
        master.voltage[:, 0] * 1e6,
        master.current[:, 0] * 1e9,
        color=REFERENCE_COLOUR,
        label="master equation",
    )
    axis.errorbar(
        digital.voltage[:, 0] * 1e6,
        digital.current[:, 0] * 1e9,
        xerr=digital.voltage_error[:, 0] * 1e6,
        yerr=digital.current_error[:, 0] * 1e9,
        fmt="o",
        elinewidth=0.6,
        color=DATA_COLOUR,
        label=f"circuits, {result.parameters['shots']} shots",
    )
    start = master.voltage[0, 0] * 1e6, master.current[0, 0] * 1e9
    mark_start(axis, *start, ms=7)
    mark_pinch(axis)
    axis.set(xlabel="voltage V (µV)", ylabel="dissipative current I (nA)")
    axis.legend(fontsize=7)
    return figure
