"""A test double of a device whose true numbers are its constructor's arguments."""

from __future__ import annotations

from qiskit.circuit import Delay, Measure, Parameter, Reset
from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate
from qiskit.transpiler import InstructionProperties, QubitProperties, Target


class PlainBackend:
    """A backend with chosen numbers: the true answer of a test is its constructor's argument."""

    def __init__(
        self,
        *,
        t1: float = 1e-4,
        t2: float = 2e-4,
        gate_error: float = 0.0,
        readout: float = 0.0,
        reset: bool = True,
        qubits: int = 4,
        bad_qubit: int | None = None,
        reset_duration: float = 1e-6,
        fast: float = 1.0,
    ) -> None:
        self.name = "plain"
        self.target = target = Target(
            num_qubits=qubits, dt=1e-9, qubit_properties=[QubitProperties(t1=t1, t2=t2)] * qubits
        )
        singles = [(q,) for q in range(qubits)]

        def each(duration: float, error: float) -> dict[tuple[int, ...], InstructionProperties]:
            return {
                q: InstructionProperties(
                    duration=duration, error=0.1 if q[0] == bad_qubit else error
                )
                for q in singles
            }

        target.add_instruction(RZGate(Parameter("a")), each(0.0, 0.0))
        target.add_instruction(SXGate(), each(20e-9 / fast, gate_error))
        target.add_instruction(XGate(), each(20e-9 / fast, gate_error))
        target.add_instruction(Measure(), each(1e-6, readout))
        target.add_instruction(Delay(Parameter("t")), {q: None for q in singles})
        if reset:
            target.add_instruction(Reset(), each(reset_duration, 0.0))
        pairs = [(q, q + 1) for q in range(qubits - 1)]
        target.add_instruction(
            CZGate(),
            {
                pair: InstructionProperties(duration=100e-9 / fast, error=10 * gate_error)
                for edge in pairs
                for pair in (edge, edge[::-1])
            },
        )
