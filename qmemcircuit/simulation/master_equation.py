"""`master_equation`: the Lindblad equation integrated by QuTiP; the circuits' independent judge.

The only importer of QuTiP on the circuit side. It never sees a collision or a splitting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import ComplexArray, FloatArray, check_times
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.model.memristors import Memristor, Model, Network, as_network
from qmemcircuit.model.rates import DecayRate
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    import qutip

INTEGRAL_TOLERANCE = 1e-9
"""Of ∫Γ over an interval, relative above 1: a tenth of what the states are promised to."""
HALVINGS = 20


def lindblad_operators(network: Network) -> tuple[qutip.Qobj, list[qutip.QobjEvo]]:
    """Return H/ħ and the collapse operators √Γ_j(t) σ−_j of a network.

    σ− is `destroy(2)` = |0><1|: it lowers towards |0> = |g> (`qutip.sigmam()` goes the other
    way). The tensor factors stand in Qiskit's order, so the last one is memristor 0.
    """
    import qutip

    count = len(network.memristors)
    lower = qutip.destroy(2)
    hamiltonian = 0 * _on(0, qutip.qeye(2), count)
    collapse = []
    for j, memristor in enumerate(network.memristors):
        hamiltonian += memristor.omega * _on(j, lower.dag() * lower + 0.5, count)
        collapse.append(qutip.QobjEvo([_on(j, lower, count), _root_rate(memristor)]))
    for (first, second), coupling in network.couplings:
        matrix = coupling.hamiltonian()
        # Expand in |k><l| of the first memristor: H = Σ B_kl ⊗ |k><l|.
        for k in range(2):
            for m in range(2):
                block = matrix.reshape(2, 2, 2, 2)[:, k, :, m]
                unit = qutip.basis(2, k) * qutip.basis(2, m).dag()
                hamiltonian += _on(second, qutip.Qobj(block), count) * _on(first, unit, count)
    return hamiltonian, collapse


def _on(index: int, operator: qutip.Qobj, count: int) -> qutip.Qobj:
    """Return `operator` on memristor `index` of `count`."""
    import qutip

    factors = [qutip.qeye(2)] * count
    factors[count - 1 - index] = operator
    return qutip.tensor(factors)


def _root_rate(memristor: Memristor) -> Callable[[float], float]:
    """Return t -> √Γ(t), the coefficient of a collapse operator."""
    law = memristor.rate.at_frequency(memristor.omega)  # once: the solver asks very often

    def coefficient(t: float) -> float:
        rate = float(law.value(t))
        if rate < 0:
            raise ValueError(
                f"Argument rate must not be negative, but at t = {t:g} it is {rate:.3g}; a "
                "negative rate has no collapse operator (master_equation does without one)."
            )
        return float(np.sqrt(rate))

    return coefficient


class _Solver:
    """QuTiP's integrator for ρ and, in the same steps, for each memristor's own ∫Γ.

    The state is (vec ρ, 1, g_1, …, g_M) with g_j' = Γ_j(t) · 1: what the solver has seen of the
    law is part of its solution, and is compared with the law's integral over every interval.
    """

    def __init__(self, network: Network, last: float) -> None:
        import qutip

        self.laws = [item.rate.at_frequency(item.omega) for item in network.memristors]
        self.window = (0.0, last)
        hamiltonian, _ = lindblad_operators(network)
        count, self.size = len(self.laws), hamiltonian.shape[0] ** 2
        parts: list[Any] = [_extended(qutip.liouvillian(hamiltonian), count)]
        for j in range(count):
            # With coefficient Γ(t), not √Γ(t): this also integrates negative rates.
            damping = qutip.lindblad_dissipator(_on(j, qutip.destroy(2), count))
            parts.append([_extended(damping, count, row=j), self._coefficient(j)])
        options = {
            # y' = −iHy with H = iG integrates y' = Gy; dop853 ends each step at the time asked.
            "method": "dop853",
            "atol": 1e-12,
            "rtol": 1e-11,
            "nsteps": 1_000_000,
            "normalize_output": False,
            "progress_bar": "",
            # A step must not jump over a period of the rate or of the couplings.
            "max_step": 0.25 * min(memristor.period for memristor in network.memristors),
        }
        self.solver = qutip.SESolver(qutip.QobjEvo(parts), options=options)

    def start(self, initial: ComplexArray) -> ComplexArray:
        """Return the extended state of `initial` at t = 0."""
        tail = np.zeros(1 + len(self.laws))
        tail[0] = 1.0
        return np.concatenate([initial.ravel(order="F"), tail])

    def integrals(self, state: ComplexArray) -> FloatArray:
        """Return the solver's own ∫Γ of each memristor from 0."""
        return np.asarray(state[self.size + 1 :].real)

    def expected(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the laws' ∫Γ from `start` to `stop`, the memristors along the last axis."""
        return np.stack([law.integral(start, stop) for law in self.laws], axis=-1)

    def advance(
        self, state: ComplexArray, start: float, stop: float, expected: FloatArray
    ) -> ComplexArray:
        """Return the state at `stop`; no law has a breakpoint in between.

        Where the solver's ∫Γ is not the law's, the interval is halved and solved again; raises
        ValueError where that does not help.
        """
        # Where a law jumps at the interval's ends, its value from inside counts.
        margin = 1e-9 * (stop - start)
        self.window = (start + margin, stop - margin)
        return self._advance(state, start, stop, expected, 0)

    def _advance(
        self, state: ComplexArray, start: float, stop: float, expected: FloatArray, depth: int
    ) -> ComplexArray:
        import qutip

        self.solver.start(qutip.Qobj(state), start)
        found = self.solver.step(stop).full().ravel()
        # The halves leave room for the sum of their errors in the whole.
        if self._defect(state, found, expected) <= (INTEGRAL_TOLERANCE if depth == 0 else 1e-10):
            return np.asarray(found)
        if depth < HALVINGS:
            middle = 0.5 * (start + stop)
            halves = self.expected([start, middle], [middle, stop])
            half = self._advance(state, start, middle, halves[0], depth + 1)
            found = self._advance(half, middle, stop, halves[1], depth + 1)
            if self._defect(state, found, expected) <= INTEGRAL_TOLERANCE:
                return np.asarray(found)
        seen = self.integrals(found) - self.integrals(state)
        j = int(np.argmax(np.abs(seen - expected)))
        raise ValueError(
            f"Argument rate of memristor {j} must have one integral, but from t = {start:.9g} to "
            f"{stop:.9g} its method integral says {expected[j]:.9g} and its values add up to "
            f"{seen[j]:.9g}; a pulse or jump may be too narrow to be seen: give its edges as "
            "FunctionRate(…, breakpoints=(…)), or correct the law's integral."
        )

    def _defect(self, before: ComplexArray, after: ComplexArray, expected: FloatArray) -> float:
        """Return the largest difference of the solver's ∫Γ from the laws', relative above 1."""
        seen = self.integrals(after)
        scale = np.maximum(1.0, np.abs(seen))
        return float(np.max(np.abs(seen - self.integrals(before) - expected) / scale))

    def _coefficient(self, j: int) -> Callable[[float], float]:
        """Return t -> Γ_j(t) as a plain function, which is what QuTiP takes."""
        law = self.laws[j]

        def rate(t: float) -> float:
            value = float(law.value(min(max(t, self.window[0]), self.window[1])))
            if not math.isfinite(value):
                raise ValueError(
                    f"Argument rate of memristor {j} must be finite, but at t = {t:.9g} it is "
                    f"{value}."
                )
            return value

        return rate


def _extended(generator: qutip.Qobj, count: int, row: int | None = None) -> qutip.Qobj:
    """Return i·G on (vec ρ, 1, g); with `row`, the entry that adds to g_row too."""
    import qutip
    from scipy.sparse import block_diag, csr_matrix

    tail = csr_matrix((1 + count, 1 + count), dtype=complex)
    if row is not None:
        tail = csr_matrix(([1.0 + 0j], ([1 + row], [0])), shape=tail.shape)
    matrix = block_diag([generator.to("csr").data.as_scipy(), tail], format="csr")
    return qutip.Qobj(1j * matrix)


def _grid(times: FloatArray, laws: list[DecayRate]) -> FloatArray:
    """Return 0, `times` and the laws' breakpoints up to the last time, increasing."""
    cuts = [np.asarray(getattr(law, "breakpoints", ()), dtype=float) for law in laws]
    inside = np.concatenate([[0.0], *cuts])
    return np.union1d(times, inside[(inside >= 0) & (inside < times[-1])])


def master_equation(model: Model, times: ArrayLike) -> Trajectory:
    """Return the solution of the master equation at `times`, exact to about 1e-8.

    ρ' = −i[H, ρ]/ħ + Σ_j Γ_j(t) (σ−_j ρ σ+_j − ½{σ+_j σ−_j, ρ}) in the laboratory frame
    (guo2022, Eq. 6), with H of the memristors and of all couplings, by QuTiP's DOP853 at
    atol 1e-12, rtol 1e-11 (its defaults are wrong in the sixth digit). Without damping, where
    errors add up, 300 periods end within 1e-9.

    Args:
        model: a `Memristor` or a `Network`.
        times: increasing times, shape (T,); the initial state is given at t = 0.

    Returns a `Trajectory` with states of shape (T, 2^M, 2^M) and no errors. A rate that is
    negative for a while (a map that is not CP-divisible, and has no collision) is integrated too;
    that the result is a state is then the law's own business.

    No step crosses a breakpoint of a law. The solver integrates each Γ_j along with ρ, in its
    own steps, and over every interval of `times` the result must be the law's `integral`, which
    the circuits use: where they differ by more than 1e-9 (relative above 1) the interval is
    halved, and ValueError is raised where 20 halvings do not help. Both are reported in
    provenance["decay_integrals"] and provenance["decay_integrals_of_solver"]. A pulse that falls
    between all samples of the law's integral and between all steps is seen by neither: see
    `FunctionRate` for how narrow that is.
    """
    network = as_network(model)
    checked = check_times(times)
    solver = _Solver(network, float(checked[-1]))
    grid = _grid(checked, solver.laws)
    steps = solver.expected(grid[:-1], grid[1:])  # refuses what a law does not know, now
    state = solver.start(network.initial_state)
    solved = []
    wanted = set(checked.tolist())
    for k, time in enumerate(grid.tolist()):
        if k > 0:
            state = solver.advance(state, float(grid[k - 1]), time, steps[k - 1])
        if time in wanted:
            solved.append(state[: solver.size])
    dimension = network.initial_state.shape[0]
    states = np.array(solved).reshape(-1, dimension, dimension).transpose(0, 2, 1)
    provenance = make_provenance(
        "master_equation",
        model=describe_model(network, checked),
        solver="qutip.SESolver (dop853) on the vectorised Lindblad equation",
        decay_integrals=steps.sum(axis=0).tolist(),
        decay_integrals_of_solver=solver.integrals(state).tolist(),
    )
    return trajectory_of_states(network, checked, np.ascontiguousarray(states), provenance)
