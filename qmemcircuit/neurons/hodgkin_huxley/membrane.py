"""The classical Hodgkin–Huxley membrane (J. Physiol. 117, 500, 1952) and the rates of its gates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.results.trajectory import Trajectory

Array = NDArray[Any]

LARGEST_DEPOLARISATION = 5000.0
"""mV; beyond it the exponentials of the rates leave the range in which they mean anything."""


def gate_rates(depolarisation: ArrayLike) -> tuple[tuple[Array, Array], ...]:
    """Return (α, β) of the gates n, m and h in 1/ms at `depolarisation` (mV above rest).

    Hodgkin and Huxley (1952), with the sign of the voltage turned to today's convention:
    α_n = 0.01 (10−u)/(e^{(10−u)/10} − 1), β_n = 0.125 e^{−u/80}, α_m = 0.1 (25−u)/(e^{(25−u)/10}
    − 1), β_m = 4 e^{−u/18}, α_h = 0.07 e^{−u/20}, β_h = 1/(e^{(30−u)/10} + 1). The removable
    singularities at u = 10 and u = 25 are taken in the limit (0.1 and 1 per ms).

    Raises ValueError where |u| exceeds 5000 mV.

    >>> [round(float(alpha), 4) for alpha, beta in gate_rates(10.0)]
    [0.1, 0.4308, 0.0425]
    """
    check_arguments(gate_rates, locals(), missing=("depolarisation",))
    u = np.asarray(depolarisation, dtype=float)
    if not np.all(np.abs(u) <= LARGEST_DEPOLARISATION):
        worst = float(u.flat[int(np.argmax(np.abs(np.nan_to_num(u, nan=np.inf))))])
        raise ValueError(
            f"Argument depolarisation must stay within ±{LARGEST_DEPOLARISATION:g} mV of rest, "
            f"but {worst:g} mV was reached, where the gate rates overflow; use a smaller current "
            "amplitude, larger conductances, or check the units."
        )
    with np.errstate(under="ignore"):
        return (
            (0.1 * _over_expm1((10 - u) / 10), 0.125 * np.exp(-u / 80)),
            (_over_expm1((25 - u) / 10), 4 * np.exp(-u / 18)),
            (0.07 * np.exp(-u / 20), 1 / (np.exp((30 - u) / 10) + 1)),
        )


def _over_expm1(x: Array) -> Array:
    """Return x/(e^x − 1), 1 at x = 0."""
    safe = np.where(np.abs(x) < 1e-8, 1.0, x)
    # Below 1e-8 the series 1 − x/2 is exact to double precision.
    return np.where(np.abs(x) < 1e-8, 1 - x / 2, safe / np.expm1(safe))


@data_object
@dataclass(frozen=True)
class Membrane:
    """The classical Hodgkin–Huxley membrane (paper, Eqs. 1–4), per cm² of axon.

    Attributes:
        capacitance: µF/cm².
        potassium_conductance, sodium_conductance, leak_conductance: mS/cm².
        potassium_potential, sodium_potential, leak_potential: mV above the resting potential.

    The defaults are Hodgkin and Huxley's squid axon (1952).
    """

    capacitance: float = 1.0
    potassium_conductance: float = 36.0
    sodium_conductance: float = 120.0
    leak_conductance: float = 0.3
    potassium_potential: float = -12.0
    sodium_potential: float = 115.0
    leak_potential: float = 10.613

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("capacitance", self.capacitance, minimum=0, exclusive=True)
        for name in ("potassium", "sodium", "leak"):
            check_real(f"{name}_conductance", getattr(self, f"{name}_conductance"), minimum=0)
            check_real(f"{name}_potential", getattr(self, f"{name}_potential"))


def simulate_membrane(
    membrane: Membrane, times: ArrayLike, *, current: float, spike_level: float = 50.0
) -> Trajectory:
    """Return the classical neuron's response to a constant `current` (µA/cm²) from rest.

    `times` are in ms. The Trajectory has the voltage (mV above rest), the input current, the
    gates and conductances as variables, and the upward crossings of `spike_level` (mV) as the
    event "spikes". It starts at u = 0 with the gates stationary there.
    """
    check_arguments(simulate_membrane, locals())
    from scipy.integrate import solve_ivp

    grid = check_times(times, minimum_length=2)
    drive = check_real("current", current)
    level = check_real("spike_level", spike_level)

    def rate(_: float, state: Array) -> Array:
        u, gates = state[0], state[1:]
        potassium = membrane.potassium_conductance * gates[0] ** 4
        sodium = membrane.sodium_conductance * gates[1] ** 3 * gates[2]
        ionic = (
            potassium * (u - membrane.potassium_potential)
            + sodium * (u - membrane.sodium_potential)
            + membrane.leak_conductance * (u - membrane.leak_potential)
        )
        return np.concatenate(([(drive - ionic) / membrane.capacitance], gate_slopes(u, gates)))

    def crossing(_: float, state: Array) -> float:
        return float(state[0] - level)

    crossing.direction = 1.0  # type: ignore[attr-defined]
    start = np.concatenate(([0.0], resting_gates(0.0)))
    solution = solve_ivp(
        rate, (0.0, grid[-1]), start, method="LSODA", t_eval=grid, events=crossing,
        rtol=1e-8, atol=1e-10,
    )  # fmt: skip
    u, n, m, h = solution.y
    return Trajectory(
        times=grid,
        voltage=u[:, None],
        current=np.full((grid.size, 1), drive),
        variables={
            "n": n,
            "m": m,
            "h": h,
            "potassium_conductance": membrane.potassium_conductance * n**4,
            "sodium_conductance": membrane.sodium_conductance * m**3 * h,
        },
        events={"spikes": solution.t_events[0]},
        units={
            "times": "ms",
            "voltage": "mV",
            "current": "µA/cm²",
            **dict.fromkeys("nmh", "1"),
            "potassium_conductance": "mS/cm²",
            "sodium_conductance": "mS/cm²",
        },
        provenance=make_provenance(
            "simulate_membrane",
            neuron=asdict(membrane),
            spike_level=level,
        ),
    )


def resting_gates(depolarisation: float) -> FloatArray:
    """Return the stationary n, m, h at a fixed voltage (mV above rest): α/(α + β)."""
    check_arguments(resting_gates, locals())
    return np.array([a / (a + b) for a, b in gate_rates(depolarisation)], dtype=float)


def gate_slopes(depolarisation: Array, gates: Array) -> Array:
    """Return dn/dt, dm/dt, dh/dt per ms; gates has axis 0 = n, m, h."""
    return np.stack(
        [a * (1 - x) - b * x for (a, b), x in zip(gate_rates(depolarisation), gates, strict=True)]
    )
