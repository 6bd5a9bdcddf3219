"""Pooled extrapolation: oracles are a decay that is exact, and the spread over seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator

import qmemcircuit as qm
from qmemcircuit.common.states import (
    expectation,
    outcome_probabilities,
    pauli_matrix,
    trace_distance,
)
from qmemcircuit.counts.extrapolations.exponential import RATE_RANGE, FittedRate, extrapolate_pooled
from qmemcircuit.counts.means import joint_weights, measured_labels, pauli_mean, weighted_mean
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout, confusion_matrix
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.compilation.folding import Folding, fold_all_noise
from qmemcircuit.devices.recorded import recorded_device
from qmemcircuit.devices.target import device
from qmemcircuit.runs.jobs.ibm import ibm

SETTINGS = tuple(a + b for a in "XYZ" for b in "XYZ")
LABELS = measured_labels(SETTINGS)
FACTORS = (1, 3, 5, 7)
FLIPS = np.array([[0.03, 0.08], [0.01, 0.05]])
SHOTS = 20_000
DECLARED = Mitigation(FACTORS, fold_all=True, extrapolation="exponential")
JOINT = np.kron(confusion_matrix(FLIPS[1]), confusion_matrix(FLIPS[0]))
KNOWN = Readout(np.round(10**12 * JOINT.T[[0, 3]]).astype(np.int64))


def _state() -> np.ndarray:
    """A correlated state near |00> with concurrence: as the pair of guo2022 late in Fig. 8."""
    vector = np.array([np.sqrt(0.85), 0.1, 0.1j, 0.35])
    vector /= np.linalg.norm(vector)
    return 0.7 * np.outer(vector, vector.conj()) + 0.3 * np.diag([0.4, 0.3, 0.3, 0.0])


def _probabilities(state: np.ndarray) -> np.ndarray:
    return np.array([JOINT @ outcome_probabilities(state[None], s)[0] for s in SETTINGS])


def _depolarized(state: np.ndarray, factor: int) -> np.ndarray:
    """Both qubits depolarized by e^{−0.03 f}: weight-1 means fall so, weight-2 means twice."""
    keep = np.exp(-0.03 * factor)
    total = np.eye(4, dtype=complex)
    for label in LABELS:
        weight = 2 - label.count("I")
        mean = expectation(state[None], pauli_matrix(label))[0]
        total += keep**weight * mean * pauli_matrix(label)
    return total / 4


def _runs(state: np.ndarray, seed: int | None) -> tuple[qm.Samples, ...]:
    random = np.random.default_rng(seed)
    found = []
    for factor in FACTORS:
        chances = _probabilities(_depolarized(state, factor))
        counts = random.multinomial(SHOTS, chances)
        if seed is None:
            counts = np.round(chances * 10**12).astype(np.int64)
        found.append(qm.Samples(SETTINGS, counts[None]))
    return tuple(found)


def test_an_exact_decay_is_extrapolated_exactly() -> None:
    state = _state()
    found = MitigatedSamples(DECLARED, _runs(state, None), KNOWN)
    # The minimiser's tolerance is 1e-5 of the rate, and the value is second order in it.
    assert trace_distance(found.states(), state[None])[0] < 1e-4
    for kind, rate in found.decay_rates.items():
        assert rate.value == pytest.approx(0.03 * len(kind), rel=1e-2)
    straight = MitigatedSamples(Mitigation(FACTORS), found.runs, KNOWN)
    assert trace_distance(straight.states(), state[None])[0] > 3e-3


def test_transverse_and_longitudinal_decays_and_asymptotes_differ() -> None:
    factors, decay = np.array([1.0, 3, 5, 9]), {"T": 0.05, "Z": 0.02, "TT": 0.1, "TZ": 0.07}
    labels = ("XI", "IY", "ZI", "XY", "YZ")
    kinds = ("T", "T", "Z", "TT", "TZ")
    zero = np.array([[0.4, -0.3, 0.8, 0.5, 0.2], [0.1, 0.2, 0.7, 0.3, -0.4]])
    floor = np.array([0.0, 0.0, 0.3, 0.02, 0.0])
    means = np.array(
        [
            floor + (zero - floor) * np.exp(-np.array([decay[kind] for kind in kinds]) * factor)
            for factor in factors
        ]
    )
    found, rates = extrapolate_pooled(means, labels, [1, 3, 5, 9])
    np.testing.assert_allclose(found, zero, atol=1e-5)
    assert rates == pytest.approx(decay, rel=1e-2)


def _joint_means(samples: qm.Samples, flips: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of every label, each (T, 15)."""
    weights = joint_weights(samples, flips)
    pairs = [weighted_mean(samples.counts, weights[..., p]) for p in range(len(LABELS))]
    mean, variance = (np.stack(part, axis=1) for part in zip(*pairs, strict=True))
    return mean, variance


