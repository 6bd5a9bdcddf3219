"""`ibm`: IBM hardware through the runtime client, which only `services` runs.

Also its local testing mode: `ibm("fake_manila", channel="local")` does on a fake backend what the
same lines do on a real one. Tokens stay in the runtime client's own store: nothing here reads,
writes or prints one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.expense import Expense
from qmemcircuit.circuits.protocols import NoiseModel, Prepared
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    IntArray,
    check_boolean,
    check_choice,
    check_integer,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.drawing import chosen_seed
from qmemcircuit.devices.compilation.circuits import Compilation, CompiledCircuit
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.compilation.instructions import Backend, require_isa, widen
from qmemcircuit.devices.compilation.placement import given_placement
from qmemcircuit.devices.compilation.suppression import SEQUENCES, Suppression
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.runs.jobs.collection import run_jobs
from qmemcircuit.runs.jobs.protocols import JobService, Submittable
from qmemcircuit.runs.jobs.services import (
    LocalJobs,
    Mode,
    RuntimeJobs,
    instance_of,
    local_jobs,
    open_backend,
)
from qmemcircuit.runs.jobs.steps import SentEachTime, StepService, count_as_job
from qmemcircuit.runs.measurement import measurement_of

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

MOST_EXECUTIONS = 9_000_000
"""Circuits × shots in one job: IBM takes 10 million, and twirling rounds shots up."""

MOST_CIRCUITS = 300
"""Circuits that we put into one job, so that a lost job is a small loss."""

RANDOMIZATIONS = 32
"""Random instances of a twirled circuit: the service's own choice from 2017 shots on."""

Channel = Literal["ibm_quantum_platform", "ibm_cloud", "local"]


