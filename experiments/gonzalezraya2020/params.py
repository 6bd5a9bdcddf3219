"""The paper's parameters, each with its place; what is inferred says so."""

from __future__ import annotations

from qmemcircuit.neurons.hodgkin_huxley.quantized import adaptation_preset, spike_preset
from qmemcircuit.neurons.photonic.measured import MeasuredMemristor

SPIKE = spike_preset()
"""Section 4.2 (Fig. 7), as printed: I0 = 1 mA, ḡ = 1.95, 0.69, 3e-4 S, gates 0.4, 0.2, 0.6,
Ω = 10, Z1 = 50 Ω, C = 1e-6 F. θ is Eq. 21's."""

ADAPTATION = adaptation_preset()
"""Figs. 5 and 6: inferred (the paper prints none): C = 1e-3 F, I0 = 0.35 mA, Z1 = 55 Ω,
Z_Cl = 6000, Z_K(0) = 2000, Z_Na(0) = 30 000 Ω, gates 0.4, 0.1, 0.6."""

MEASURED = MeasuredMemristor(
    capacitance=1.0,
    inductance=1.0,
    relaxation_rate=0.05,
    modulation=0.8,
    memory_scale=10.0,
    measurement_strength=0.2,
    temperature=2.0,
    charge=10.0,
)
"""Fig. 2b: C = 1 F and L = 1 H are printed (and t from 0 to 6π); everything else is inferred."""

MEASURED_PERIODS = 3
"""Fig. 2b, caption: three complete cycles."""

INFERRED = "the paper does not print the parameters of this figure; ours are in params.py"
"""Evidence beside every number that rests on inferred parameters."""
