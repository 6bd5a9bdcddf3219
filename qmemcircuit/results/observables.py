"""What is read off a state: V, I, Pauli means, concurrence, purity. Both sides use this file.

The circuits and the master equation produce density matrices independently; how a voltage or a
current is read from one is stated once, here, so that a sign can be wrong only once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import (
    IDENTITY,
    expectation,
    pauli_matrix,
    reduce_states,
    reduced_from_pairs,
    tensor_product,
)
from qmemcircuit.model.couplings import PAPER_SIGMA, Coupling
from qmemcircuit.model.memristors import Network
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.trajectory import Trajectory

Reduced = Callable[[tuple[int, ...]], ComplexArray]
"""Gives the reduced states of one or two memristors, shape (T, 2^k, 2^k), first one least
significant."""


FIRST_SIGMA_Y: ComplexArray = tensor_product(IDENTITY, PAPER_SIGMA["y"])
SECOND_SIGMA_Y: ComplexArray = tensor_product(PAPER_SIGMA["y"], IDENTITY)
"""σy of a pair's first and second memristor."""


def interaction_terms(
    network: Network, memristor: int
) -> list[tuple[tuple[int, int], ComplexArray]]:
    """Return [(pair, i[H_ij, σy]/ħ)] for every coupling that `memristor` takes part in.

    The 4×4 matrices are in the pair's own order. Their sum's mean is what the couplings add to
    d<σy>/dt; where a matrix vanishes, that coupling leaves I = ΓV untouched.
    """
    return [
        (pair, matrix)
        for pair, coupling in network.couplings
        if memristor in pair
        for j, matrix in zip(pair, _commutators(coupling), strict=True)
        if j == memristor
    ]


def _commutators(coupling: Coupling) -> list[ComplexArray]:
    """Return i[H, σy]/ħ with σy of the pair's first and of its second memristor."""
    hamiltonian = coupling.hamiltonian()
    return [
        1j * (hamiltonian @ sigma_y - sigma_y @ hamiltonian)
        for sigma_y in (FIRST_SIGMA_Y, SECOND_SIGMA_Y)
    ]


def current_operators(
    network: Network, memristor: int
) -> tuple[ComplexArray, list[tuple[tuple[int, int], ComplexArray]]]:
    """Return the operator of V, 2×2, and what I has beside Γ(2n̄ + 1) + 2Γφ times it, by pair."""
    scale = network.memristors[memristor].current_scale
    terms = [(pair, scale * matrix) for pair, matrix in interaction_terms(network, memristor)]
    return -0.5 * scale * PAPER_SIGMA["y"], terms


def pauli_terms(matrix: ComplexArray, pair: tuple[int, int], count: int) -> dict[str, float]:
    """Return a Hermitian 4×4 matrix of `pair` as {Pauli label of `count` letters: coefficient}."""
    terms = {}
    for first in "IXYZ":
        for second in "IXYZ":
            weight = float(np.trace(matrix @ pauli_matrix(first + second)).real) / 4
            if abs(weight) > 1e-14 * max(1.0, float(np.abs(matrix).max())):
                letters = ["I"] * count
                letters[pair[0]], letters[pair[1]] = first, second
                terms["".join(letters)] = weight
    return terms