def test_joint_means_are_unbiased_and_spread_as_their_variance_says() -> None:
    state = _state()
    chances = _probabilities(state)
    wanted = np.array([expectation(state[None], pauli_matrix(label))[0] for label in LABELS])
    seeds = 400
    counts = np.random.default_rng(0).multinomial(SHOTS, chances, size=(seeds, 9))
    means, variances = _joint_means(qm.Samples(SETTINGS, counts), FLIPS)
    predicted = np.sqrt(variances.mean(axis=0))
    # A standard deviation from 400 draws is known to 3.5 %; four times that, 15 labels.
    np.testing.assert_allclose(np.std(means, axis=0), predicted, rtol=0.14)
    offset = (np.mean(means, axis=0) - wanted) / (predicted / np.sqrt(seeds))
    # The largest of 15 normal numbers stays below 4 but for 1e-3 of the time; the seed is fixed.
    assert np.abs(offset).max() < 4


def test_joint_means_use_what_the_settings_share() -> None:
    """Two equal qubits without coherence, <Z> = z: the variance of <ZZ> in closed form.

    In the setting ZZ, <IZ> minus its mean in XZ and YZ is a control variate of variance 3/2 of one
    setting's, for <ZI> likewise: (1 − z⁴)(1 − (4/3) z²/(1 + z²))/shots; alone (1 − z⁴)/shots.
    """
    z = 0.8
    single = np.diag([(1 + z) / 2, (1 - z) / 2])
    chances = np.array(
        [outcome_probabilities(np.kron(single, single)[None], s)[0] for s in SETTINGS]
    )
    counts = np.round(chances * 10**8).astype(np.int64)[None]
    samples = qm.Samples(SETTINGS, counts)
    place = LABELS.index("ZZ")
    wanted = (1 - z**4) * (1 - 4 / 3 * z**2 / (1 + z**2)) / 10**8
    assert _joint_means(samples, None)[1][0, place] == pytest.approx(wanted, rel=1e-5)
    # Wilson's centre is 4 z²/shots from the raw mean, half of which is added to the error: relative
    # to the variance 4 z²/√(shots (1 − z⁴)) = 3e-4.
    assert pauli_mean(samples, "ZZ")[1][0] ** 2 == pytest.approx((1 - z**4) / 10**8, rel=4e-4)


def test_errors_are_the_spread_over_seeds() -> None:
    """Counts, readout calibration and rates all drawn anew in every repetition."""
    state, repeats = _state(), 150
    found: dict[str, list[tuple[float, float]]] = {"XI": [], "ZZ": [], "YZ": []}
    shots_alone = []
    for seed in range(repeats):
        readout = KNOWN.redrawn(2000, np.random.default_rng([seed, 1]))
        mitigated = MitigatedSamples(DECLARED, _runs(state, seed), readout)
        for label, seen in found.items():
            mean, error = mitigated.combine({label: 1.0})
            seen.append((float(mean[0]), float(error[0])))
        variance = mitigated._value({"XI": 1.0}, mitigated.assumptions[0])[1]
        shots_alone.append(float(np.sqrt(variance[0])))
    for seen in found.values():
        values, errors = np.array(seen).T
        # A deviation from 150 values is known to 6 %; four of those. One time only pools its rates
        # over few means, so that they matter here more than in a series.
        assert np.std(values) == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.24)
    # The mutant: without the calibration's and the rates' share the error would be too small.
    assert np.std([value for value, _ in found["XI"]]) > 1.25 * np.mean(shots_alone)


