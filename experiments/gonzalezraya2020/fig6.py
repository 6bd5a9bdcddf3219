"""Fig. 6: voltage in the output waveguide.

To see: the output oscillates at the frequency of the input; how the line is matched changes its
height by little.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from experiments.gonzalezraya2020.cycles import MATCHINGS, output_quantities, run_matchings
from experiments.gonzalezraya2020.params import ADAPTATION, INFERRED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.hodgkin_huxley.quantized import line_transfer
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Run both matchings and summarise the output line."""
    runs = run_matchings(ADAPTATION, cycles=12, points=400 if settings.quick else 2000)
    output = runs["paper"].variables["output_voltage"]
    first = runs["paper"].times <= ADAPTATION.period
    quantities = (
        Quantity.against(
            "first peak over the largest later value, paper matching",
            output[first].max() / output[~first].max(),
            "an initial spike, perhaps only a decreasing amplitude, and oscillations",
            source="Sec. 4.1, Fig. 6",
            holds=output[first].max() > output[~first].max(),
            evidence="a transient of the first cycle, as the paper itself suspects",
        ),
        Quantity.erratum(
            "C_r d(V_R − V)/dt over V_R/Z1",
            _outgoing_current_ratio(),
            "d(V_R − V)/dt = V_R/Z1",
            "Eq. 26 lacks C_r and has the wrong sign: by Eqs. 17 and 25 the current "
            "into the line is C_r d(V − V_R)/dt = V_R/Z1",
            source="Eq. 26",
        ),
        *output_quantities(runs, verdict="inferred", evidence=INFERRED),
    )
    return Result(
        {matching: runs[matching] for matching in MATCHINGS},
        quantities,
        {"neuron": asdict(ADAPTATION)},
    )


def _outgoing_current_ratio() -> float:
    """Return C_r d(V_R − V)/dt over V_R/Z1 at the drive frequency; both are in phase."""
    transfer = line_transfer(ADAPTATION)
    change = 1j * ADAPTATION.drive_frequency * ADAPTATION.output_capacitance * (transfer - 1)
    return float((change / (transfer / ADAPTATION.output_impedance)).real)


def draw(result: Result) -> Figure:
    """Draw the output voltage against time for both matchings."""
    figure, axis = make_figure(width=5.0, height=3.0)
    for matching, colour in zip(MATCHINGS, PALETTE, strict=False):
        run = result.data[matching]
        label = "θ of Eq. 21" if matching == "paper" else "θ = 1 (Kirchhoff)"
        axis.plot(run.times, run.variables["output_voltage"], color=colour, label=label)
    axis.set(
        xlabel="time t (unit of 1/Ω and of the rates)",
        ylabel="output-line voltage (mV)",
        title="parameters inferred",
    )
    axis.set_ylim(top=11)
    axis.legend(loc="upper right", ncols=2)
    return figure
