"""`master_equation`: the Lindblad equation integrated by QuTiP; the circuits' independent judge.

The only importer of QuTiP on the circuit side. It never sees a collision or a splitting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import check_times
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.model.memristors import (
    Memristor,
    Model,
    as_network,
    lindblad_operators,
    operator_on,
)
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    pass


def _rate(memristor: Memristor, last: float) -> Callable[[float], float]:
    """Return t -> Γ(t) as a plain function, which is what QuTiP takes.

    The solver looks beyond the last time and interpolates back; a tabulated law ends there.
    """
    law = memristor.rate.at_frequency(memristor.omega)  # once: the solver asks very often
    return lambda t: float(law.value(min(max(t, 0.0), last)))


def master_equation(model: Model, times: ArrayLike) -> Trajectory:
    """Return the solution of the master equation at `times`, exact to about 1e-8.

    ρ' = −i[H, ρ]/ħ + Σ_j Γ_j(t) (σ−_j ρ σ+_j − ½{σ+_j σ−_j, ρ}) in the laboratory frame
    (guo2022, Eq. 6), with H of the memristors and of all couplings, by QuTiP's `mesolve` at
    atol 1e-12, rtol 1e-10 (its defaults are wrong in the sixth digit).

    Args:
        model: a `Memristor` or a `Network`.
        times: increasing times, shape (T,); the initial state is given at t = 0.

    Returns a `Trajectory` with states of shape (T, 2^M, 2^M) and no errors. A rate that is
    negative for a while (a map that is not CP-divisible, and has no collision) is integrated too;
    that the result is a state is then the law's own business. A pulse of Γ much shorter than a
    quarter of a period can fall between the solver's steps unseen.
    """
    import qutip

    network = as_network(model)
    checked = check_times(times)
    hamiltonian, _ = lindblad_operators(network)
    # As a superoperator with coefficient Γ(t), not √Γ(t): this also integrates negative rates.
    generator = qutip.QobjEvo(qutip.liouvillian(hamiltonian))
    last = float(checked[-1])
    for j, memristor in enumerate(network.memristors):
        lowering = operator_on(j, qutip.destroy(2), len(network.memristors))
        damping = qutip.lindblad_dissipator(lowering)
        generator += qutip.QobjEvo([damping, _rate(memristor, last)])
    grid = checked if checked[0] == 0 else np.concatenate([[0.0], checked])
    initial = qutip.Qobj(network.initial_state, dims=hamiltonian.dims)
    options = {
        "atol": 1e-12,
        "rtol": 1e-10,
        "nsteps": 100_000,
        "progress_bar": "",
        "store_states": True,
        # A step must not jump over a period of the rate or of the couplings.
        "max_step": 0.25 * min(memristor.period for memristor in network.memristors),
    }
    if grid.size == 1:
        solved = [initial]
    else:
        solved = qutip.mesolve(generator, initial, grid, options=options).states
    states = np.array([state.full() for state in solved])[grid.size - checked.size :]
    provenance = make_provenance(
        "master_equation", model=describe_model(network, checked), solver="qutip.mesolve"
    )
    return trajectory_of_states(network, checked, states, provenance)
