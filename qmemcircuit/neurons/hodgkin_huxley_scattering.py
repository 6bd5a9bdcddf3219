"""The former place of `qmemcircuit.neurons.hodgkin_huxley.scattering`; kept for notebooks."""

from qmemcircuit.neurons.hodgkin_huxley.scattering import (
    scattering_matrix,
    thermal_variance,
    zero_point_variance,
)

__all__ = ["scattering_matrix", "thermal_variance", "zero_point_variance"]
