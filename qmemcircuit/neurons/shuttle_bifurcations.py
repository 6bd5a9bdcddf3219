"""The former place of `qmemcircuit.neurons.shuttle.bifurcations`; kept for notebooks."""

from qmemcircuit.neurons.shuttle.bifurcations import (
    CriticalPoint,
    HopfCurve,
    SteadyState,
    find_cusps,
    find_folds,
    find_hopf_onset,
    find_hopf_parameter,
    find_hopf_points,
    find_steady_states,
    hopf_curve,
    static_bias,
    static_current,
    steady_jacobian,
)

__all__ = [
    "CriticalPoint",
    "HopfCurve",
    "SteadyState",
    "find_cusps",
    "find_folds",
    "find_hopf_onset",
    "find_hopf_parameter",
    "find_hopf_points",
    "find_steady_states",
    "hopf_curve",
    "static_bias",
    "static_current",
    "steady_jacobian",
]
