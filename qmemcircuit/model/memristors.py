"""What is simulated: `Memristor` and `Network`, and the one statement of conventions.

Conventions, used everywhere in the package:

- |0> = |g> is the ground state, the fixed point of the damping; |1> = |e>. Bit order and matrix
  order are Qiskit's: memristor 0 is qubit 0, the least significant bit.
- The paper (guo2022) writes matrices in the order (e, g). Its Pauli operators are, in Qiskit's:
  σx = X, σy = −Y, σz = −Z.
- ρ' = −i[H, ρ]/ħ + Γ(t) (σ− ρ σ+ − ½{σ+σ−, ρ}) with H = ħω(σ+σ− + ½) (Eqs. 5, 6), in the
  laboratory frame. A free step of duration dt is RZ(−ω dt).
- V = −½ √(mħω/2) <σy> and I = √(mħω/2) (d<σy>/dt − ω<σx>) (Eq. 8, with its second prefactor
  corrected: √(mħω/2)·ω is what has the dimension of a current and gives I = ΓV). In Qiskit's
  operators V = +½ √(mħω/2) <Y>. For an uncoupled memristor I = Γ(t) V holds exactly: a
  conductance that varies in time as prescribed, not one that follows the state.
- With n̄ thermal quanta and pure dephasing Γφ (the rate at which the *coherence* decays),
  ρ' gains Γ(t)n̄ (D[σ−] + D[σ+])ρ + (Γφ/2) D[σz]ρ. The coherence decays at
  Γ(2n̄ + 1)/2 + Γφ, so that I = (Γ(t)(2n̄ + 1) + 2Γφ) V, as exactly.
- A drive H = ħΩ(t)σ_axis adds the source's own current √(mħω/2) Ω<i[σ_axis, σy]> to I: a σy drive
  none. n̄, Γφ and Ω may all be laws of time.
"""

# More than 400 lines: the two nouns of the model, each with its checks and its operators.

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    check_density_matrix,
    check_integer,
    check_real,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import tensor_product
from qmemcircuit.model.couplings import Coupling
from qmemcircuit.model.drives import Drive, as_law, check_number_or_law
from qmemcircuit.model.laws.rates import ConstantRate, DecayRate, finite_results
from qmemcircuit.model.thermal import thermal_exchange

if TYPE_CHECKING:
    import qutip

StateTuple = tuple[tuple[complex, ...], ...]

MOST_TIMES = 10**7
"""Of a time grid: a gigabyte of voltages and currents, and far beyond any solver's patience."""


def time_grid(period: float, count: float, points: int) -> FloatArray:
    """Return times from 0 to `count` periods with `points` equal steps in each period."""
    count = check_real("count", count, minimum=0, exclusive=True)
    points = check_integer("points", points, minimum=1)
    if count * points > MOST_TIMES:
        raise ValueError(
            f"Argument count must ask for at most {MOST_TIMES:,} times, but {count:g} periods of "
            f"{points:,} points were asked for."
        )
    steps = round(count * points)
    if steps < 1 or not math.isclose(steps, count * points, abs_tol=1e-9):
        raise ValueError(
            f"Argument count must make a whole number of steps, but {count:g} periods of "
            f"{points} points make {count * points:g}."
        )
    return np.asarray(np.arange(steps + 1) * (period / points), dtype=float)