@pytest.mark.parametrize(
    ("value", "error", "moved"),
    [(0.03, 0.2, 0.23), (0.6, 0.1, 0.5), (0.03, 5.0, RATE_RANGE[1] / 6), (0.6, 5.0, 1e-3 / 6)],
)
def test_a_rate_is_moved_to_where_there_is_room(value: float, error: float, moved: float) -> None:
    """The last two: an error beyond both bounds must not leave the rate where it is."""
    assert FittedRate(value, error).moved(FACTORS).value == pytest.approx(moved)


def test_a_rate_that_no_mean_tells_has_the_error_of_the_whole_range() -> None:
    """Means that do not change with the factor have no decay whose rate could be told."""
    flat = qm.Samples(SETTINGS, np.full((1, 9, 4), 25))
    found = MitigatedSamples(DECLARED, (flat,) * len(FACTORS), KNOWN)
    width = (RATE_RANGE[1] - RATE_RANGE[0]) / 6
    assert [rate.error for rate in found.decay_rates.values()] == pytest.approx([width] * 5)


def test_the_concurrence_is_in_its_interval() -> None:
    """A decay that is exact: 60 experiments at one time, all errors drawn anew."""
    state, repeats = _state(), 60
    truth = float(
        qm.Trajectory(np.zeros(1), np.zeros((1, 2)), np.zeros((1, 2)), states=state[None])
        .concurrence(0, 1)
        .value[0]
    )
    inside = []
    for seed in range(repeats):
        readout = KNOWN.redrawn(SHOTS, np.random.default_rng([seed, 1]))
        mitigated = MitigatedSamples(DECLARED, _runs(state, seed), readout)
        one = qm.Trajectory(
            np.zeros(1), np.zeros((1, 2)), np.zeros((1, 2)), mitigated=mitigated
        ).concurrence(0, 1, seed=seed)
        assert one.lower is not None
        assert one.upper is not None
        inside.append(one.lower[0] <= truth <= one.upper[0])
    # One check at 3.1 standard errors of a binomial share.
    assert np.mean(inside) >= 0.95 - 3.1 * np.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": (1, 3)}, "with factors"),
        ({"fold_all": False}, "with fold_all=False"),
        ({"order": 1}, "with order 1"),
        ({"inversion": "mthree"}, "with inversion='mthree'"),
    ],
)
def test_an_exponential_that_does_not_fit_is_refused(
    arguments: dict[str, object], message: str
) -> None:
    plan = {"factors": (1, 3, 5), "fold_all": True, "extrapolation": "exponential", **arguments}
    with pytest.raises(ValueError, match=message):
        Mitigation(**plan)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="at least three different"):
        extrapolate_pooled(np.zeros((2, 1, 1)), ["X"], (1, 3))
    with pytest.raises(ValueError, match="Argument extrapolation must be one of"):
        Mitigation(extrapolation="linear")
    runs = _runs(_state(), 0)
    few = tuple(qm.Samples(SETTINGS[:4], samples.counts[:, :4]) for samples in runs)
    with pytest.raises(ValueError, match="tomography"):
        MitigatedSamples(DECLARED, few, KNOWN).states()
    with pytest.raises(ValueError, match="must contain a setting that measures 'ZZ'"):
        MitigatedSamples(DECLARED, few, KNOWN).combine({"ZZ": 1.0})
    three = tuple(qm.Samples(("XXX",), np.ones((1, 1, 8), dtype=np.int64)) for _ in FACTORS)
    plain = replace(DECLARED, readout=False)
    with pytest.raises(ValueError, match="'polynomial' for 3 memristors"):
        MitigatedSamples(plain, three, None)


