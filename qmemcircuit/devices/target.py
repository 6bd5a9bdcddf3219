"""`device`: the prediction for a fake or real device, with its noise, and its exact states.

Noise is Aer's standard reading of a calibration: every gate has thermal relaxation over its
duration, and depolarizing noise for what is left of its calibrated error; waiting has thermal
relaxation; readout flips outcomes. Aer's reset is ideal but for the waiting, so an extra
`reset_error` can be given, and `coherent_errors`: slow frequency offsets and two-qubit gates that
turn too far. Not in the model: crosstalk, leakage, drift during a shot and imperfect preparation,
so a prediction is a lower bound on what a device does wrong.

Waiting exists only in a scheduled circuit: `schedule=False` predicts too good a device.
"""

# More than 400 lines: one class answers every verb of `Target` for a device, and one verb makes it;
# what it does is in the rooms that it imports (compilation, placement, noise, templates).

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.expense import Expense, some_times, spread
from qmemcircuit.circuits.protocols import (
    Chain,
    NoiseModel,
    Prepared,
    PreparedChain,
    Target,
    counts_of,
)
from qmemcircuit.circuits.settings import check_plain
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    IntArray,
    check_boolean,
    check_integer,
    check_real,
)
from qmemcircuit.common.data_objects import SAME, data_object
from qmemcircuit.common.drawing import chosen_seed, draw_counts, random_stream
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.devices.calibration import describe_calibration, same_backend
from qmemcircuit.devices.compilation.circuits import (
    Compilation,
    CompiledCircuit,
    Site,
    compile_circuit,
)
from qmemcircuit.devices.compilation.folding import UNFOLDED, Folding
from qmemcircuit.devices.compilation.instructions import (
    Backend,
    require_instructions,
    restrict_target,
)
from qmemcircuit.devices.compilation.placement import (
    GIVEN,
    Placement,
    choose_placement,
    given_placement,
    rank_placements,
    require_couplers,
)
from qmemcircuit.devices.compilation.suppression import UNSUPPRESSED, Suppression
from qmemcircuit.devices.forms import Form, apply_forms, choose_forms
from qmemcircuit.devices.noise.calibrated import read_out, readout_matrices, simulate
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.devices.noise.templates import CompiledOnce, NoisyChain, noisy_templates
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


REPETITION_DELAY = 250e-6
"""Seconds between two executions where a backend states none: IBM's default."""