@data_object
@dataclass(frozen=True, eq=False)
class IbmTarget(Submittable):
    """A device of IBM's, to which circuits are sent as jobs; made by `ibm`.

    Attributes:
        prediction: the device's noise model with the same seed, layout and compilation: the
            circuits it simulates are the ones that are submitted.
        channel, instance, mode: of the runtime client; `instance` is the one that the device was
            found in, so that a later process asks the same.
        options: of its `Sampler`, JSON values.
        fractional_gates: whether native RX and RZZ are used.
        service: an own `JobService`, or None for the runtime client's.
        stream: which of the seed's shots a step of a loop draws, in the local mode.
        steps: the service of a loop's jobs, shared by all that `place` and `independent` return.

    >>> import qmemcircuit as qm
    >>> target = qm.ibm("FakeManilaV2", channel="local", seed=1)
    >>> target.mode, target.service is None   # None: the client itself
    ('batch', True)
    """

    prediction: DeviceTarget
    channel: Channel
    instance: str | None
    mode: Mode
    options: Mapping[str, Any] = field(default_factory=dict)
    fractional_gates: bool = False
    service: JobService | None = None
    stream: int = 0
    steps: StepService = field(default_factory=StepService, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def placed(self) -> bool:
        """Whether the qubits are chosen."""
        return self.prediction.placed

    def predict(self) -> DeviceTarget:
        """Return the device's noise model."""
        return self.prediction

    def place(self, circuits: Sequence[QuantumCircuit]) -> IbmTarget:
        """Return the target with its qubits chosen for `circuits`."""
        check_arguments(IbmTarget.place, locals())
        return replace(self, prediction=self.prediction.place(circuits))

    def place_on(self, qubits: Sequence[int], reason: str) -> IbmTarget:
        """Return the target on these qubits, whichever were chosen before."""
        check_arguments(IbmTarget.place_on, locals(), own=("qubits",))
        return replace(self, prediction=self.prediction.place_on(qubits, reason))

    def adopt(self, prediction: NoiseModel) -> IbmTarget:
        """Return the target running the qubits and forms of `prediction`."""
        check_arguments(IbmTarget.adopt, locals(), own=("prediction",))
        return replace(self, prediction=self.prediction.adopt(prediction))

    def independent(self, stream: int) -> IbmTarget:
        """Return the same device with other shots of the seed, which only the local mode has."""
        check_arguments(IbmTarget.independent, locals())
        return replace(self, stream=stream)

    def amplify(self, factor: int, *, fold_all: bool = False) -> IbmTarget:
        """Return the device folding `factor` times as often as now; all gates if `fold_all`."""
        check_arguments(IbmTarget.amplify, locals())
        return replace(self, prediction=self.prediction.amplify(factor, fold_all=fold_all))

    def prepare(self, circuits: CircuitSet) -> list[QuantumCircuit]:
        """Return the compiled circuits on the device's whole register, checked to be ISA.

        They are neither decoupled nor twirled: the service does that, as `options` say.
        """
        check_arguments(IbmTarget.prepare, locals())
        placed = self.prediction.place(circuits).unsuppressed()
        prepared = _widened(placed, placed.compile(circuits))
        for item in prepared:
            require_isa(item, placed.backend.target, placed.backend.name)
        return prepared

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Send plain circuits as one job, wait for it and count: a step of a closed loop.

        All jobs of a target and of what its `place` and `independent` return go through one batch
        or session, as `mode` says. No folder is written: a loop that is interrupted starts again.
        In the local mode the client makes the noise of the whole device anew for each circuit,
        which takes seconds on 133 qubits.
        A loop places its target first, or each step may be given other qubits.
        Raises RuntimeError where a job fails or the service does not answer.
        """
        check_arguments(IbmTarget.count, locals())
        return self.count_compiled(self._compile_plain(circuits), shots)

    def count_compiled(
        self, compiled: Sequence[QuantumCircuit], shots: int
    ) -> list[dict[int, int]]:
        """Do what `count` does for circuits on the device's register, checked to be ISA."""
        check_arguments(IbmTarget.count_compiled, locals())
        shots = check_integer("shots", shots, minimum=1)
        self.parts(len(compiled), shots)
        for item in compiled:
            require_isa(item, self.prediction.backend.target, self.prediction.backend.name)
        if self.service is None and self.channel == "local":
            with tempfile.TemporaryDirectory() as store:
                local = LocalJobs(self.prediction.backend, self._step_options(), Path(store))
                return count_as_job(local, compiled, shots)
        return count_as_job(self.service or self.steps.get(self._connect_loop), compiled, shots)

    def compile_once(self, circuits: Sequence[QuantumCircuit]) -> Prepared:
        """Return circuits with open parameters, compiled once and sent for each of their values.

        Native RX and RZZ take some angles only, so with `fractional_gates` every step is compiled.
        """
        check_arguments(IbmTarget.compile_once, locals())
        if self.fractional_gates:
            return super().compile_once(circuits)
        names = [list(circuit.parameters) for circuit in circuits]
        return SentEachTime(self, self._compile_plain(circuits), names)

    def _compile_plain(self, circuits: Sequence[QuantumCircuit]) -> list[QuantumCircuit]:
        """Return plain circuits on the device's whole register, neither decoupled nor twirled."""
        placed = self.prediction.place(circuits).unsuppressed()
        compiled, _ = placed.compile_plain(circuits)
        return _widened(placed, compiled)

    def _connect_loop(self) -> RuntimeJobs:
        backend: Any = self.prediction.backend  # the runtime client's, which knows its service
        remedy = "the loop stops at this step, whose counts decide the next"
        return RuntimeJobs(backend.service, backend, self.options, self.mode, remedy)

    def _step_options(self) -> dict[str, Any]:
        """Return the options of a local step, whose seed is its own."""
        options = dict(self.options)
        if "simulator" in options:
            seed = [options["simulator"]["seed_simulator"], self.stream]
            own = int(np.random.SeedSequence(seed).generate_state(1)[0])
            options["simulator"] = {"seed_simulator": own}
        return options

    def check(self, circuits: CircuitSet) -> None:
        """Raise ValueError where circuits do not compile for the device."""
        check_arguments(IbmTarget.check, locals())
        self.prediction.check(circuits)

    def expense(self, circuits: CircuitSet) -> Expense:
        """Return the cost on the device."""
        check_arguments(IbmTarget.expense, locals())
        return self.prediction.expense(circuits)

    def parts(self, circuits: int, shots: int) -> list[range]:
        """Return which circuits go into which job: few enough for IBM's limit on executions."""
        check_arguments(IbmTarget.parts, locals())
        check_integer("shots", shots, minimum=1)
        check_work("circuits", circuits, 10**7, "circuits")
        if shots > MOST_EXECUTIONS:
            raise ValueError(
                f"Argument shots must be at most {MOST_EXECUTIONS} for one job of IBM's, but "
                f"{shots} was given."
            )
        size = min(MOST_CIRCUITS, MOST_EXECUTIONS // shots)
        return [range(start, min(start + size, circuits)) for start in range(0, circuits, size)]

    def connect(self, folder: Path) -> JobService:
        """Return the service that runs the jobs of the submission in `folder`."""
        check_arguments(IbmTarget.connect, locals())
        if self.service is not None:
            return self.service
        if self.channel == "local":
            return local_jobs(self.prediction.backend, self.options, folder)
        backend: Any = self.prediction.backend  # the runtime client's, which knows its service
        return RuntimeJobs(backend.service, backend, self.options, self.mode)

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Submit, wait and count, in a new folder of the working directory (`run_jobs`)."""
        check_arguments(IbmTarget.sample, locals())
        return run_jobs(measurement_of(circuits, self, shots)).samples.counts

    def describe(self) -> Mapping[str, Any]:
        """Return device, channel, mode, options, layout and the calibration of its qubits."""
        described = dict(self.prediction.describe())
        described.pop("noise")
        described.pop("reset_error")
        described.pop("coherent_errors")
        return {
            **described,
            "name": f"ibm:{self.prediction.backend.name}",
            "device": self.prediction.backend.name,
            "channel": self.channel,
            "instance": self.instance,
            "mode": self.mode,
            "options": dict(self.options),
            "fractional_gates": self.fractional_gates,
        }


def _widened(placed: DeviceTarget, compiled: Sequence[CompiledCircuit]) -> list[QuantumCircuit]:
    """Return compiled circuits on the device's whole register."""
    assert placed.placement is not None
    width = placed.backend.target.num_qubits
    return [widen(item.circuit, placed.placement.qubits, width) for item in compiled]


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
def ibm(
    name: str,
    *,
    channel: Channel = "ibm_quantum_platform",
    instance: str | None = None,
    mode: Mode = "batch",
    seed: int | None = None,
    layout: Sequence[int] | None = None,
    dynamical_decoupling: str | None = None,
    twirling: bool = False,
    fractional_gates: bool = False,
    fold: int = 1,
    select_forms: bool = False,
    fold_all: bool = False,
    backend: Backend | None = None,
    service: JobService | None = None,
) -> IbmTarget:
    """Return an IBM device as a target for `run`, or for `submit` and `collect`.

    Args:
        name: of the device, e.g. `"ibm_torino"`; with channel `"local"` a fake's, `"fake_torino"`.
        channel, instance: of the account, as saved by the runtime client.
        mode: `"batch"` keeps the jobs of a submission together, `"session"` reserves the device,
            `"job"` does neither.
        seed, layout, fold, select_forms, fold_all: as in `device`.
        dynamical_decoupling: `"XX"`, `"XpXm"` or `"XY4"`, inserted by the service; None for none.
            As in `device`, not where a qubit is in |0>.
        twirling: Pauli-twirl gates and measurements; rounds the number of shots up. The service
            leaves memristors in a random Pauli frame while they wait. The runtime client does
            this and decoupling, also in its local testing mode, and `prediction` does the same to
            the same circuits. Neither helps on a fake device, whose noise has no memory and
            nothing coherent (see `hardware.suppression`), and neither goes with `absorb_decay`.
        fractional_gates: use native RX and RZZ, which the device must offer; not with twirling.
        backend, service: instead of what the account gives, for tests.

    Raises:
        ValueError: where there is no such account or device, with the remedy.

    >>> import qmemcircuit as qm
    >>> target = qm.ibm(
    ...     "FakeManilaV2", channel="local", seed=1
    ... )
    >>> target.describe()["name"]
    'ibm:fake_manila'
    """
    check_arguments(ibm, locals(), own=("name", "layout"))
    check_choice("channel", channel, ("ibm_quantum_platform", "ibm_cloud", "local"))
    check_choice("mode", mode, ("job", "batch", "session"))
    if not isinstance(name, str):
        raise TypeError(
            f"Argument name must be a device's name, but {name!r} was given; 'ibm_torino' is one."
        )
    folding = Folding(fold, fold_all)
    check_boolean("twirling", twirling)
    check_boolean("fractional_gates", fractional_gates)
    if fractional_gates and twirling:
        raise ValueError(
            "Argument twirling must be False with fractional_gates, but both were asked for; IBM "
            "twirls only gates that are Clifford."
        )
    if fold > 1 and fractional_gates:
        raise ValueError("Argument fold must be 1 with fractional_gates, for RZZ is no CZ.")
    options: dict[str, Any] = {}
    if dynamical_decoupling is not None:
        check_choice("dynamical_decoupling", dynamical_decoupling, SEQUENCES)
        options["dynamical_decoupling"] = {
            "enable": True,
            "sequence_type": dynamical_decoupling,
            "skip_reset_qubits": True,
        }
    if twirling:
        options["twirling"] = {"enable_gates": True, "enable_measure": True}
    if seed is not None and channel == "local":
        options["simulator"] = {"seed_simulator": check_integer("seed", seed, minimum=0)}
    if backend is None:
        backend = open_backend(name, channel, instance, fractional_gates)
    randomizations = RANDOMIZATIONS if twirling else 0
    prediction = DeviceTarget(
        backend,
        Compilation(chosen_seed(seed)),
        placement=None if layout is None else given_placement(layout, backend),
        forms=None if check_boolean("select_forms", select_forms) else (),
        folding=folding,
        suppression=Suppression(dynamical_decoupling, randomizations, as_service=twirling),
    )
    absent = {"rx", "rzz"} - set(backend.target.operation_names)
    if fractional_gates and absent:
        raise ValueError(
            f"Argument fractional_gates must be False for a device without native RX and RZZ, but "
            f"{backend.name} has no {' and no '.join(sorted(absent))}; leave it out (fakes "
            "have none but for FakeFractionalBackend)."
        )
    found = instance if instance is not None else instance_of(backend)
    return IbmTarget(prediction, channel, found, mode, options, fractional_gates, service)