def voltages_and_currents(
    network: Network, times: FloatArray, reduced: Reduced
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return V, I and Γ, each of shape (T, M), from reduced states.

    V = −½ √(mħω/2) <σy>. I is its definition, √(mħω/2) (d<σy>/dt − ω<σx>), with the derivative
    that the master equation gives: I = (Γ(2n̄ + 1) + 2Γφ)V + √(mħω/2) <i[H_int, σy]>/ħ, where
    H_int is of the couplings and of the drives (`source_currents`).
    """
    voltage, current, rate = (np.empty((times.size, len(network.memristors))) for _ in range(3))
    sources = source_currents(network, times, reduced)
    rates = {id(item): item for item in network.memristors}  # one may stand in several places
    known = {key: item.decay_rate(times) for key, item in rates.items()}
    for j, memristor in enumerate(network.memristors):
        sigma_y = expectation(reduced((j,)), PAPER_SIGMA["y"])
        voltage[:, j] = -0.5 * memristor.current_scale * sigma_y
        rate[:, j] = known[id(memristor)]
        current[:, j] = memristor.conductance_of_rate(rate[:, j], times) * voltage[:, j]
        current[:, j] += sources[:, j]
    for pair, coupling in network.couplings:
        states = reduced(pair)
        for j, operator in zip(pair, _commutators(coupling), strict=True):
            scale = network.memristors[j].current_scale
            current[:, j] += scale * expectation(states, operator)
    return voltage, current, rate


def source_currents(network: Network, times: FloatArray, reduced: Reduced) -> FloatArray:
    """Return what drives add to I by themselves, √(mħω/2) Ω(t) <i[σ_axis, σy]>, (T, M).

    It is there at Γ = 0 too: −2sΩ<σz> for axis x, nothing for y, 2sΩ<σx> for z, s = √(mħω/2).
    """
    found = np.zeros((times.size, len(network.memristors)))
    for j, memristor in enumerate(network.memristors):
        if memristor.drive is not None and memristor.drive.axis != "y":
            mean = expectation(reduced((j,)), memristor.drive.source)
            found[:, j] = memristor.current_scale * memristor.drive_amplitude(times) * mean
    return found


def is_driven(network: Network) -> bool:
    """Whether any memristor has a drive."""
    return any(item.drive is not None for item in network.memristors)


def rate_variables(network: Network, times: FloatArray, rate: FloatArray) -> dict[str, FloatArray]:
    """Return Γ, and where baths are warm or dephase also Γ(2n̄ + 1) + 2Γφ, (T, M) each, by name."""
    found = {"decay_rate": rate}
    if not all(item.is_cold and item.drive is None for item in network.memristors):
        found["conductance"] = np.stack([m.conductance(times) for m in network.memristors], axis=1)
    return found


def trajectory_of_states(
    network: Network, times: FloatArray, states: ComplexArray, provenance: Mapping[str, Any]
) -> Trajectory:
    """Return the exact trajectory of density matrices of shape (T, 2^M, 2^M)."""
    return _exact(
        network, times, lambda keep: reduce_states(states, keep), provenance, states=states
    )


def trajectory_of_pairs(
    network: Network,
    times: FloatArray,
    pair_states: Mapping[tuple[int, int], ComplexArray],
    provenance: Mapping[str, Any],
) -> Trajectory:
    """Return the exact trajectory of the reduced states of all pairs, each of shape (T, 4, 4)."""
    return _exact(
        network,
        times,
        lambda keep: reduced_from_pairs(pair_states, keep),
        provenance,
        pair_states=pair_states,
    )


def _exact(
    network: Network,
    times: FloatArray,
    reduced: Reduced,
    provenance: Mapping[str, Any],
    **kept: Any,
) -> Trajectory:
    """Return the exact trajectory of what reduced states say, and the states that are `kept`."""
    voltage, current, rate = voltages_and_currents(network, times, reduced)
    variables = rate_variables(network, times, rate)
    if is_driven(network):
        variables["source_current"] = source_currents(network, times, reduced)
    return Trajectory(
        times,
        voltage,
        current,
        variables=variables,
        periods=np.array([memristor.period for memristor in network.memristors]),
        units=memristor_units(network),
        provenance=provenance,
        **kept,
    )


CurrentPart = Literal["total", "memristor"]

OWN_ERRORS = ("own_current_error", "own_current_covariance")
"""Variables of a measured or averaged driven device: the error of its current without the source's,
and that current's covariance with V at the same time, (T, M) each."""


def select_current(trajectory: Trajectory, current: CurrentPart = "total") -> Trajectory:
    """Return the trajectory with the total current, or with the memristor's own alone.

    Args:
        trajectory: exact states' (`master_equation`, `exact_circuit`), averages of quantum
            trajectories (`simulate_circuit`), or measured ones' (`estimate`, `mitigate`), with
            the errors of the part that is returned.
        current: `"total"` is I by its definition, the source's own current of a drive included;
            `"memristor"` is total − source, for an uncoupled one (Γ(2n̄ + 1) + 2Γφ)V, which is
            pinched by construction, and so is no evidence of it. Loops, plots and files take
            either; `provenance["current"]` says which.

    Raises:
        ValueError: where the current of a driven memristor was measured by differentiating its
            voltage, which cannot tell the two apart: `estimate(record, current="current_operator")`
            can.

    >>> import qmemcircuit as qm
    >>> driven = qm.Memristor(
    ...     qm.ConstantRate(0.4), a=0.8, b=0.6, drive=qm.Drive("x", 0.2, frequency=1.0)
    ... )
    >>> exact = qm.master_equation(driven, [0.0, 0.5, 1.0])
    >>> own = qm.select_current(exact, "memristor")
    >>> bool(abs(own.current - exact.current).max() > 0.01)  # the source's own current is left out
    True
    """
    check_arguments(select_current, locals())
    variables = trajectory.variables
    source = variables.get("source_current")
    if current == "total":
        return trajectory
    measured = trajectory.current_error is not None
    # Estimates of before the source was told apart do not say whether there was one.
    if (
        measured
        and source is None
        and trajectory.provenance.get("driven", "conductance" in variables)
    ):
        raise ValueError(
            "Argument trajectory must tell the source's current for current='memristor', but it "
            "was measured as a whole; estimate(record, current='current_operator') tells it, and "
            "exact_circuit."
        )
    if source is None:
        return trajectory
    own: dict[str, Any] = {}
    if measured and OWN_ERRORS[0] in variables:
        error = own["current_error"] = variables[OWN_ERRORS[0]]
        if trajectory.current_covariance is not None:  # counts at different times are independent
            joint = variables[OWN_ERRORS[1]]
            own["current_covariance"] = np.array([np.diag(column**2) for column in error.T])
            own["voltage_current_covariance"] = np.array([np.diag(column) for column in joint.T])
    return trajectory.replace(
        current=trajectory.current - source,
        variables={**variables, "source_current": np.zeros_like(source)},
        provenance={**trajectory.provenance, "current": "memristor"},
        **own,
    )


def memristive_defect(trajectory: Trajectory) -> FloatArray:
    """Return the RMS over time of I − Γ(t)V for each device, shape (M,).

    For warm or dephased devices Γ(2n̄ + 1) + 2Γφ stands for Γ.

    It is 0 where a device is memristive in the sense of guo2022, Eq. 9, with the prescribed Γ(t).
    I is that of `voltages_and_currents`: its definition with the derivative that the *master
    equation* gives at the trajectory's states, so the defect is what the couplings' commutators
    add, evaluated there. It is no test of the states themselves;
    tests/simulation/test_reference.py and `guo2022.couplings` check it against numerical
    derivatives.

    Raises:
        ValueError: where the trajectory does not know its decay rates.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> exact = qm.master_equation(memristor, [0.0, 0.5, 1.0])
    >>> bool(
    ...     qm.memristive_defect(exact).max() < 1e-9
    ... )
    True
    """
    check_arguments(memristive_defect, locals())
    variables = trajectory.variables
    rate = variables.get("conductance", variables.get("decay_rate"))
    if rate is None:
        raise ValueError(
            "Argument trajectory must hold the variable decay_rate, but it does not; use the one "
            "that master_equation, exact_circuit or estimate returned."
        )
    return np.asarray(
        np.sqrt(np.mean((trajectory.current - rate * trajectory.voltage) ** 2, axis=0))
    )
