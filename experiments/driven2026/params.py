"""The paper's numbers, each with where it stands."""

from __future__ import annotations

from dataclasses import replace

from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive

# Sec. III and Fig. 9: R_n = 5, Γ = 0.1, α = 1, Z_T = 1; the rest are ShuttleNeuron's defaults.
NEURON = ShuttleNeuron(resistance=5, bias=0.23, decoherence_rate=0.1)
CONSTANT_BIAS = 3.9  # Fig. 7
HOPF_BIASES = (0.23, 3.31)  # Sec. III
JUMPS = (4.0, 2.8)  # Fig. 3's caption
JUMP_VOLTAGE = 3.5  # Fig. 3's caption
TIP = 7.0  # Sec. IV, the wedge's point
REGIONS = (0.3, 0.6)  # Fig. 10, Z_T
FREQUENCY = 6.0  # Figs. 11–15, ω
LOCKED_AMPLITUDE = 0.2  # Fig. 11
TORUS_AMPLITUDE = 0.1  # Figs. 12, 13
NATURAL_FREQUENCY = 7.024  # Sec. IV
DIFFERENCE_LINE = 1.0  # Sec. IV, "at the difference … ω ≈ 1"
LARGE = ((0.23, 10.0), (0.23, 20.0), (0.23, 100.0), (3.0, 10.0))  # Fig. 15: V_DC, V_Amp
LORENZ = (10.0, 28.0, 8 / 3)  # Fig. 16: σ, ρ, β
ROSSLER = (0.1, 0.1, 14.0)  # Fig. 16: a, b, c


def driven(
    amplitude: float, frequency: float = FREQUENCY, bias: float = NEURON.bias
) -> ShuttleNeuron:
    """Return the paper's neuron with a sinusoidal drive."""
    return replace(NEURON, bias=bias, drive=SinusoidalDrive(amplitude, frequency))
