"""The paper's numbers, each with where it stands."""

from __future__ import annotations

from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

# Below Eq. 10: l = 0.5, x0 = 0.8, λ = 0.13, α = 1, Ω = 7 are ShuttleNeuron's defaults.
HYSTERESIS = ShuttleNeuron(resistance=8, bias=2.0, decoherence_rate=1.0)  # Fig. 2a, Z_T = 1
OSCILLATION = ShuttleNeuron(resistance=5, bias=0.23, decoherence_rate=0.1)  # Fig. 3, Z_T = 1
THERMAL_BIAS = 2.0  # Fig. 5b: R_n = 5, V_n = 2, Γ = 0.1
DISSIPATION = ShuttleNeuron(resistance=6, bias=2.0, decoherence_rate=0.1)  # Fig. 6

ASYMMETRIC_RESISTANCE = 10.0  # Fig. 2c
ASYMMETRIC_POSITIONS = (0.0, 0.1, -0.1)  # Fig. 2c

CUSP = {"voltage": 1.8866, "resistance": 1.7779, "bias": 2.4454}  # Sec. III
FOLDS = ({"voltage": 1.4336, "bias": 5.4501}, {"voltage": 2.6689, "bias": 2.9232})  # Sec. III
JUMPS = (5.3, 3.0)  # Sec. III, "≈"

FREQUENCY = 7.0246  # Sec. IV, Fig. 3c
EIGENVALUE = 7.0224  # Sec. IV, "the imaginary part of the complex eigenvalue"
HOPF_BIASES = (0.23, 3.31)  # Sec. IV
LARGEST_SPAN = 0.699  # Sec. IV
LARGEST_SPAN_BIAS = 1.73  # Sec. IV
FIT_LOWER = (0.060, 0.23, (0.23, 0.6))  # Fig. 4a: prefactor, threshold, range
FIT_UPPER = (0.033, 3.31, (3.1, 3.31))  # Fig. 4a

THRESHOLD = 0.16  # Sec. IV, "Z_T > 0.16"
FIT_THRESHOLD = 0.17  # Fig. 5b
FIT_PREFACTOR = 0.0734  # Fig. 5b
RATIOS = (2.0, 1.0, 0.5)  # Fig. 5b, α
