"""A device model for the circuit neuron: a fake backend, its T1 and its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DeviceQubit:
    """What `run_layers` needs to run on one qubit of a fake device, times in seconds."""

    name: str
    qubit: int
    t1: float
    clock: float
    sampler: Any
    pass_manager: Any

    def duration(self, seconds: float) -> float:
        """Return `seconds` rounded to what the device's clock can count (16 cycles)."""
        return 16 * self.clock * round(seconds / (16 * self.clock))


def nairobi_qubit(qubit: int = 2) -> DeviceQubit:
    """Return one qubit of FakeNairobiV2 under its noise model: gates, T1 and T2 at rest, readout.

    A 7-qubit device: Aer's noise model of a large one makes every one-qubit job much slower.
    """
    from qiskit.primitives import BackendSamplerV2
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime.fake_provider import FakeNairobiV2

    fake = FakeNairobiV2()
    simulator = AerSimulator.from_backend(fake)
    return DeviceQubit(
        name=fake.name,
        qubit=qubit,
        t1=fake.target.qubit_properties[qubit].t1,
        clock=fake.dt,
        sampler=lambda seed: BackendSamplerV2(backend=simulator, options={"seed_simulator": seed}),
        pass_manager=generate_preset_pass_manager(
            1, backend=fake, initial_layout=[qubit], scheduling_method="alap"
        ),
    )
