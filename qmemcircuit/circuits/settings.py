"""Measurement settings: one letter X, Y or Z for each memristor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from qiskit.circuit import ClassicalRegister, QuantumCircuit

from qmemcircuit.model.memristors import Network
from qmemcircuit.results.observables import interaction_terms, pauli_terms


def default_bases(network: Network) -> tuple[str, ...]:
    """Return the settings that V, I by any estimator and a pair's concurrence need.

    X and Y on all memristors, all nine settings of a pair; beyond two memristors also as few
    further settings as the couplings' and drives' terms in the current need, packed greedily.
    """
    count = len(network.memristors)
    if count == 2:
        return parse_bases("tomography", count)
    packed = [["X"] * count, ["Y"] * count]
    for j in range(count):
        for pair, operator in interaction_terms(network, j):
            for label in pauli_terms(operator, pair, count):
                _pack(packed, label)
        drive = network.memristors[j].drive
        if drive is not None and drive.axis == "x":  # its own current is that of <Z>
            _pack(packed, "I" * j + "Z" + "I" * (count - j - 1))
    return tuple("".join(letters).replace("I", "Z") for letters in packed)


def _pack(packed: list[list[str]], label: str) -> None:
    """Add a Pauli label to the first setting that can still measure it, or to a new one."""
    for letters in packed:
        if all("I" in (a, b) or a == b for a, b in zip(letters, label, strict=True)):
            letters[:] = [b if a == "I" else a for a, b in zip(letters, label, strict=True)]
            return
    packed.append(list(label))


def parse_bases(bases: str | Sequence[str | Sequence[str]], memristors: int) -> tuple[str, ...]:
    """Return the settings that a `bases` argument stands for, one string of M letters each."""
    if not isinstance(bases, str | Sequence):
        raise TypeError(
            f"Argument bases must be a word or a list of settings, but {bases!r} was given."
        )
    if bases == "tomography":
        return tuple("".join(letters) for letters in product("XYZ", repeat=memristors))
    if isinstance(bases, str):
        settings = tuple(letter * memristors for letter in bases)
    else:
        settings = tuple("".join(setting) for setting in bases)
    for setting in settings:
        if len(setting) != memristors or set(setting) - set("XYZ"):
            raise ValueError(
                f"Argument bases must hold settings of {memristors} letters X, Y or Z, but "
                f"{setting!r} was given; 'tomography' stands for all of them."
            )
    if not settings or len(set(settings)) != len(settings):
        raise ValueError(
            f"Argument bases must hold different settings, at least one, but {bases!r} was given."
        )
    return settings


def measure(circuit: QuantumCircuit, basis: str) -> None:
    """Append the measurement of the system register in `basis` to `circuit`."""
    (system,) = (register for register in circuit.qregs if register.name == "system")
    outcome = ClassicalRegister(len(basis), "outcome")
    circuit.add_register(outcome)
    for qubit, letter in zip(system, basis, strict=True):
        if letter == "Y":
            circuit.sdg(qubit)
        if letter in "XY":
            circuit.h(qubit)
    circuit.measure(system, outcome)


def measured_qubits(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Return the qubit measured into each classical bit, in the order of the bits."""
    found = {}
    for instruction in circuit.data:
        if instruction.operation.name == "measure":
            bit = circuit.find_bit(instruction.clbits[0]).index
            found[bit] = circuit.find_bit(instruction.qubits[0]).index
    return tuple(found[bit] for bit in sorted(found))


def check_plain(circuits: Sequence[QuantumCircuit]) -> int:
    """Return how many bits each circuit measures, at its end, into its only register.

    Raises:
        ValueError: for circuits that measure and go on, that measure other qubits than the first
            ones in the order of the bits, or that measure different numbers of them.
    """
    widths = {circuit.num_clbits for circuit in circuits}
    width = min(widths, default=0)
    for circuit in circuits:
        done: set[int] = set()
        for instruction in circuit.data:
            places = {circuit.find_bit(qubit).index for qubit in instruction.qubits}
            if instruction.operation.name == "barrier":
                continue
            if places & done:
                raise ValueError(
                    "Argument circuits must measure each qubit at its end, but "
                    f"{circuit.name!r} goes on with {instruction.operation.name}; split the "
                    "circuit there."
                )
            if instruction.operation.name == "measure":
                done |= places
        if len(widths) != 1 or measured_qubits(circuit) != tuple(range(width)) or width == 0:
            raise ValueError(
                "Argument circuits must all measure their first qubits, in the order of the bits, "
                f"but {circuit.name!r} measures {measured_qubits(circuit)} into "
                f"{circuit.num_clbits} bits; put the measured qubits first."
            )
    return width
