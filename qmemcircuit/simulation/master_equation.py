"""`master_equation`: the Lindblad equation integrated by QuTiP; the circuits' independent judge.

The only importer of QuTiP on the circuit side. It never sees a collision or a splitting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_times
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.resources import Effort, interrupts_held, progress_of, require
from qmemcircuit.model.environment import NetworkLaw, longest_step, network_laws
from qmemcircuit.model.marching import WatchedLaws
from qmemcircuit.model.memristors import (
    Model,
    Network,
    as_network,
    lindblad_operators,
    operator_on,
)
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    import qutip


def _solver(network: Network, laws: Sequence[NetworkLaw], watched: WatchedLaws) -> qutip.SESolver:
    """Return QuTiP's integrator of (vec ρ, 1, g_1, …)' with g_k' = law_k(t) · 1."""
    import qutip

    count, number = len(network.memristors), len(laws)
    places = {(item.memristor, item.kind): k for k, item in enumerate(laws)}
    still = Network([replace(item, drive=None) for item in network.memristors], network.couplings)
    hamiltonian, _ = lindblad_operators(still)
    parts: list[Any] = [_extended(qutip.liouvillian(hamiltonian), number)]
    for j, memristor in enumerate(network.memristors):
        # With coefficient Γ(t), not √Γ(t): this also integrates negative rates.
        lower, rate = operator_on(j, qutip.destroy(2), count), places[j, "rate"]
        cooling = qutip.lindblad_dissipator(lower)
        exchange = cooling + qutip.lindblad_dissipator(lower.dag())
        quanta = places.get((j, "occupation"))
        if quanta is None:
            damping = cooling + float(memristor.thermal_quanta(0.0)) * exchange
            parts.append([_extended(damping, number, row=rate), _coefficient(watched, rate)])
        else:
            parts.append([_extended(cooling, number, row=rate), _coefficient(watched, rate)])
            parts.append([_extended(exchange, number), _coefficient(watched, rate, quanta)])
            parts.append(
                [_extended(0 * cooling, number, row=quanta), _coefficient(watched, quanta)]
            )
        # D[σz] shrinks the coherence at twice its rate.
        turning = 0.5 * qutip.lindblad_dissipator(operator_on(j, qutip.sigmaz(), count))
        loss = places.get((j, "dephasing"))
        if loss is not None:
            parts.append([_extended(turning, number, row=loss), _coefficient(watched, loss)])
        elif memristor.dephasing != 0.0:
            parts.append(_extended(float(memristor.dephasing_rate(0.0)) * turning, number))
        if memristor.drive is not None:
            driven = places[j, "drive"]
            source = qutip.liouvillian(operator_on(j, qutip.Qobj(memristor.drive.operator), count))
            parts.append([_extended(source, number, row=driven), _coefficient(watched, driven)])
    options = {
        "method": "dop853",  # ends a step at each time that is asked for
        "atol": 1e-12,
        "rtol": 1e-11,  # ten times less, and steps in a narrow pulse become too small
        "nsteps": 1_000_000,
        "normalize_output": False,
        "progress_bar": "",
        # A step must not jump over a period of the rate, of a drive or of the couplings.
        "max_step": longest_step(network),
    }
    # y' = −iHy, which it solves, is y' = Gy for H = iG.
    return qutip.SESolver(qutip.QobjEvo(parts), options=options)


def _coefficient(
    watched: WatchedLaws, first: int, second: int | None = None
) -> Callable[[float], float]:
    """Return t -> law(t), or a product of two, as a plain function, which is what QuTiP takes."""
    if second is None:
        return lambda t: watched.rate(first, t)
    return lambda t: watched.rate(first, t) * watched.rate(second, t)


def _extended(generator: qutip.Qobj, count: int, row: int | None = None) -> qutip.Qobj:
    """Return iG on (vec ρ, 1, g); with `row`, its entry that makes g_row' = 1 too."""
    import qutip
    from scipy.sparse import block_diag, csr_matrix

    tail = csr_matrix((1 + count, 1 + count), dtype=complex)
    if row is not None:
        tail = csr_matrix(([1.0 + 0j], ([1 + row], [0])), shape=tail.shape)
    matrix = block_diag([generator.to("csr").data.as_scipy(), tail], format="csr")
    return qutip.Qobj(1j * matrix)


