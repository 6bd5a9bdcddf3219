"""Gonzalez-Raya, Solano, Sanz, *Quantized Three-Ion-Channel Neuron Model for Neural Action
Potentials* (Quantum 4, 224, 2020).

The parameters of Fig. 7 are printed (Section 4.2); those of Figs. 2b, 5 and 6 are not, and are
inferred here. The rates per millisecond are read in the time variable of Ω = 10 and the
voltages mA·Ω in mV: that reading shows the paper's spike, consistent SI units do not.
"""

NOT_REPRODUCED = {
    "fig1": "schematic: the classical circuit",
    "fig2a": "schematic: resistor with measurement and feedback",
    "fig3": "schematic: the circuit between its transmission lines",
    "fig4": "schematic: a transmission line of LC oscillators",
}