@data_object
@dataclass(frozen=True, eq=False)
class DeviceTarget(Target):
    """A device's noise model as a target; made by `device`.

    Attributes:
        backend: anything with `name` and `target` (a Qiskit `BackendV2`).
        compilation: how circuits become its instructions; its seed is that of the shots, too.
        placement: the chosen qubits; None until `place` chooses them for a set of circuits.
        forms: which of equivalent circuits is used at each time (see `forms`); empty for the
            plain ones, None until `place` chooses them.
        folding: what is repeated, for zero-noise extrapolation.
        suppression: decoupling and twirling.
        reset_error: probability that a reset leaves |1>, on top of the device's calibration.
        coherent_errors: assumed errors on top of the calibration, or None.
        stream: of the seed's shots and Paulis (see `independent`).

    Raises:
        TypeError: for a backend without a target.
        ValueError: where the parts do not fit together.

    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> target = qm.device(FakeManilaV2(), seed=1)
    >>> placed = target.place(qm.build_circuits(memristor, [0.3]))
    >>> placed.placement.qubits  # the memristor's, then its ancilla's
    (3, 4)
    """

    backend: Backend = field(metadata={SAME: same_backend})
    compilation: Compilation
    placement: Placement | None = None
    forms: tuple[Form, ...] | None = ()
    folding: Folding = UNFOLDED
    suppression: Suppression = UNSUPPRESSED
    reset_error: float = 0.0
    coherent_errors: CoherentErrors | None = None
    stream: int = 0

    def __post_init__(self) -> None:
        check_fields(self, own=("coherent_errors",))
        if not hasattr(self.backend, "target") or not hasattr(self.backend, "name"):
            raise TypeError(
                f"Argument backend must be a Qiskit BackendV2, but {self.backend!r} has no target; "
                "qiskit_ibm_runtime.fake_provider.FakeTorino() is one."
            )
        error = check_real("reset_error", self.reset_error, minimum=0)
        if error > 1:
            raise ValueError(f"Argument reset_error must be at most 1, but {error:g} was given.")
        if self.folding.folds_all and self.suppression.twirling:
            raise ValueError(
                "Argument fold_all must be False with twirling, but it is True: the random Paulis "
                "are merged into one-qubit gates, and the folds of these with them."
            )
        decoupling, assumed = self.suppression.decoupling, self.coherent_errors
        if decoupling is not None:
            missing = {"x", "rz"} - set(self.backend.target.operation_names)
            if missing:
                raise ValueError(
                    f"Argument dynamical_decoupling must be None for {self.backend.name}, which "
                    f"has no {' and no '.join(sorted(missing))}, but {decoupling!r} was given."
                )
        if assumed is not None and not isinstance(assumed, CoherentErrors):
            raise TypeError(
                f"Argument coherent_errors must be CoherentErrors(detuning=…, two_qubit_angle=…), "
                f"but {assumed!r} was given."
            )
        detuned = assumed is not None and assumed.detuning > 0
        if not self.compilation.schedule and (decoupling is not None or detuned):
            raise ValueError(
                "Argument schedule must be True for dynamical_decoupling and for a detuning, but "
                "False was given: without a schedule nothing waits."
            )

    @property
    def seed(self) -> int:
        """The seed of the transpiler, the shots and the random Paulis."""
        return self.compilation.seed

    @property
    def placed(self) -> bool:
        """Whether the qubits are chosen."""
        return self.placement is not None

    def predict(self) -> DeviceTarget:
        """Return this noise model."""
        return self

    def adopt(self, prediction: NoiseModel) -> DeviceTarget:
        """Return the noise model with the qubits and forms that were chosen: itself."""
        check_arguments(DeviceTarget.adopt, locals(), own=("prediction",))
        if not isinstance(prediction, DeviceTarget):
            raise TypeError(
                f"Argument prediction must be a DeviceTarget, but {prediction!r} was given; "
                "predict() returns one."
            )
        return prediction

    def independent(self, stream: int) -> DeviceTarget:
        """Return the same device with other shots, and other Paulis, of the same seed."""
        check_arguments(DeviceTarget.independent, locals())
        return replace(self, stream=stream)

    def amplify(self, factor: int, *, fold_all: bool = False) -> DeviceTarget:
        """Return the device folding `factor` times as often as now; all gates if `fold_all`."""
        check_arguments(DeviceTarget.amplify, locals())
        folding = self.folding.amplified(factor, everything=fold_all)
        return replace(self, folding=folding)

    def place(self, circuits: Sequence[QuantumCircuit]) -> DeviceTarget:
        """Return this target with the qubits chosen for `circuits`, unless they are already."""
        check_arguments(DeviceTarget.place, locals())
        placement = self.placement
        longest, memristors = _longest(circuits)
        require_instructions(longest, self.backend.target, self.backend.name)
        if placement is None:
            placement = choose_placement(
                longest, self.backend.target, memristors=memristors, seed=self.seed
            )
        elif placement.size < longest.num_qubits:
            raise ValueError(
                f"Argument layout must name {longest.num_qubits} qubits for these circuits "
                f"(memristors first, then ancillas), but it names {placement.size}."
            )
        elif placement.reason == GIVEN:
            require_couplers(longest, placement, self.backend, memristors)
        placed = replace(self, placement=placement)
        if self.forms is None and isinstance(circuits, CircuitSet) and not circuits.absorbed:
            # Chosen by the calibration alone, at fold 1 and unsuppressed: so all noise factors
            # and all choices of suppression run the same circuit.
            plain = replace(placed.unsuppressed(), folding=UNFOLDED, forms=(), coherent_errors=None)

            def states(sets: Sequence[tuple[Form, ...]], only: Sequence[int]) -> ComplexArray:
                compiled = []
                for forms in sets:
                    chosen = replace(plain, forms=forms)
                    compiled += chosen.compile(circuits, measured=False, only=only)
                found = plain._simulate(compiled)
                return found.reshape(len(sets), len(only), *found.shape[1:])

            placed = replace(placed, forms=choose_forms(circuits, states))
        return placed

    def placements(self, circuits: CircuitSet, most: int) -> list[Placement]:
        """Return up to `most` layouts for `circuits`, the one of smallest predicted error first."""
        check_arguments(DeviceTarget.placements, locals())
        longest, memristors = _longest(circuits)
        require_instructions(longest, self.backend.target, self.backend.name)
        return rank_placements(
            longest,
            self.backend.target,
            memristors=memristors,
            seed=self.seed,
            most=check_integer("most", most, minimum=1),
        )

    def place_on(self, qubits: Sequence[int], reason: str) -> DeviceTarget:
        """Return this target on these qubits, whichever were chosen before."""
        check_arguments(DeviceTarget.place_on, locals(), own=("qubits",))
        chosen = replace(given_placement(qubits, self.backend), reason=reason)
        return replace(self, placement=chosen)

    def restricted(self) -> QiskitTarget:
        """Return the device's target on the chosen qubits; ValueError before `place`."""
        return restrict_target(self.backend.target, self._placed().qubits)

    def unsuppressed(self) -> DeviceTarget:
        """Return this target without decoupling and twirling."""
        return replace(self, suppression=UNSUPPRESSED)

    def compile(
        self, circuits: CircuitSet, *, measured: bool = True, only: Sequence[int] | None = None
    ) -> list[CompiledCircuit]:
        """Compile all circuits, time-major; without their measurement where `measured` is False.

        `only` lists the time indices wanted; None is all of them.
        """
        check_arguments(DeviceTarget.compile, locals())
        if self.folding.folds_all and circuits.absorbed:
            raise ValueError(
                "Argument fold_all must be False for circuits whose decay is absorbed, but it is "
                "True: the device's T1 is part of what they do, and must not be extrapolated away."
            )
        site = Site(self._placed(), self.restricted(), len(circuits.network.memristors))
        everywhere = self.compilation.own_basis or bool(circuits.absorbed)
        circuits, own_basis = apply_forms(circuits, self.forms or ())
        compiled = []
        if only is not None and not len(only):
            raise ValueError("Argument only must name a time, but none was given; None is all.")
        for index in range(len(circuits.times)) if only is None else only:
            plain = [circuits.evolution(index)]
            if measured:
                plain = [circuits[index, basis] for basis in circuits.bases]
            for setting, circuit in enumerate(plain):
                compiled.append(
                    compile_circuit(
                        circuit,
                        site,
                        compilation=self.compilation,
                        folding=self.folding,
                        suppression=self.suppression,
                        own_basis=own_basis.get(index, everywhere),
                        twirling_seed=_seed_of(self.seed, index, setting, self.stream),
                    )
                )
        return compiled

    def check(self, circuits: CircuitSet) -> None:
        """Raise ValueError where a circuit of the first, middle or last time does not compile.

        In the setting that turns most qubits: the others lack some of its last gates.
        """
        check_arguments(DeviceTarget.check, locals())
        turned = min(circuits.bases, key=lambda basis: basis.count("Z"))
        one = circuits.with_bases([turned])
        self.place(circuits).compile(one, only=some_times(one))

    def expense(self, circuits: CircuitSet) -> Expense:
        """Return qubits, two-qubit gates and scheduled durations on this device."""
        check_arguments(DeviceTarget.expense, locals())
        placed = self.place(circuits)
        compiled = placed.compile(circuits, only=some_times(circuits))
        durations = None
        if self.compilation.schedule:
            each = [item.duration for item in compiled]
            durations = (min(each), max(each))
        return Expense(
            len(placed._placed().qubits),
            spread([item.two_qubit_gates for item in compiled]),
            durations,
            _overhead(placed.restricted(), self.backend),
        )

    def probabilities(self, circuits: CircuitSet) -> FloatArray:
        """Return the exact outcome probabilities, readout errors included, (T, B, 2^M).

        With twirling they are the average of the random instances, with several branches
        (`CircuitSet.branches`) that of theirs.
        """
        check_arguments(DeviceTarget.probabilities, locals())
        placed = self.place(circuits.branches[0])
        found = [placed.instance_probabilities(item).mean(axis=0) for item in circuits.branches]
        return np.asarray(np.mean(found, axis=0))

    def instance_probabilities(
        self, circuits: CircuitSet, compiled: Sequence[CompiledCircuit] | None = None
    ) -> FloatArray:
        """Return the probabilities of each random instance (N, T, B, 2^M); N = 1 untwirled.

        `compiled` may give what `compile` returned, to simulate it under several noises.
        """
        check_arguments(DeviceTarget.instance_probabilities, locals())
        placed = self.place(circuits)
        part = placed.restricted()
        if compiled is None:
            compiled = placed.compile(circuits)
        if not len(compiled):
            raise ValueError(
                "Argument compiled must be what compile returned for these circuits, but it is "
                "empty."
            )
        found = self._read(compiled, part)
        shape = (len(circuits.times), len(circuits.bases), *found.shape[1:])
        return np.asarray(np.moveaxis(found.reshape(shape), 2, 0))

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Draw the counts of plain circuits, as they are compiled, with the device's noise.

        A loop places its target first, or each step may be given other qubits.
        """
        check_arguments(DeviceTarget.count, locals())
        check_integer("shots", shots, minimum=1)
        compiled, part = self.compile_plain(circuits)
        chances = np.moveaxis(self._read(compiled, part), 1, 0)
        return [counts_of(table) for table in self._draw(chances, shots)]

    def compile_once(self, circuits: Sequence[QuantumCircuit]) -> Prepared:
        """Return circuits with open parameters, compiled once for all values of them.

        With coherent errors they are compiled anew for every value: the average over slow
        offsets is Aer's.
        """
        check_arguments(DeviceTarget.compile_once, locals())
        if self.coherent_errors is not None:
            return super().compile_once(circuits)
        compiled, part = self.compile_plain(circuits)
        templates = (
            noisy_templates(item, list(circuit.parameters), part, self.reset_error)
            for item, circuit in zip(compiled, circuits, strict=True)
        )
        return CompiledOnce(self.seed, tuple(templates))

    def compile_chain(self, chain: Chain) -> PreparedChain:
        """Return a circuit that grows by a step at a time, its pieces compiled once.

        What is random in each circuit (Paulis, slow offsets) or routed differently in each is
        compiled anew at every length.
        """
        check_arguments(DeviceTarget.compile_chain, locals())
        anew = self.coherent_errors is not None or self.suppression.twirling
        if anew or not self._placed().embedded:
            return super().compile_chain(chain)
        compiled, part = self.compile_plain(chain.join([chain.step]))
        return NoisyChain(
            compiled,
            list(chain.step.parameters),
            part,
            reset_error=self.reset_error,
            seed=self.seed,
        )

    def compile_plain(
        self, circuits: Sequence[QuantumCircuit]
    ) -> tuple[list[CompiledCircuit], QiskitTarget]:
        """Return plain circuits compiled as they are, and the device they are compiled for.

        Plain ones measure their first qubits at their end, in the order of the bits. Their
        parameters stay open.
        """
        check_arguments(DeviceTarget.compile_plain, locals())
        measured = check_plain(circuits)
        placed = self.place(circuits)
        site = Site(placed._placed(), placed.restricted(), measured)
        compiled = [
            compile_circuit(
                circuit,
                site,
                compilation=self.compilation,
                folding=self.folding,
                suppression=self.suppression,
                own_basis=False,
                twirling_seed=_seed_of(self.seed, number, self.stream),
            )
            for number, circuit in enumerate(circuits)
        ]
        return compiled, site.part

    def _read(self, compiled: Sequence[CompiledCircuit], part: QiskitTarget) -> FloatArray:
        """Return what is read of each circuit and instance, shape (circuits, N, 2^M)."""
        raw = simulate(compiled, part, self.reset_error, self.coherent_errors, save="probabilities")
        matrices = readout_matrices(part)
        found = np.empty_like(raw)
        for row, item in enumerate(compiled):
            for number, instance in enumerate(item.instances):
                found[row, number] = read_out(raw[row, number], instance, matrices)
        found = np.maximum(found, 0.0)
        return np.asarray(found / found.sum(axis=2, keepdims=True))

    def _draw(self, chances: FloatArray, shots: int) -> IntArray:
        """Draw from probabilities (N, …, 2^M), the shots divided equally over the N instances."""
        return draw_counts(chances, shots, random_stream(self.seed, self.stream))

    def noisy_states(
        self, circuits: CircuitSet, *, only: Sequence[int] | None = None
    ) -> tuple[ComplexArray, list[CompiledCircuit]]:
        """Return the system's noisy states (T, 2^M, 2^M) and the circuits that were simulated.

        Before readout. With twirling a state is the average over the random instances. `only`
        lists the time indices wanted; None is all of them.
        """
        check_arguments(DeviceTarget.noisy_states, locals())
        placed = self.place(circuits)
        compiled = placed.compile(circuits, measured=False, only=only)
        return placed._simulate(compiled), compiled

    def _simulate(self, compiled: Sequence[CompiledCircuit]) -> ComplexArray:
        """Return the noisy state of each circuit, averaged over its random instances."""
        states = simulate(
            compiled,
            self.restricted(),
            self.reset_error,
            self.coherent_errors,
            save="density_matrix",
        )
        return np.asarray(states.mean(axis=1))

    def predicted_states(
        self, circuits: CircuitSet, *, only: Sequence[int] | None = None, **details: Any
    ) -> Trajectory:
        """Return the noisy states as a trajectory; `details` go into its provenance.

        Where circuits come in branches the states are their mean, gates and durations the first's.
        `only` lists the time indices wanted; None is all of them.
        """
        check_arguments(DeviceTarget.predicted_states, locals())
        placed = self.place(circuits.branches[0])
        found = [placed.noisy_states(branch, only=only) for branch in circuits.branches]
        states = np.mean([series for series, _ in found], axis=0)
        compiled = found[0][1]
        times = circuits.times if only is None else circuits.times[list(only)]
        provenance = make_provenance(
            "device_states",
            model=describe_model(circuits.network, times),
            target=dict(placed.describe()),
            ancilla=circuits.ancilla.describe(),
            splitting=circuits.splitting,
            steps=circuits.steps,
            **circuits.describe_compilation(),
            two_qubit_gates=[item.two_qubit_gates for item in compiled],
            durations=[item.duration for item in compiled] if self.compilation.schedule else None,
            **details,
        )
        trajectory = trajectory_of_states(circuits.network, times, states, provenance)
        return circuits.with_residuals(trajectory, only=only)

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Draw the counts of every time and setting from the exact noisy probabilities.

        With twirling, shots are divided equally over the random instances, as on hardware.
        """
        check_arguments(DeviceTarget.sample, locals())
        check_integer("shots", shots, minimum=1)
        return self._draw(self.instance_probabilities(circuits), shots)

    def describe(self) -> Mapping[str, Any]:
        """Return device, seed, schedule, layout and the extra noise."""
        return {
            "name": f"device:{self.backend.name}",
            **self.compilation.describe(),
            **self.folding.describe(),
            **self.suppression.describe(),
            "noise": "calibrated: relaxation, depolarizing, readout",
            "layout": None if self.placement is None else self.placement.describe(),
            "reset_error": self.reset_error,
            "forms": [form.describe() for form in self.forms or ()],
            "coherent_errors": (
                None if self.coherent_errors is None else asdict(self.coherent_errors)
            ),
            "calibration": (
                None if self.placement is None else describe_calibration(self.restricted())
            ),
        }

    def _placed(self) -> Placement:
        if self.placement is None:
            raise ValueError(
                "Argument layout must be known before circuits are compiled, but none is chosen "
                "yet; call place(circuits), or device(…, layout=[…])."
            )
        return self.placement


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
def device(
    backend: Backend,
    *,
    seed: int | None = None,
    schedule: bool = True,
    layout: Sequence[int] | None = None,
    reset_error: float = 0.0,
    fold: int = 1,
    optimization_level: int = 3,
    select_forms: bool = False,
    fold_all: bool = False,
    dynamical_decoupling: str | None = None,
    twirling: int = 0,
    service_twirling: bool = False,
    coherent_errors: CoherentErrors | None = None,
) -> DeviceTarget:
    """Return a simulated device: the noise model of a fake backend, or of a real one's calibration.

    Circuits are compiled to the device's instructions by Qiskit's preset pass manager, scheduled
    as late as possible, and simulated exactly with the calibrated noise; shots are then drawn. It
    is *not* the device: crosstalk, leakage and drift are in no calibration.

    Args:
        backend: a Qiskit `BackendV2`, e.g. `FakeTorino()` or a runtime backend. Nothing runs on it.
        seed: of the transpiler and the shots; None draws one and records it.
        schedule: False leaves waiting out, for comparison only: it is no prediction.
        layout: physical qubits, memristors first (0 first), then memristor 0's ancillas, then
            memristor 1's, …; interacting ones must be coupled. None chooses by error rates.
        reset_error: probability that a reset leaves |1>; calibrations do not state it.
        fold: odd; every two-qubit gate is repeated this often.
        optimization_level: 0 to 3, of the preset pass manager.
        select_forms: for `splitting="compiled"`, choose at each time among equal circuits the one
            that loses least by the calibration. About a second a time.
        fold_all: whether `fold` repeats one-qubit gates and waits for resets, too.
        dynamical_decoupling: `"XX"`, `"XpXm"` or `"XY4"` in place of waits. Not with
            `absorb_decay`. Needs `x`, `rz`, a schedule.
        twirling: over how many random Pauli frames each circuit is averaged, 0 for none; shots are
            divided over them, and a prediction takes so many times longer.
        service_twirling: twirl as IBM's service does, waits included.
        coherent_errors: assumed on top of the calibration, which states none.

    What decoupling and twirling do to a waiting memristor: docs/pages/concepts/devices.md.

    Raises:
        TypeError: for a backend without a target.
        ValueError: for the other arguments.

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, [0.3], target=qm.device(FakeManilaV2(), seed=1), shots=100)
    >>> int(record.samples.counts.sum())
    200
    """
    check_arguments(device, locals(), own=("coherent_errors", "layout"))
    return DeviceTarget(
        backend,
        Compilation(chosen_seed(seed), schedule, optimization_level),
        placement=None if layout is None else given_placement(layout, backend),
        forms=None if check_boolean("select_forms", select_forms) else (),
        folding=Folding(fold, fold_all),
        suppression=Suppression(dynamical_decoupling, twirling, service_twirling),
        reset_error=reset_error,
        coherent_errors=coherent_errors,
    )