def master_equation(model: Model, times: ArrayLike) -> Trajectory:
    """Return the solution of the master equation at `times`, exact to 1e-8 up to 1000 periods.

    ρ' = −i[H, ρ]/ħ + Σ_j Γ_j(t) (σ−_j ρ σ+_j − ½{σ+_j σ−_j, ρ}) in the laboratory frame
    (guo2022, Eq. 6), with H of the memristors, their drives and all couplings. With n̄ thermal
    quanta the damping is (n̄ + 1)D[σ−] + n̄D[σ+], and pure dephasing adds ½Γφ D[σz]. QuTiP's DOP853
    solves it at atol 1e-12, rtol 1e-11. Errors add up where nothing damps: an undamped memristor is
    within 2e-9 of the closed form after 300 periods.

    Args:
        model: a `Memristor` or a `Network`.
        times: increasing times, shape (T,); the initial state is given at t = 0.

    Returns:
        Trajectory with states of shape (T, 2^M, 2^M) and no errors. A rate that is negative for a
        while (a map that is not CP-divisible) is integrated too. It is *not* checked that the
        result
        is then a state: that is up to the law.

    No step crosses a breakpoint of a law. The solver integrates each Γ_j along with ρ, and over
    every interval of `times` the result must agree with the law's `integral`, which the circuits
    use, to 1e-9 (relative above 1). Both stand in provenance["decay_integrals"] and
    provenance["decay_integrals_of_solver"]. A pulse that falls between all samples of the integral
    and between all steps is seen by neither; see `FunctionRate`.

    Raises:
        ValueError: before it starts, where it would take too long or too much memory on this
            machine (see `allow_large`): beyond about eight memristors; and where the two integrals
            still differ after 20 halvings of an interval.

    >>> import numpy as np
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> found = qm.master_equation(memristor, [0.0, 0.5])
    >>> np.allclose(
    ...     found.current, memristor.decay_rate(found.times)[:, None] * found.voltage
    ... )
    True
    """
    check_arguments(master_equation, locals())
    import qutip

    network = as_network(model)
    checked = check_times(times)
    estimate = estimate_master_equation(network, checked)
    require(estimate, "simulate_circuit averages trajectories of the circuit, at any size")
    laws = network_laws(network)
    watched = WatchedLaws([item.law for item in laws], [item.name for item in laws])
    integrator = _solver(network, laws, watched)
    report: Callable[[float, float], None]
    check_interrupt: Callable[[], None]

    def solve(state: ComplexArray, start: float, stop: float) -> ComplexArray:
        check_interrupt()
        report(start, float(checked[-1]))
        integrator.start(qutip.Qobj(state), start)
        return np.asarray(integrator.step(stop).full().ravel())

    initial = network.initial_state
    count, dimension = len(network.memristors), initial.shape[0]
    extended = np.concatenate([initial.ravel(order="F"), [1.0], np.zeros(len(laws))])
    with progress_of(estimate) as report, interrupts_held() as check_interrupt:
        solved = np.array(watched.march(checked, extended, solve))
    states = solved[:, : dimension**2].reshape(-1, dimension, dimension).transpose(0, 2, 1)
    provenance = make_provenance(
        "master_equation",
        model=describe_model(network, checked),
        solver="qutip.SESolver (dop853) on the vectorised Lindblad equation",
        decay_integrals=network.decay_integrals(float(checked[-1])),
        decay_integrals_of_solver=solved[-1, dimension**2 + 1 :][:count].real.tolist(),
    )
    return trajectory_of_states(network, checked, np.ascontiguousarray(states), provenance)


def estimate_master_equation(network: Network, times: FloatArray) -> Effort:
    """Return what `master_equation` will take: the generator's entries × evaluations.

    A row of the sparse generator has 1 + 2 entries a coupling + 1.25 a memristor, about; each is
    held some three times while the generator is made. The coefficients are measured.
    """
    count = len(network.memristors)
    entries = 4.0**count * (1 + 2 * len(network.couplings) + 1.25 * count)
    # The fastest frequency: what one memristor feels.
    frequency = np.array([memristor.omega for memristor in network.memristors])
    for pair, coupling in network.couplings:
        frequency[list(pair)] += 2 * np.linalg.norm(coupling.hamiltonian(), 2)
    turns = float(frequency.max() * times[-1])
    return Effort(
        f"the master equation of {count} memristors, {entries:.1e} numbers at {times.size} times,",
        entries * (1.4e-7 + 4.3e-7 * turns) + 2e-3 * turns + 5e-4 * times.size,
        60 * entries + 16 * 4.0**count * (30 + 2 * times.size),
    )
