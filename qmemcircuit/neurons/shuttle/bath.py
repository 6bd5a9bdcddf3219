"""The shuttle's qubit with the device's own relaxation as its bath: rotations and waits alone.

A waiting qubit decays with the rates 1/T1 along z, towards |0>, and 1/T2 across it. The neuron's
are αΓ and Γ, so a wait of ΓΔt T2 is a step's decay if α = T2/T1 and Z_T = 1: there is no ancilla,
no reset and no two-qubit gate, and all of the dynamics is the device's. RZ(−ΩΔt) takes no time, and
the time that RY takes is part of the wait. Gates' own errors come on top, as a larger Γ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Parameter, QuantumCircuit

from qmemcircuit.circuits.protocols import Chain, Target
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.neurons.shuttle.circuits import SHUTTLE, measured
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

TOLERANCE = 0.05
"""By how much T2/T1 may differ from α, relatively: calibrations drift by more within a day."""

WORST_READOUT = 0.1
"""A qubit that is misread more often than this is not chosen."""


class BathLoop:
    """Every step runs again from t = 0, the device's T1 and T2 being the decay; see the module."""

    bases = "XZ"

    def __init__(
        self, neuron: ShuttleNeuron, step: float, bloch_vector: FloatArray, target: Target
    ) -> None:
        """Choose the qubit whose T2/T1 is the neuron's α, and the wait for a step of `step`.

        Raises:
            ValueError: where no qubit has that ratio, where the step's decay is shorter than its
                gates, and for Z_T < 1, Γ = 0 or a mixed initial state, which take an ancilla.
        """
        _check(neuron, bloch_vector)
        self.neuron, self.step = neuron, step
        self.target = _placed(target, neuron, step)
        device = _device(self.target)
        if device.placement is None:
            raise ValueError("Argument target must have its qubit chosen, but it has none.")
        qubit, calibration = device.placement.qubits[0], device.backend.target
        _check_ratio(neuron, calibration, qubit)
        transverse = calibration.qubit_properties[qubit].t2
        self._unit = float(calibration.dt)
        self._grain = max(calibration.pulse_alignment, calibration.acquire_alignment, 1)
        self._decay = neuron.decoherence_rate * step * transverse
        self._gates = 2 * _pulse(calibration, qubit)[0]
        if self._decay <= self._gates:
            least = self._gates / (neuron.decoherence_rate * transverse)
            raise ValueError(
                f"Argument times must have steps above {least:.3g} on qubit {qubit}, where RY "
                f"takes as long as the decay of such a step, but steps of {step:.3g} were given."
            )
        self._chain = self.target.compile_chain(self._pieces(bloch_vector))

    def count(self, shots: int, step: int) -> IntArray:
        """Run the history so far."""
        found = self._chain.count(shots, step)
        return np.array([[item.get(0, 0), item.get(1, 0)] for item in found], dtype=np.int64)

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Make the history longer."""
        self._chain.append(np.array([2 * voltage_change]))

    def _pieces(self, bloch_vector: FloatArray) -> Chain:
        """Return the preparation and half a step's wait; RY(open), wait, RZ; and the readout."""
        x, y, z = bloch_vector
        start = QuantumCircuit(1)
        start.ry(math.atan2(math.hypot(x, y), z), SHUTTLE)
        start.rz(math.atan2(y, x), SHUTTLE)
        self._wait(start, self._decay / 2)
        start.rz(-self.neuron.frequency * self.step / 2, SHUTTLE)
        step = QuantumCircuit(1)
        step.ry(Parameter("angle"), SHUTTLE)
        self._wait(step, self._decay - self._gates)
        step.rz(-self.neuron.frequency * self.step, SHUTTLE)
        empty = QuantumCircuit(1, 1)
        return Chain(start, step, tuple(measured(empty, basis) for basis in self.bases))

    def _wait(self, circuit: QuantumCircuit, seconds: float) -> None:
        grains = round(seconds / self._unit / self._grain)
        circuit.delay(grains * self._grain, SHUTTLE, unit="dt")