@data_object
@dataclass(frozen=True)
class Memristor:
    """One two-level quantum memristor: a decaying qubit with a voltage and a current.

    V = −½√(mħω/2) <σy> and I = √(mħω/2) (d<σy>/dt − ω<σx>), so that I = Γ(t)V for a cold one
    without drive and coupling (guo2022, Eqs. 5–9). By default ħ = m = ω = 1.

    Args:
        rate: the decay-rate law Γ(t).
        a, b: angles of the initial state cos a |e> + sin a e^{ib} |g>.
        state: instead of a and b, any 2×2 density matrix or state vector, Qiskit's order.
        omega: angular frequency ω > 0.
        mass, hbar: the constants m and ħ > 0; they only scale V and I.
        occupation: n̄ ≥ 0, mean thermal quanta of the bath, 1/(exp(ħω/kT) − 1); 0 is zero
            temperature. Or a law n̄(t), with the methods of `DecayRate`.
        dephasing: Γφ ≥ 0, the decay rate of the coherence by pure dephasing, in 1/time (half the
            rate in front of D[σz]). Or a law Γφ(t).
        drive: a classical source, `Drive(axis, amplitude, …)`, or None.

    Raises:
        ValueError: where a number is out of bounds, the state is not physical, or neither or both
            of `a` and `state` are given.

    >>> from qmemcircuit.model.laws.rates import SquidRate
    >>> memristor = Memristor(SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    >>> memristor.periods(3, points=30).shape
    (91,)
    """

    rate: DecayRate
    a: float | None = None
    b: float = 0.0
    state: StateTuple | None = None
    omega: float = 1.0
    mass: float = 1.0
    hbar: float = 1.0
    occupation: float | DecayRate = 0.0
    dephasing: float | DecayRate = 0.0
    drive: Drive | None = None

    # More than eight parameters: the state's, the constants' and the bath's numbers, all by name.
    def __init__(
        self,
        rate: DecayRate,
        *,
        a: float | None = None,
        b: float = 0.0,
        state: ArrayLike | None = None,
        omega: float = 1.0,
        mass: float = 1.0,
        hbar: float = 1.0,
        occupation: float | DecayRate = 0.0,
        dephasing: float | DecayRate = 0.0,
        drive: Drive | None = None,
    ) -> None:
        own = ("rate", "occupation", "dephasing")
        check_arguments(Memristor.__init__, locals(), complex_numbers=("state",), own=own)
        if isinstance(rate, type) or not isinstance(rate, DecayRate):
            raise TypeError(
                f"Argument rate must have the methods value, integral and at_frequency, but "
                f"{rate!r} does not; SquidRate(gamma0) is one that does, FunctionRate(function) "
                "takes any function of time."
            )
        if (a is None) == (state is None):
            raise ValueError(
                "Argument state must be given if a is not, and only then, but "
                f"{'neither' if a is None else 'both'} was given."
            )
        if state is not None and b != 0.0:
            raise ValueError(
                f"Argument b must not be given with state, but {b!r} was; it is the phase of the "
                "state that a describes."
            )
        values: dict[str, Any] = {"rate": rate}
        values["a"] = None if a is None else check_real("a", a)
        values["b"] = check_real("b", b)
        for name, value in (("omega", omega), ("mass", mass), ("hbar", hbar)):
            values[name] = check_real(name, value, minimum=0, exclusive=True)
        values["occupation"] = check_number_or_law("occupation", occupation)
        values["dephasing"] = check_number_or_law("dephasing", dephasing)
        values["drive"] = drive
        values["state"] = None
        if state is not None:
            values["state"] = _as_tuple(check_density_matrix("state", state, dimension=2))
        for name, value in values.items():
            object.__setattr__(self, name, value)
        # A mismatch is an error now, not in the middle of a run.
        for law in (rate, occupation, dephasing, drive):
            if not isinstance(law, float) and isinstance(law, DecayRate):
                law.at_frequency(self.omega)

    @cached_property
    def law(self) -> DecayRate:
        """The rate at this memristor's frequency."""
        return self.rate.at_frequency(self.omega)

    @cached_property
    def alone(self) -> Network:
        """The network of this memristor alone."""
        return Network((self,))

    @property
    def initial_state(self) -> ComplexArray:
        """The initial density matrix, 2×2."""
        if self.state is not None:
            return np.array(self.state)
        assert self.a is not None
        vector = np.array([math.sin(self.a) * np.exp(1j * self.b), math.cos(self.a)])
        return np.outer(vector, vector.conj())

    @property
    def period(self) -> float:
        """T = 2π/ω."""
        return 2 * math.pi / self.omega

    @property
    def current_scale(self) -> float:
        """√(mħω/2), the prefactor of I and twice that of V."""
        return math.sqrt(self.mass * self.hbar * self.omega / 2)

    def decay_rate(self, times: ArrayLike) -> FloatArray:
        """Return Γ(t), same shape as `times`; an error names the time at which it is no number."""
        check_arguments(Memristor.decay_rate, locals())
        rates = self.law.value(times)
        return finite_results("value", rates, np.asarray(times, dtype=float))

    def decay_integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫Γ dt from `start` to `stop`, which broadcast."""
        check_arguments(Memristor.decay_integral, locals())
        integrals = self.law.integral(start, stop)
        ends = np.broadcast_to(np.asarray(stop, dtype=float), np.broadcast(start, stop).shape)
        return finite_results("integral", integrals, ends)

    @property
    def is_cold(self) -> bool:
        """Whether there is only decay: neither thermal quanta nor pure dephasing."""
        return self.occupation == 0.0 and self.dephasing == 0.0

    def thermal_quanta(self, times: ArrayLike) -> FloatArray:
        """Return n̄(t), same shape as `times`."""
        check_arguments(Memristor.thermal_quanta, locals())
        return _values_of("occupation", self.occupation, self.omega, times)

    def dephasing_rate(self, times: ArrayLike) -> FloatArray:
        """Return Γφ(t), same shape as `times`, in 1/time."""
        check_arguments(Memristor.dephasing_rate, locals())
        return _values_of("dephasing", self.dephasing, self.omega, times)

    def drive_amplitude(self, times: ArrayLike) -> FloatArray:
        """Return Ω(t), same shape as `times`, in 1/time; zeros without a drive."""
        check_arguments(Memristor.drive_amplitude, locals())
        if self.drive is None:
            return np.zeros(np.shape(times))
        return self.drive.at_frequency(self.omega).value(times)

    def conductance(self, times: ArrayLike) -> FloatArray:
        """Return Γ(t)(2n̄ + 1) + 2Γφ, the ratio I/V of an uncoupled, undriven memristor."""
        check_arguments(Memristor.conductance, locals())
        return self.conductance_of_rate(self.decay_rate(times), times)

    def conductance_of_rate(self, rates: FloatArray, times: ArrayLike) -> FloatArray:
        """Return Γ(2n̄ + 1) + 2Γφ at `times`, where Γ is known already.

        Raises:
            ValueError: where `rates` and `times` have different shapes.
        """
        check_arguments(Memristor.conductance_of_rate, locals())
        rates = np.asarray(rates, dtype=float)
        if rates.shape != np.shape(times):
            raise ValueError(
                f"Argument rates must have the shape of times, {np.shape(times)}, but "
                f"{rates.shape} was given."
            )
        if isinstance(self.occupation, float) and isinstance(self.dephasing, float):
            return np.asarray(rates * (2 * self.occupation + 1) + 2 * self.dephasing)
        warmth = 2 * self.thermal_quanta(times) + 1
        return np.asarray(rates * warmth + 2 * self.dephasing_rate(times))

    def conductance_integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the integral of `conductance` from `start` to `stop`, which broadcast.

        The coherence shrinks by exp(−½ of it).
        """
        check_arguments(Memristor.conductance_integral, locals())
        first, last = np.broadcast_arrays(
            np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
        )
        if isinstance(self.occupation, DecayRate):
            decay = bath_exchange(self, first.ravel(), last.ravel())[0].reshape(first.shape)
        else:
            decay = self.decay_integral(first, last) * (2 * self.occupation + 1)
        law = as_law(self.dephasing, self.omega)
        return np.asarray(decay + 2 * law.integral(first, last))

    def coherence_sign(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ±1: whether the coherence turns over between two times, which broadcast.

        It does where a law with memory has an `amplitude` that passes zero; ∫Γ knows only its size.
        """
        check_arguments(Memristor.coherence_sign, locals())
        if not hasattr(self.rate, "amplitude"):
            return np.ones(np.broadcast(start, stop).shape)
        first, second = (self.rate.amplitude(times) for times in (start, stop))
        return np.where(first * second < 0, -1.0, 1.0)

    def periods(self, count: float, *, points: int = 30) -> FloatArray:
        """Return times from 0 to `count` periods, `points` steps a period, both ends included."""
        check_arguments(Memristor.periods, locals())
        return time_grid(self.period, count, points)

    def to_qutip(self) -> tuple[qutip.Qobj, list[qutip.QobjEvo]]:
        """Return H/ħ and the collapse operators √Γ(t) σ−, as `qutip.mesolve` takes them."""
        return self.alone.to_qutip()


@data_object
@dataclass(frozen=True)
class Network:
    """Any number of memristors on any graph of couplings.

    Args:
        memristors: one or more memristors, each with its own rate, frequency and state.
        couplings: `{(i, j): coupling}`; i is the coupling's first memristor (the control), and
            i < j is not required.
        state: a joint initial state (density matrix or vector of dimension 2^M, memristor 0 the
            least significant bit) instead of the product of the memristors' own.

    Raises:
        ValueError: for a missing or repeated memristor, and for unequal ħ.

    >>> import qmemcircuit as qm
    >>> one = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> network = qm.Network(
    ...     [one, one, one], {(0, 1): qm.Native("y", 0.06), (2, 1): qm.ControlledRotation("x", 0.1)}
    ... )
    >>> len(network.memristors), network.period
    (3, 6.283185307179586)
    """

    memristors: tuple[Memristor, ...]
    couplings: tuple[tuple[tuple[int, int], Coupling], ...] = ()
    state: StateTuple | None = None

    def __init__(
        self,
        memristors: tuple[Memristor, ...] | list[Memristor],
        couplings: Mapping[tuple[int, int], Coupling]
        | tuple[tuple[tuple[int, int], Coupling], ...] = (),
        *,
        state: ArrayLike | None = None,
    ) -> None:
        check_arguments(
            Network.__init__, locals(), complex_numbers=("state",), own=("memristors", "couplings")
        )
        members = tuple(memristors) if isinstance(memristors, Sequence) else ()
        if not members or not all(isinstance(item, Memristor) for item in members):
            raise TypeError(
                f"Argument memristors must be a non-empty list of Memristor, but {memristors!r} "
                "was given."
            )
        if len({item.hbar for item in members}) > 1:
            raise ValueError("Argument memristors must share one hbar, but several were given.")
        pairs = couplings.items() if isinstance(couplings, Mapping) else couplings
        if not isinstance(couplings, Mapping | tuple):
            raise TypeError(
                "Argument couplings must be a dictionary such as {(0, 1): Native('y', 0.1)}, but "
                f"{couplings!r} was given."
            )
        object.__setattr__(self, "memristors", members)
        object.__setattr__(
            self, "couplings", tuple(_checked_coupling(p, c, len(members)) for p, c in pairs)
        )
        joint = None
        if state is not None:
            joint = _as_tuple(check_density_matrix("state", state, dimension=2 ** len(members)))
        object.__setattr__(self, "state", joint)

    @property
    def initial_state(self) -> ComplexArray:
        """The initial density matrix, 2^M×2^M (Qiskit's order)."""
        if self.state is not None:
            return np.array(self.state)
        joint = np.ones((1, 1), dtype=complex)
        for memristor in self.memristors:
            joint = tensor_product(memristor.initial_state, joint)
        return joint

    @property
    def period(self) -> float:
        """The first memristor's T = 2π/ω, the unit of `periods`."""
        return self.memristors[0].period

    def periods(self, count: float, *, points: int = 30) -> FloatArray:
        """Return times from 0 to `count` periods of memristor 0, both ends included."""
        check_arguments(Network.periods, locals())
        return time_grid(self.period, count, points)

    def decay_integrals(self, stop: float) -> list[float]:
        """Return ∫Γ_j dt from 0 to `stop` for each memristor, as provenance reports it."""
        check_arguments(Network.decay_integrals, locals())
        known = {id(item): item for item in self.memristors}  # one may stand in several places
        found = {key: float(item.decay_integral(0.0, stop)) for key, item in known.items()}
        return [found[id(item)] for item in self.memristors]

    def to_qutip(self) -> tuple[qutip.Qobj, list[qutip.QobjEvo]]:
        """Return H/ħ and the collapse operators √Γ_j(t) σ−_j, as `qutip.mesolve` takes them.

        The tensor factors stand in Qiskit's order: the last one is memristor 0.
        """
        return lindblad_operators(self)


def require_cold(network: Network, purpose: str) -> None:
    """Raise ValueError where a memristor has thermal quanta, pure dephasing or a drive."""
    for j, item in enumerate(network.memristors):
        if not item.is_cold:
            raise ValueError(
                f"Argument model must be at zero temperature without dephasing for {purpose}, but "
                f"memristor {j} has occupation = {item.occupation} and dephasing = "
                f"{item.dephasing}; it takes decay alone."
            )
        if item.drive is not None:
            raise ValueError(
                f"Argument model must have no drive for {purpose}, but memristor {j} has "
                f"{item.drive}; it takes decay alone."
            )


def bath_exchange(
    memristor: Memristor, starts: FloatArray, stops: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what the bath does over each [start, stop]: ∫Γ(2n̄+1) and τ, (n,) each.

    ρ_ee goes to exp(−∫Γ(2n̄+1)) ρ_ee + τ. Raises ValueError where n̄(t) is negative.
    """
    if isinstance(memristor.occupation, DecayRate):
        return thermal_exchange(
            memristor.rate.at_frequency(memristor.omega),
            memristor.occupation.at_frequency(memristor.omega),
            starts,
            stops,
            longest=memristor.period / 8,
        )
    warmth = 2 * memristor.occupation + 1
    loss = memristor.decay_integral(starts, stops) * warmth
    return loss, np.asarray(-np.expm1(-loss) * memristor.occupation / warmth)


def _values_of(
    name: str, number_or_law: float | DecayRate, omega: float, times: ArrayLike
) -> FloatArray:
    """Return a number or law at `times`; ValueError names a time at which it is negative."""
    instants = np.asarray(times, dtype=float)
    if not isinstance(number_or_law, DecayRate):
        return np.full(instants.shape, float(number_or_law))
    values = finite_results("value", number_or_law.at_frequency(omega).value(times), instants)
    if name == "occupation" and np.any(values < 0):
        where = np.unravel_index(int(np.argmax(values < 0)), values.shape)
        raise ValueError(
            f"Argument {name} must not be negative, but at t = {instants[where]:.9g} it is "
            f"{values[where]:.3g}."
        )
    return values


Model = Memristor | Network


def as_network(model: Model) -> Network:
    """Return `model` as a network; a single memristor is a network of one."""
    if isinstance(model, Network):
        return model
    if isinstance(model, Memristor):
        return model.alone
    raise TypeError(f"Argument model must be a Memristor or a Network, but {model!r} was given.")


def _as_tuple(matrix: ComplexArray) -> StateTuple:
    return tuple(tuple(complex(value) for value in row) for row in matrix)


def _checked_coupling(
    pair: tuple[int, int], coupling: Coupling, count: int
) -> tuple[tuple[int, int], Coupling]:
    if not isinstance(pair, tuple) or len(pair) != 2 or pair[0] == pair[1]:
        raise ValueError(
            f"Argument couplings must name two different memristors, but {pair} was given."
        )
    checked = tuple(check_integer("couplings", index, minimum=0) for index in pair)
    if max(checked) >= count:
        raise ValueError(
            f"Argument couplings must name memristors from 0 to {count - 1}, but {pair} was "
            "given; add the memristor to the network or change the pair."
        )
    if isinstance(coupling, type) or not isinstance(coupling, Coupling):
        raise TypeError(
            f"Argument couplings must hold couplings, but {coupling!r} has no hamiltonian, "
            "unitary and gate; MatrixCoupling(H) makes one of any Hermitian 4×4 matrix."
        )
    return (checked[0], checked[1]), coupling


def lindblad_operators(network: Network) -> tuple[qutip.Qobj, list[qutip.QobjEvo]]:
    """Return H/ħ and the collapse operators of a network: √(Γ_j(t)(n̄ + 1)) σ−_j and so on.

    A warm memristor has √(Γ n̄) σ+ too, a dephased one √(Γφ/2) σz. With a drive H depends on time.

    σ− is `destroy(2)` = |0><1|: it lowers towards |0> = |g> (`qutip.sigmam()` goes the other
    way). The tensor factors stand in Qiskit's order, so the last one is memristor 0.
    """
    import qutip

    count = len(network.memristors)
    lower = qutip.destroy(2)
    hamiltonian = 0 * operator_on(0, qutip.qeye(2), count)
    collapse = []
    for j, memristor in enumerate(network.memristors):
        hamiltonian += memristor.omega * operator_on(j, lower.dag() * lower + 0.5, count)
        law = memristor.rate.at_frequency(memristor.omega)  # once: the solver asks very often
        quanta = as_law(memristor.occupation, memristor.omega)
        loss = as_law(memristor.dephasing, memristor.omega)
        kinds = [(lower, _root("rate", law, quanta, 1.0))]
        if memristor.occupation != 0.0:
            kinds.append((lower.dag(), _root("rate", law, quanta, 0.0)))
        if memristor.dephasing != 0.0:
            kinds.append((qutip.sigmaz(), _root("dephasing", loss, ConstantRate(0.0), 0.5)))
        collapse += [
            qutip.QobjEvo([operator_on(j, operator, count), root]) for operator, root in kinds
        ]
        if memristor.drive is not None:
            drive = memristor.drive.at_frequency(memristor.omega)
            turning = operator_on(j, qutip.Qobj(drive.operator), count)
            hamiltonian = hamiltonian + qutip.QobjEvo([turning, _value_of(drive)])
    for (first, second), coupling in network.couplings:
        matrix = coupling.hamiltonian()
        # Expand in |k><l| of the first memristor: H = Σ B_kl ⊗ |k><l|.
        for k in range(2):
            for m in range(2):
                block = matrix.reshape(2, 2, 2, 2)[:, k, :, m]
                unit = qutip.basis(2, k) * qutip.basis(2, m).dag()
                hamiltonian += operator_on(second, qutip.Qobj(block), count) * operator_on(
                    first, unit, count
                )
    return hamiltonian, collapse


def operator_on(index: int, operator: qutip.Qobj, count: int) -> qutip.Qobj:
    """Return `operator` on memristor `index` of `count`."""
    import qutip

    factors = [qutip.qeye(2)] * count
    factors[count - 1 - index] = operator
    return qutip.tensor(factors)


def _value_of(law: Drive) -> Callable[[float], float]:
    return lambda t: float(law.value(t))


def _root(name: str, law: DecayRate, factor: DecayRate, offset: float) -> Callable[[float], float]:
    """Return t -> √(law(t) (factor(t) + offset)), the coefficient of a collapse operator."""

    def coefficient(t: float) -> float:
        rate = float(law.value(t)) * (float(factor.value(t)) + offset)
        if rate < 0:
            raise ValueError(
                f"Argument {name} must not be negative, but at t = {t:g} it is {rate:.3g}; a "
                "negative rate has no collapse operator (master_equation does without one)."
            )
        return float(np.sqrt(rate))

    return coefficient