def _overhead(part: QiskitTarget, backend: Backend) -> float:
    """Return the seconds that an execution takes beside its gates: readout, repetition delay."""
    readout = [item.duration or 0.0 for item in part["measure"].values() if item is not None]
    delay = getattr(backend, "default_rep_delay", None)  # the runtime client's say it
    return max(readout, default=0.0) + (REPETITION_DELAY if delay is None else float(delay))


def scheduled_device(target: Target, purpose: str) -> DeviceTarget:
    """Return the noise model of a target that has one: itself, or that of `ibm(…)`.

    `purpose` says what asks for it, in the message to those without.

    Raises:
        ValueError: for the others.
    """
    found = target.predict()
    if not isinstance(found, DeviceTarget):
        raise ValueError(
            f"Argument target must have a calibration for {purpose}, but "
            f"{str(target.describe()['name'])!r} has none; use device(backend) or ibm(name)."
        )
    return found


def _longest(circuits: Sequence[QuantumCircuit]) -> tuple[QuantumCircuit, int]:
    """Return the most demanding circuit, and how many of its qubits are measured."""
    if not len(circuits):
        raise ValueError("Argument circuits must hold circuits, but none was given.")
    if isinstance(circuits, CircuitSet):
        return circuits.evolution(len(circuits.times) - 1), len(circuits.network.memristors)
    return max(circuits, key=lambda item: (item.num_qubits, item.size())), check_plain(circuits)


def _seed_of(seed: int, *place: int) -> int:
    """Return the seed of one circuit's Paulis, different for every circuit."""
    return int(np.random.SeedSequence([seed, *place]).generate_state(1, np.uint64)[0] >> 1)