def test_folding_everything_keeps_the_circuit_and_stretches_its_schedule() -> None:
    backend = PlainBackend(t1=1e-3, t2=1.5e-3)
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.rz(0.3, 0)
    circuit.cz(0, 1)
    circuit.x(1)
    folded = fold_all_noise(circuit, 5, backend.target)
    assert dict(folded.count_ops()) == {"cz": 5, "x": 9, "sx": 1, "rz": 1}
    assert Operator(folded) == Operator(circuit)  # even its phase
    waiting = QuantumCircuit(2)
    waiting.delay(100, 0, "ns")
    waiting.reset(1)
    (wait, _, stretched) = fold_all_noise(waiting, 3, backend.target).data
    assert (wait.operation.duration, wait.operation.unit) == (300, "ns")
    # The reset of 1000 ns, and twice as much of waiting after it.
    assert (stretched.operation.duration, stretched.operation.unit) == (2000, "dt")
    circuit.h(0)
    with pytest.raises(ValueError, match="fold_all must be False for circuits with h gates"):
        fold_all_noise(circuit, 3, backend.target)
    # And a circuit with a reset, scheduled: three times as long, to the rounding of 1 ns.
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    circuits = qm.build_circuits(memristor, [0.5, 1.0], bases="Z")
    lengths = []
    for fold in (1, 3):
        target = device(backend, seed=1, fold=fold, fold_all=True).place(circuits)
        lengths.append(target.compile(circuits, measured=False, only=[1])[0].duration)
    assert lengths[0] > 1e-6  # the reset is in it
    assert lengths[1] == pytest.approx(3 * lengths[0], abs=5e-9)


@pytest.mark.parametrize("fold_all", [True, False])
def test_all_of_the_noise_grows_with_the_factor(fold_all: bool) -> None:
    """T1 so long that the loss is of first order: three times the factor is three times the loss.

    Folding two-qubit gates alone is the mutant: it leaves the wait for the reset as it is.
    """
    backend = PlainBackend(t1=5e-3, t2=7e-3, gate_error=1e-5)
    memristor = qm.Memristor(qm.ConstantRate(0.2), a=0.5, b=0.3)
    circuits = qm.build_circuits(memristor, [0.5, 1.0, 1.5], bases="Z")
    ideal = qm.exact_circuit(memristor, circuits.times).states[-1]
    target = device(backend, seed=1, fold_all=fold_all).place(circuits)
    lost = [
        replace(target, folding=Folding(fold, fold_all)).noisy_states(circuits, only=[2])[0][0]
        - ideal
        for fold in (1, 3)
    ]
    ratio = np.linalg.norm(lost[1]) / np.linalg.norm(lost[0])
    if fold_all:
        # Not exactly, also to first order: between two X, or two CZ, T1 acts in a turned frame.
        # Measured: 0.012 of the loss here, 0.014 for noise a hundred times smaller.
        np.testing.assert_allclose(lost[1], 3 * lost[0], atol=0.03 * np.abs(lost[1]).max())
    else:
        # Measured: 2.08. Three times the loss, to the 3 % of above, would be no mutant.
        assert ratio < 2.5


def test_absorbed_decay_is_not_extrapolated_away_and_the_record_knows() -> None:
    backend = PlainBackend(t1=1e-4, t2=1.5e-4, gate_error=1e-4)
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    circuits = qm.build_circuits(memristor, [0.5, 1.0], bases="Z")
    target = device(backend, seed=1, fold=3, fold_all=True).place(circuits)
    absorbed, _ = absorb_device_decay(circuits, target)
    with pytest.raises(ValueError, match=r"fold_all must be False .* absorbed"):
        target.compile(absorbed)
    record = qm.run(memristor, [0.5, 1.0], target=target, shots=10)
    again = recorded_device(record.provenance["target"])
    assert again.folding == target.folding == Folding(3, everything=True)
    np.testing.assert_allclose(
        again.probabilities(circuits), target.probabilities(circuits), atol=1e-12
    )


