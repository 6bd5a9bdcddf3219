"""Potter, Zagoskin, Savel'ev, Balanov, *Hysteresis and Self-Oscillations in an Artificial
Memristive Quantum Neuron* (Phys. Rev. A 110, 042604, 2024).

Errata found in the text that belong to no figure: Eq. 1 lacks the factor ½ of the harmonic
potential (Eq. A1 and Table I have it); in Eq. B2 Z decays with γ_T, not with γ_φ; Eq. E1 follows
from condition (i), not (ii).
"""

NOT_REPRODUCED: dict[str, str] = {
    "fig1": "schematic of the circuit and of the device",
}