def _check(neuron: ShuttleNeuron, bloch_vector: FloatArray) -> None:
    if neuron.thermal_polarisation < 1:
        raise ValueError(
            "Argument neuron must have thermal_polarisation=1 with feedback='bath', for a waiting "
            f"qubit relaxes to |0>, but {neuron.thermal_polarisation:g} was given; "
            "feedback='composed' takes any."
        )
    if neuron.decoherence_rate == 0:
        raise ValueError(
            "Argument neuron must have a decoherence_rate above 0 with feedback='bath', where "
            "waiting is its decay, but 0 was given."
        )
    length = float(np.linalg.norm(bloch_vector))
    if length < 1 - 1e-9:  # rounding of a normalised vector
        raise ValueError(
            "Argument state must be pure with feedback='bath', which has no ancilla to prepare a "
            f"mixed one, but its Bloch vector is {length:.6g} long."
        )


def _device(target: Target) -> Any:
    """Return the target's noise model, which has a backend; devices' wing lies above this one."""
    found: Any = target.predict()
    if not hasattr(found, "backend") or not found.compilation.schedule:
        raise ValueError(
            "Argument target must be scheduled and know its T1 and T2 for feedback='bath', but "
            f"{target!r} was given; device(backend) and ibm(name) do."
        )
    return found


def _placed(target: Target, neuron: ShuttleNeuron, step: float) -> Target:
    """Return the target on the qubit whose decay is the neuron's best: by ratio and by gates."""
    device = _device(target)
    calibration = device.backend.target
    circuit = QuantumCircuit(1, 1)
    circuit.ry(0.1, 0)
    if not target.placed:
        ratios = _ratios(calibration)
        alpha = neuron.relaxation_ratio
        scores = {}
        for qubit, ratio in ratios.items():
            readout = float(calibration["measure"][(qubit,)].error or 0.0)
            # Both as a relative error of the rates: RY's two pulses come on top of ΓΔt.
            gates = 2 * _pulse(calibration, qubit)[1] / (neuron.decoherence_rate * step)
            if abs(ratio - alpha) <= TOLERANCE * alpha and readout < WORST_READOUT:
                scores[qubit] = gates + abs(ratio / alpha - 1)
        if not scores:
            raise ValueError(_impossible(alpha, ratios))
        best = min(scores, key=scores.__getitem__)
        reason = (
            "T2/T1 is the neuron's relaxation_ratio; of such qubits the least error of the rates"
        )
        target = target.place_on((best,), reason)
    return target.place([measured(circuit, "Z")])


def _check_ratio(neuron: ShuttleNeuron, calibration: QiskitTarget, qubit: int) -> None:
    ratios = _ratios(calibration)
    alpha = neuron.relaxation_ratio
    if qubit not in ratios or abs(ratios[qubit] - alpha) > TOLERANCE * alpha:
        here = f"{ratios[qubit]:.3g}" if qubit in ratios else "no physical T1 and T2"
        raise ValueError(f"{_impossible(alpha, ratios)} The qubit in use, {qubit}, has {here}.")


def _ratios(calibration: QiskitTarget) -> dict[int, float]:
    """Return T2/T1 of every qubit where it is at most 2, as physics has it."""
    found = {}
    for qubit, item in enumerate(calibration.qubit_properties or ()):
        if item is None or not item.t1 or not item.t2 or item.t2 > 2 * item.t1:
            continue
        if (qubit,) in calibration["sx"] and (qubit,) in calibration["measure"]:
            found[qubit] = item.t2 / item.t1
    return found


def _impossible(alpha: float, ratios: dict[int, float]) -> str:
    if not ratios:
        return (
            "Argument target must have a calibrated T1 and T2 for feedback='bath', but it has none."
        )
    nearest = min(ratios, key=lambda qubit: abs(ratios[qubit] - alpha))
    return (
        "Argument neuron must have a relaxation_ratio that is T2/T1 of a well-read qubit of the "
        f"target (within {100 * TOLERANCE:g} %), from {min(ratios.values()):.3g} to "
        f"{max(ratios.values()):.3g} there, but {alpha:g} was given; qubit {nearest} has the "
        f"nearest, {ratios[nearest]:.3g}."
    )


def _pulse(calibration: QiskitTarget, qubit: int) -> tuple[float, float]:
    """Return duration in seconds and error of SX; RY is two of them."""
    item = calibration["sx"][(qubit,)]
    return float(item.duration or 0.0), float(item.error or 0.0)