def test_a_target_that_folds_two_qubit_gates_is_not_amplified_as_a_whole() -> None:
    """Else factor 1 would have three times the two-qubit errors and factor 3 nine times all."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    plan = Mitigation((1, 3), fold_all=True)
    folding = device(PlainBackend(), seed=1, fold=3)
    with pytest.raises(ValueError, match=r"fold must be 1 on a target .* fold_all=True with it"):
        qm.run(memristor, [0.5], target=folding, shots=10, mitigation=plan)
    both = device(PlainBackend(), seed=1, fold=3, fold_all=True).amplify(3, fold_all=True)
    assert both.folding == Folding(9, everything=True)


def test_folds_that_twirling_would_undo_are_refused() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    plan = Mitigation((1, 3), fold_all=True)
    local = ibm("fake_manila", channel="local", seed=1, twirling=True)
    for target in (device(PlainBackend(), seed=1, twirling=4), local):
        with pytest.raises(ValueError, match="fold_all must be False with twirling"):
            qm.run(memristor, [0.5], target=target, shots=10, mitigation=plan)
    with pytest.raises(ValueError, match="fold_all=False with absorb_decay"):
        qm.run(
            memristor,
            [0.5],
            target=device(PlainBackend(), seed=1),
            shots=10,
            absorb_decay=True,
            mitigation=plan,
        )


def test_circuits_without_common_rates_are_refused_before_anything_runs() -> None:
    """Stepwise circuits lose more at later times: one rate for all of them would be wrong."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    three = qm.Network([memristor] * 3, {(0, 1): qm.Native("y", 0.1)})
    plan = Mitigation((1, 3, 5), fold_all=True, extrapolation="exponential")
    target = device(PlainBackend(qubits=7), seed=1)
    for model, message in ((memristor, "grow with time"), (three, "for 3 memristors")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(target), "sample", lambda *_: pytest.fail("something ran"))
            with pytest.raises(ValueError, match=message):
                qm.run(model, [0.5, 1.0], target=target, shots=10, mitigation=plan)
    for options in ({"ancilla": "merged"}, {"steps": 2}):
        record = qm.run(memristor, [0.5, 1.0], target=target, shots=10, mitigation=plan, **options)
        assert record.mitigated is not None


def test_from_end_to_end_it_beats_the_straight_line() -> None:
    """A pair on a noise model with long waits, through run, file and mitigate."""
    backend = PlainBackend(t1=1e-4, t2=1.2e-4, gate_error=1e-3, readout=0.03)
    memristor = qm.Memristor(qm.SquidRate(0.05), a=np.pi / 4)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 1 / 15)})
    times = np.array([5.0, 10.0, 20.0])
    exact = qm.exact_circuit(pair, times, splitting="compiled").states
    found = {}
    for name, plan in {
        "line": Mitigation((1, 3, 5)),
        "pooled": Mitigation((1, 3, 5), fold_all=True, extrapolation="exponential"),
    }.items():
        record = qm.run(
            pair,
            times,
            target=device(backend, seed=2),
            shots=100_000,
            splitting="compiled",
            mitigation=plan,
        )
        result = qm.mitigate(record)
        found[name] = trace_distance(result.states, exact).max()
        if name == "pooled":
            assert set(result.provenance["decay_rates"]) == {"T", "Z", "TT", "TZ", "ZZ"}
            assert record.provenance["mitigation"]["fold_all"]
    assert found["pooled"] < 0.5 * found["line"]


def test_what_is_submitted_is_folded_alike() -> None:
    target = ibm("fake_manila", channel="local", seed=1, fold=3, fold_all=True)
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    circuits = qm.build_circuits(memristor, [0.5], bases="Z")
    prediction = target.prediction.place(circuits)
    (folded,) = prediction.compile(circuits)
    (plain,) = replace(prediction, folding=Folding(3)).compile(circuits)
    assert folded.circuit.count_ops()["x"] > plain.circuit.count_ops().get("x", 0) + 4
    (submitted,) = target.prepare(circuits)
    assert submitted.count_ops() == folded.circuit.count_ops()
    amplified = replace(target, prediction=replace(target.prediction, folding=Folding()))
    (again,) = amplified.amplify(3, fold_all=True).prepare(circuits)
    assert again == submitted
