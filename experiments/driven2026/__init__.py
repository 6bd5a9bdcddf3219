"""*Synchronisation in an AC-Driven Artificial Quantum Neuron* (Loughborough University, 2026).

The neuron of potter2024 with V_n → V_DC + V_Amp sin ωt. Errata that belong to no figure: "three
stable points, Z = 1 or 0" (there is one Bloch vector of equilibrium, Z = Z_T, and up to three
voltages, two of them stable); the caption of Fig. 2 says λ = 0.12 where potter2024 has 0.13.
`regimes` and `chaos` go beyond the paper.
"""

NOT_REPRODUCED: dict[str, str] = {
    "fig1": "schematic of the circuit and of the device",
    "fig2": "repeats potter2024.fig7; driven2026.fig6 is its reproduction",
    "fig3": "repeats the hysteresis; driven2026.fig8 is its reproduction (its printed jumps, up "
    "and down both 'at V_n ≈ 4', contradict each other; at R_n = 5 they are 3.95 and 2.80)",
    "fig4": "repeats potter2024.fig3",
    "fig5": "repeats potter2024.fig5",
}
