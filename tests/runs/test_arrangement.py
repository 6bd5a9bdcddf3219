"""The order of circuits in jobs, on a service whose readout drifts while they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix

import qmemcircuit as qm
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.runs.jobs import submission
from qmemcircuit.runs.jobs.arrangement import arranged_jobs
from qmemcircuit.runs.jobs.ibm import IbmTarget, ibm
from qmemcircuit.runs.measurement import MeasurementOptions, plan_measurement

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
TIMES = MEMRISTOR.periods(1, points=12)
SHOTS = 150_000
"""Counts are mean counts, rounded: to 3e-6. All circuits then go into one job."""

FLIPS, DRIFT = 0.03, 0.5
"""Both readout flips, in the middle of all circuits, and their change from first to last."""


class Drifting:
    """A service whose readout flips grow evenly from the first circuit sent to the last.

    No code is shared with the package: exact density matrices, flips by hand, no shot noise.
    """

    def __init__(self, total: int) -> None:
        self.total, self.sent = total, 0
        self.jobs: list[list[dict[int, int]]] = []

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        found = []
        for circuit in circuits:
            share = self.sent / (self.total - 1)
            flip = FLIPS * (1 + DRIFT * (share - 0.5))
            (measured,) = (item for item in circuit.data if item.operation.name == "measure")
            qubit = circuit.find_bit(measured.qubits[0]).index
            state = DensityMatrix(circuit.remove_final_measurements(inplace=False))
            one = float(state.probabilities([qubit])[1])
            ones = round(shots * (one * (1 - flip) + (1 - one) * flip))
            found.append({0: shots - ones, 1: ones})
            self.sent += 1
        self.jobs.append(found)
        return str(len(self.jobs) - 1)

    def find(self, tag: str) -> str | None:
        return None

    def status(self, job: str) -> tuple[str, str]:
        return "DONE", ""

    def counts(self, job: str) -> list[Mapping[int, int]]:
        return list(self.jobs[int(job)])


def _target() -> IbmTarget:
    return ibm("plain", channel="local", seed=1, backend=PlainBackend())


def _bias(folder: Path, mitigation: qm.Mitigation) -> np.ndarray:
    """Return what drift alone leaves in V."""
    total = 2 * len(mitigation.factors) * len(TIMES) + 2
    service = Drifting(total)
    qm.submit(
        MEMRISTOR,
        TIMES,
        target=_target(),
        shots=SHOTS,
        ancilla="merged",
        mitigation=mitigation,
        folder=folder,
        service=service,
    )
    assert service.sent == total
    record = qm.collect(folder, service=service).record
    found = qm.mitigate(record, current="current_operator")
    return np.asarray(found.voltage - qm.exact_circuit(MEMRISTOR, TIMES).voltage)[:, 0]


@pytest.mark.parametrize("factors", [(1,), (1, 3)])
def test_a_slow_drift_averages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factors: tuple[int, ...]
) -> None:
    """Against one run after the other with the calibration last, as submissions once were."""
    declared = qm.Mitigation(factors)
    spread = _bias(tmp_path / "spread", declared)

    def in_a_row(runs: Sequence[object], target: object) -> list[tuple[int, list[object]]]:
        return [(SHOTS, [(k, i) for k, run in enumerate(runs) for i in range(len(run.circuits))])]

    monkeypatch.setattr(submission, "arranged_jobs", in_a_row)
    row = _bias(tmp_path / "row", declared)
    voltage = qm.exact_circuit(MEMRISTOR, TIMES).voltage[:, 0]
    scale = {"row": row, "spread": spread}
    shares = {name: float(bias @ voltage / (voltage @ voltage)) for name, bias in scale.items()}
    if factors == (1,):
        # Of circuit k the contrast is 1 − 2 f(k), and 1 − 2 f(calibration) is taken for it. V is of
        # setting Y, the second at each time.
        last = 2 * len(TIMES) + 1
        behind = (last - 0.5 - (2 * np.arange(len(TIMES)) + 1)) / last
        known = 1 - 2 * FLIPS * (1 + DRIFT * ((last - 0.5) / last - 0.5))
        off = 2 * FLIPS * DRIFT * behind / known
        # The two calibration circuits stand one place apart, which leaves an offset of V = <Y>/√2.
        offset = 0.5 * FLIPS * DRIFT / last / known / np.sqrt(2)
        np.testing.assert_allclose(row, off * voltage - offset, atol=2e-5)
    print("share of V, rms:", shares, *(np.sqrt(np.mean(bias**2)) for bias in scale.values()))
    assert abs(shares["spread"]) < 0.2 * abs(shares["row"])
    assert np.sqrt(np.mean(spread**2)) < 0.62 * np.sqrt(np.mean(row**2))


def test_long_submissions_calibrate_in_each_job() -> None:
    target = _target()
    options = qm.Mitigation((1, 3))

    times = MEMRISTOR.periods(2, points=40)
    measured = plan_measurement(
        MEMRISTOR,
        times,
        target,
        MeasurementOptions(100, CircuitOptions(None, "merged"), False, options),
    )
    jobs = arranged_jobs(measured.runs, target)
    assert len(jobs) == 2
    for shots, circuits in jobs:
        assert shots == 100
        assert len(circuits) <= 300
        middle = len(circuits) // 2
        assert [run for run, _ in circuits if run >= 2] == [2, 3]
        assert {run for run, _ in circuits[middle - 1 : middle + 1]} & {2, 3}
    physics = [place for _, circuits in jobs for place in circuits if place[0] < 2]
    assert sorted(physics) == [(run, index) for run in (0, 1) for index in range(2 * len(times))]
    # No time in two jobs.
    of_job = [{index // 2 for run, index in circuits if run < 2} for _, circuits in jobs]
    assert not of_job[0] & of_job[1]
    # Every setting is spread over the job, and the settings of a time as far as they can be.
    places = [index % 2 for run, index in jobs[0][1] if run == 0]
    assert 0.4 < np.mean(places[: len(places) // 2]) < 0.6
