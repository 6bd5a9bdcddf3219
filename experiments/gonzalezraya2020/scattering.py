"""Appendix B and Eq. 29: unitarity of the scattering matrix, and voltage fluctuations.

To see: the matrix is unitary only with Eq. 41 corrected and θ = 1: the other readings lose or
create photons.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.constants import hbar, k

from experiments.gonzalezraya2020.params import SPIKE
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.hodgkin_huxley.scattering import (
    scattering_matrix,
    thermal_variance,
    zero_point_variance,
)
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CASES = {
    "corrected Eq. 41, θ = 1": ("kirchhoff", "corrected"),
    "corrected Eq. 41, θ of Eq. 21": ("paper", "corrected"),
    "printed Eq. 41, θ = 1": ("kirchhoff", "printed"),
}


def compute(settings: Settings) -> Result:
    """Sweep the frequency for the three cases; compare the statistics of Δ."""
    import xarray

    frequency = np.geomspace(1e2, 1e7, 60 if settings.quick else 400)
    defects = []
    for matching, form in _CASES.values():
        s = scattering_matrix(replace(SPIKE, matching=matching), frequency, form=form)
        gram = s.conj().swapaxes(-1, -2) @ s
        defects.append(np.abs(gram - np.eye(3)).max(axis=(-2, -1)))
    worst = dict(zip(_CASES, (float(d.max()) for d in defects), strict=True))
    kirchhoff = replace(SPIKE, matching="kirchhoff")
    temperature = 0.05
    wien = thermal_variance(kirchhoff, temperature, statistics="wien", reflection="open")
    bose = thermal_variance(kirchhoff, temperature, reflection="open")
    circuit = thermal_variance(kirchhoff, temperature)
    conductance = SPIKE.potassium_conductance * 0.4**4 + SPIKE.sodium_conductance * 0.2**3 * 0.6
    impedance = 1 / (conductance + SPIKE.chloride_conductance)
    printed = 2 * impedance * (k * temperature) ** 2 / (np.pi * hbar)
    quantities = (
        *(
            Quantity(
                f"largest |S†S − 1|: {case}",
                value,
                published=None if value < 1e-12 else "modes of lossless lines, so a unitary matrix",
                source=None if value < 1e-12 else "App. B",
                verdict="new" if value < 1e-12 else "erratum",
                evidence=""
                if value < 1e-12
                else "the sign of X in Eq. 41"
                if "printed" in case
                else "Eqs. 16, 20 (Kirchhoff) require θ = 1",
            )
            for case, value in worst.items()
        ),
        Quantity.against(
            f"Δ over 2Z/(πħβ²), Wien, R = 1, {1e3 * temperature:g} mK",
            wien / printed,
            1.0,
            source="Eq. 29",
            holds=abs(wien / printed - 1) < 1e-9,
        ),
        Quantity.erratum(
            "the same with the Bose distribution",
            bose / printed,
            1.0,
            "a thermal state has Bose–Einstein numbers: π²/6 more",
            source="Eq. 29",
        ),
        Quantity(
            "the same with the circuit's own R(ω)",
            circuit / printed,
            evidence="Eq. 29 takes R = 1; the capacitances of Section 4.2 short the membrane at "
            "thermal frequencies",
        ),
    )
    quantities += Quantity.each(
        {
            "root of the vacuum's <φ̇_0²>, modes up to 10¹⁰ rad/s (Eq. 27; no number without a "
            "cutoff)": float(np.sqrt(zero_point_variance(kirchhoff, 1e10))) * 1e12,
            f"root of Δ with the circuit's R(ω), Bose, {1e3 * temperature:g} mK": float(
                np.sqrt(circuit)
            )
            * 1e12,
        },
        unit="pV",
    )
    data = xarray.Dataset(
        {"defect": (("case", "frequency"), np.array(defects))},
        coords={"case": list(_CASES), "frequency": frequency},
    )
    return Result({"unitarity": data}, quantities, {"neuron": asdict(SPIKE)})


def draw(result: Result) -> Figure:
    """Draw the defect of unitarity against frequency."""
    data = result.data["unitarity"]
    figure, axis = make_figure(width=5.0, height=3.0)
    for case, colour in zip(data.case.values, PALETTE, strict=False):
        values = np.maximum(data.defect.sel(case=case), 1e-17)
        axis.loglog(data.frequency, values, color=colour, label=str(case))
    axis.set(xlabel="frequency ω (rad/s)", ylabel="largest entry of |S†S − 1|")
    axis.set_ylim(1e-17, 1e4)
    axis.legend(loc="upper left")
    return figure
