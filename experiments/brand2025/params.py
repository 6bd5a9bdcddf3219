"""Parameters of the reconstruction: all ours, none from the paper (only its abstract was read)."""

from __future__ import annotations

import math

from qmemcircuit.neurons.integrate_and_fire import IntegrateAndFire

NEURON = IntegrateAndFire(
    capacitance=1.0,
    on_resistance=1.0,
    off_resistance=10.0,
    charge_range=2.0,
    threshold=0.8,
    refractory_time=0.5,
    temperature=0.002,
)
"""The spiking neuron: saturated, it settles at I R_on = 0.6 < V_th, and so falls silent."""

CURRENT = 0.6
"""Its constant input."""

SILENT = IntegrateAndFire(
    threshold=math.inf, initial_charge=1.0, temperature=0.002, charge_range=2.0
)
"""The same circuit without a threshold, for the loops; its memory starts in the middle."""

LOOP_CURRENT = 0.05
"""Amplitude of the sinusoidal input: the memory stays within its range at every frequency."""

OSCILLATOR = IntegrateAndFire(
    inductance=100.0, threshold=0.8, refractory_time=0.5, temperature=0.0, hbar=0.02
)
"""With an inductor, so that the mode operator and Fock space exist; ω0 = 0.1."""

RECONSTRUCTION = "reconstruction from the abstract; the parameters are ours (params.py)"
"""Evidence beside every number of this paper."""
