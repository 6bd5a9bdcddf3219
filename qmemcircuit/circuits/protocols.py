"""Where circuits run: `Target`, and `NoiseModel`, what can be asked of a target without shots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.expense import Expense, ideal_expense
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.common.data_objects import data_object

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from qmemcircuit.results.trajectory import Trajectory


class Target(ABC):
    """Something that measures circuits; a target of one's own needs `sample` and `describe`.

    Everything else has a default that is true of a target with no noise to amplify and no qubits
    to choose. `run` also takes objects that do not derive from this class, but have these methods.

    >>> import qmemcircuit as qm
    >>> isinstance(qm.aer(seed=1), qm.Target)
    True
    """

    @abstractmethod
    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Return counts of shape (T, B, 2^M); bit j of an outcome is memristor j."""

    @abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """Return name, seed and whatever else belongs into the provenance, as JSON values."""

    @property
    def placed(self) -> bool:
        """Whether nothing is left to choose before circuits run: `place` returns the same."""
        return True

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Return how often each outcome of plain circuits was seen, for loops that choose the next.

        Each circuit has one classical register, measured at its end, and its first qubits are the
        measured ones, in the order of the bits. `independent(step)` makes each step's shots its
        own. Raises ValueError on a target that runs only sets of circuits.
        """
        raise ValueError(
            f"Argument target must run single circuits in a loop, but {self!r} runs sets of "
            "circuits alone; aer(…), device(…), ibm(…) and sampler(primitive, pass_manager) do."
        )

    def compile_once(self, circuits: Sequence[QuantumCircuit]) -> Prepared:
        """Return circuits with open parameters, to be counted for many values of them.

        Here each is bound and counted anew; a target that compiles does so once. Place it first.
        """
        return BoundEachTime(self, tuple(circuits))

    def compile_chain(self, chain: Chain) -> PreparedChain:
        """Return a circuit that grows step by step, to be counted at every length.

        Here it is put together and counted anew; a target that compiles does so once, for a step
        is the same each time but for its angles. Place it first.
        """
        return GrownEachTime(self, chain)

    def place(self, circuits: Sequence[QuantumCircuit]) -> Self:
        """Return the target with its qubits chosen for `circuits`; here there are none to choose.

        `describe` can then state them, and all that is measured for a record runs on the same.
        """
        return self

    def place_on(self, qubits: Sequence[int], reason: str) -> Self:
        """Return the target on these physical qubits, chosen for a `reason` that it records.

        Raises:
            ValueError: on a target without qubits to choose.
        """
        raise ValueError(
            f"Argument target must have physical qubits to choose, but {self!r} has none; "
            "device(…) and ibm(…) do."
        )

    def adopt(self, prediction: NoiseModel) -> Self:
        """Return the target running what its noise model `prediction` does: qubits and forms.

        `prediction` is what `predict` returned, with these chosen. Raises ValueError on a target
        without a noise model.
        """
        raise ValueError(
            f"Argument target must have a noise model for form='best', but {self!r} has none; "
            "device(…) and ibm(…) do."
        )

    def independent(self, stream: int) -> Self:
        """Return the target with shots independent of those of other streams of the same seed.

        A target without a seed of ours, as here, never draws the same shots twice: itself.
        """
        return self

    def amplify(self, factor: int, *, fold_all: bool = False) -> Self:
        """Return the target with every two-qubit gate repeated `factor` times, odd.

        With `fold_all`, all gates and waits are. Raises ValueError on a target that cannot.
        """
        raise ValueError(
            f"Argument factors must be (1,) on a target whose noise cannot be amplified, but "
            f"{self!r} was asked to fold its gates {factor} times; device(…) and ibm(…) can."
        )

    def check(self, circuits: CircuitSet) -> None:  # noqa: B027, a default that is true
        """Raise ValueError where `sample` of these circuits would, before anything runs.

        Here nothing is known that could be checked.
        """

    def expense(self, circuits: CircuitSet) -> Expense:
        """Return what the circuits cost here; by default in CX on qubits that are all coupled."""
        return ideal_expense(circuits)

    def predict(self) -> NoiseModel | None:
        """Return the noise model that predicts this target's counts; None where none is known."""
        return None


class Prepared(Protocol):
    """Circuits with open parameters on a target."""

    def count(self, values: Sequence[FloatArray], shots: int, step: int) -> list[dict[int, int]]:
        """Return the counts of each circuit for its values, in the order of its `parameters`.

        The shots of different `step` are independent.
        """
        ...


@data_object
@dataclass(frozen=True, eq=False)
class BoundEachTime:
    """Circuits whose parameters are bound before each is run as any other."""

    target: Target
    circuits: tuple[QuantumCircuit, ...]

    def count(self, values: Sequence[FloatArray], shots: int, step: int) -> list[dict[int, int]]:
        """Bind and count."""
        bound = [
            circuit.assign_parameters(given)
            for circuit, given in zip(self.circuits, values, strict=True)
        ]
        return self.target.independent(step).count(bound, shots)


