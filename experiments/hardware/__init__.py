"""Predictions for IBM's Heron devices, on their calibrated noise models.

Models and times are those of Guo et al. (PR Applied 18, 024082, 2022), Figs. 4 and 8; the paper
itself ran on ideal simulators. Nothing here was measured on hardware: "raw" and "mitigated" are
predictions of scheduled noise models (fakes of qiskit-ibm-runtime), which know relaxation, gate
and readout errors, and neither crosstalk, leakage, coherent errors nor drift. Only `suppression`
adds slow detunings and coherent two-qubit errors, of magnitudes that it assumes.
"""

NOT_REPRODUCED: dict[str, str] = {}