SEAM = "seam"
"""The label of the barriers between the pieces of a chain."""


@data_object
@dataclass(frozen=True, eq=False)
class Chain:
    """A circuit that grows: `start`, then `step` again and again with other angles, then an end.

    Attributes:
        start: without parameters and without measurement.
        step: with open parameters, on the same qubits.
        ends: each what is measured in the end, without parameters.
    """

    start: QuantumCircuit
    step: QuantumCircuit
    ends: tuple[QuantumCircuit, ...]

    def circuits(self, values: Sequence[FloatArray]) -> list[QuantumCircuit]:
        """Return one circuit for each end, with as many steps as `values` has sets of angles.

        Barriers stand between the pieces: a step is compiled alike wherever it stands.
        """
        return self.join([self.step.assign_parameters(given) for given in values])

    def join(self, steps: Sequence[QuantumCircuit]) -> list[QuantumCircuit]:
        """Return one circuit for each end, with these steps."""
        found = []
        for end in self.ends:
            circuit = end.copy_empty_like()
            circuit.compose(self.start, inplace=True)
            for piece in (*steps, end):
                circuit.barrier(label=SEAM)
                circuit.compose(
                    piece, circuit.qubits, circuit.clbits[: piece.num_clbits], inplace=True
                )
            found.append(circuit)
        return found


class PreparedChain(Protocol):
    """A chain on a target. It keeps the steps that it has been given."""

    def append(self, values: FloatArray) -> None:
        """Add one step with these angles, in the order of the step's `parameters`."""
        ...

    def count(self, shots: int, step: int) -> list[dict[int, int]]:
        """Return the counts of each end after the steps so far.

        The shots of different `step` are independent.
        """
        ...


class GrownEachTime:
    """A chain whose circuits are put together before each is run as any other."""

    def __init__(self, target: Target, chain: Chain) -> None:
        """Begin with no step."""
        self._target, self._chain = target, chain
        self._values: list[FloatArray] = []

    def append(self, values: FloatArray) -> None:
        """Keep the step's angles."""
        self._values.append(values)

    def count(self, shots: int, step: int) -> list[dict[int, int]]:
        """Put together and count."""
        return self._target.independent(step).count(self._chain.circuits(self._values), shots)


def counts_of(table: IntArray) -> dict[int, int]:
    """Return the counts of every outcome, shape (2^M,), without those never seen."""
    return {outcome: int(seen) for outcome, seen in enumerate(table) if seen}


@runtime_checkable
class NoiseModel(Protocol):
    """A target's noise, simulated exactly: what infinitely many shots would show."""

    def place(self, circuits: Sequence[QuantumCircuit]) -> NoiseModel:
        """Return the model with its qubits chosen for `circuits`."""
        ...

    def probabilities(self, circuits: CircuitSet) -> FloatArray:
        """Return the outcome probabilities, readout errors included, shape (T, B, 2^M)."""
        ...

    def predicted_states(self, circuits: CircuitSet) -> Trajectory:
        """Return the states that the noise leaves, before readout."""
        ...


@data_object
@dataclass(frozen=True, eq=False)
class OwnTarget(Target):
    """A user's object that does not derive from `Target`, as one.

    Attributes:
        own: an object with `sample` and `describe`. Of the other methods, those that it has are
            used.
    """

    own: Any

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Return the object's counts."""
        counts: IntArray = self.own.sample(circuits, shots)
        return counts

    def describe(self) -> Mapping[str, Any]:
        """Return the object's description."""
        described: Mapping[str, Any] = self.own.describe()
        return described

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Let the object run plain circuits, where it can."""
        if not hasattr(self.own, "count"):
            return super().count(circuits, shots)
        return [dict(found) for found in self.own.count(circuits, shots)]

    def place(self, circuits: Sequence[QuantumCircuit]) -> OwnTarget:
        """Let the object choose its qubits, where it does."""
        return OwnTarget(self.own.place(circuits)) if hasattr(self.own, "place") else self

    def independent(self, stream: int) -> OwnTarget:
        """Let the object draw other shots, where a seed fixes them."""
        if not hasattr(self.own, "independent"):
            return self
        return OwnTarget(self.own.independent(stream))

    def amplify(self, factor: int, *, fold_all: bool = False) -> OwnTarget:
        """Let the object amplify its noise, where it can."""
        if not hasattr(self.own, "amplify"):
            return super().amplify(factor, fold_all=fold_all)
        return OwnTarget(self.own.amplify(factor, fold_all=fold_all))

    def predict(self) -> NoiseModel | None:
        """Return the object's noise model, where it has one."""
        found: NoiseModel | None = self.own.predict() if hasattr(self.own, "predict") else None
        return found
