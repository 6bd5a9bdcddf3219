"""Gradients against finite differences of the public verbs, which share no derivative with them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance
from qmemcircuit.designs import (
    ConcurrenceAt,
    CouplingStrength,
    DecayIntegral,
    DistanceTo,
    FormFactor,
    LobeArea,
    LobeBalance,
    LoopAgreement,
    MeanConcurrence,
    NoDerivativeError,
    PeakConcurrence,
    Reading,
    parameter_names,
)
from qmemcircuit.designs.parameters import read_parameter, with_parameters

TIMES = 2 * np.pi * np.arange(24) / 23


def random_model(rng, count):
    """Memristors with every number in play, away from the edges where roots bend."""
    members = []
    for _ in range(count):
        rate = qm.SquidRate(rng.uniform(0.1, 0.5))
        if rng.random() < 0.5:
            rate = qm.HarmonicRate(tuple(rng.normal(0, 0.3, 5)))
        members.append(
            qm.Memristor(
                rate,
                a=rng.uniform(0.3, 1.3),
                b=rng.uniform(0.3, 2.8),
                omega=1.0 if not members else rng.uniform(0.8, 1.2),
                occupation=0.1,
                dephasing=0.05,
            )
        )
    if count == 1:
        return members[0]
    kinds = (
        qm.Native("y", 0.2),
        qm.PartialISwap(-0.3),
        qm.ControlledRotation("x", 0.6),
        qm.PartialSwap(0.2),
    )
    couplings = {(1, 0): kinds[rng.integers(4)]}
    if count == 3:
        couplings[2, 0] = qm.Native("x", 0.1)
    return qm.Network(members, couplings)


def exact(model, times, splitting):
    return qm.exact_circuit(model, times, splitting=splitting)


def polygon(trajectory, device, *, scaled):
    curve = np.stack([trajectory.voltage[:, device], trajectory.current[:, device]], axis=1)
    return curve / np.abs(curve).max(axis=0) if scaled else curve


def faces(curve):
    """Areas by shapely without a grid, so that differences of 1e-5 are not rounded away."""
    ring = shapely.node(shapely.linestrings(np.vstack([curve, curve[:1]])))
    found = shapely.area(shapely.get_parts(shapely.polygonize([ring])))
    return np.sort(found)[::-1]


def form_factor(curve):
    length = np.hypot(*(np.roll(curve, -1, axis=0) - curve).T).sum()
    return 4 * np.pi * faces(curve).sum() / length**2


def pair_concurrence(trajectory):
    return trajectory.concurrence(0, 1).signed


def agreement(trajectory, wanted):
    parts = [
        np.mean(((got - want) / np.abs(want).max()) ** 2)
        for got, want in (
            (trajectory.voltage[:, 0], wanted.voltage[:, 0]),
            (trajectory.current[:, 0], wanted.current[:, 0]),
        )
    ]
    return -np.sqrt(sum(parts))


WANTED = qm.exact_circuit(qm.Memristor(qm.ConstantRate(0.3), a=0.3, b=1.0), TIMES)
QUANTITIES = {
    "form factor": (FormFactor(), lambda t: form_factor(polygon(t, 0, scaled=True))),
    "area": (LobeArea(), lambda t: faces(polygon(t, 0, scaled=False)).sum()),
    "balance": (LobeBalance(), lambda t: np.divide(*faces(polygon(t, 0, scaled=False))[1::-1])),
    "voltage": (Reading("voltage", 9), lambda t: t.voltage[9, 0]),
    "current": (Reading("current", 13), lambda t: t.current[13, 0]),
    "agreement": (LoopAgreement(WANTED), lambda t: agreement(t, WANTED)),
}
PAIR_QUANTITIES = {
    "concurrence": (ConcurrenceAt(7), lambda t: pair_concurrence(t)[7]),
    "peak": (PeakConcurrence(), lambda t: pair_concurrence(t)[1:].max()),
    "mean": (
        MeanConcurrence(),
        lambda t: (
            np.trapezoid(np.maximum(pair_concurrence(t), 0), t.times) / (t.times[-1] - t.times[0])
        ),
    ),
}


def difference(function, at, step=2e-5):
    return (function(at + step) - function(at - step)) / (2 * step)


@pytest.mark.parametrize(("seed", "count"), [(k, 1 + k % 3) for k in range(12)])
def test_gradients_against_differences(seed, count):
    """12 random models, one quantity of each kind, a random third of the parameters: 1e-6.

    The differences' own error is some 1e-8 (rounding) and 1e-7 (curvature).
    """
    rng = np.random.default_rng(seed)
    model = random_model(rng, count)
    splitting = ["lie", "strang", "fused" if count < 3 else "lie"][seed // 3 % 3]
    chosen = dict(QUANTITIES, **(PAIR_QUANTITIES if count == 2 else {}))
    names = [n for n in parameter_names(model) if rng.random() < 0.4]
    for label, (quantity, oracle) in chosen.items():
        loop = label in ("form factor", "area", "balance")
        if (
            label == "balance"
            and len(faces(polygon(exact(model, TIMES, splitting), 0, scaled=False))) < 2
        ):
            continue
        wanted = [n for n in names if not (loop and n.endswith(("time_scale", "omega")))][:3]
        found = qm.gradient(model, TIMES, quantity, wanted, splitting=splitting)
        for name in wanted:

            def measured(value, name=name, oracle=oracle):
                stretched = TIMES * (value if name == "time_scale" else 1.0)
                return oracle(exact(with_parameters(model, {name: value}), stretched, splitting))

            slope = difference(measured, read_parameter(model, name))
            assert found[name] == pytest.approx(slope, rel=1e-6, abs=1e-6), (label, name)


DRIVEN = qm.Network(
    [
        qm.Memristor(
            qm.SquidRate(0.3), a=0.8, b=0.5, occupation=0.1, drive=qm.Drive("x", 0.2, 0.9)
        ),
        qm.Memristor(qm.SquidRate(0.2), a=0.5, b=1.5, drive=qm.Drive("z", -0.15, 1.3, 0.4)),
    ],
    {(1, 0): qm.Native("y", 0.2)},
)


def test_gradients_of_driven_models_against_differences():
    """Also in what the drives are made of; I holds the sources' own currents."""
    trajectory = exact(DRIVEN, TIMES, "strang")
    found = qm.gradient(DRIVEN, TIMES, "current", splitting="strang")
    assert np.abs(found.value - trajectory.current).max() < 1e-13
    names = [n for n in parameter_names(DRIVEN) if "drive" in n or n.endswith(("0.omega", "scale"))]
    assert len(names) == 8
    for name in names:

        def measured(value, name=name):
            stretched = TIMES * (value if name == "time_scale" else 1.0)
            return exact(with_parameters(DRIVEN, {name: value}), stretched, "strang").current

        slope = difference(measured, read_parameter(DRIVEN, name))
        assert found[name] == pytest.approx(slope, rel=1e-6, abs=1e-6), name
    for device in range(2):
        single = qm.gradient(DRIVEN, TIMES, Reading("current", 17, device), splitting="strang")
        for name, slope in found.derivatives.items():
            assert slope[17, device] == pytest.approx(single[name], rel=1e-10, abs=1e-12)


def test_a_drives_amplitude_may_be_a_law():
    drive = qm.Drive("x", qm.SquidRate(0.2), phase=0.3)
    model = qm.Memristor(qm.SquidRate(0.3), a=0.8, drive=drive)
    times = np.array([0.0, 1.0, 2.0])
    found = qm.gradient(model, times, Reading("current", 2), ["drive.amplitude.gamma0", "omega"])
    for name in ("drive.amplitude.gamma0", "omega"):
        slope = difference(
            lambda x, name=name: exact(with_parameters(model, {name: x}), times, "lie").current[
                2, 0
            ],
            read_parameter(model, name),
        )
        assert found[name] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_distance_and_constraints():
    model = random_model(np.random.default_rng(5), 2)
    reference = qm.exact_circuit(random_model(np.random.default_rng(8), 2), TIMES)
    cases = (
        (
            DistanceTo(reference, 11),
            "couplings.0.strength",
            lambda m: trace_distance(exact(m, TIMES, "lie").states, reference.states)[11],
        ),
        (
            DecayIntegral(1),
            "memristors.1.omega",
            lambda m: m.memristors[1].decay_integral(0, m.memristors[1].period),
        ),
        (
            CouplingStrength(),
            "couplings.0.strength",
            lambda m: np.abs(np.linalg.eigvalsh(m.couplings[0][1].hamiltonian())).max(),
        ),
    )
    for quantity, name, oracle in cases:
        found = qm.gradient(model, TIMES, quantity, [name])
        slope = difference(
            lambda x, name=name, oracle=oracle: oracle(with_parameters(model, {name: x})),
            read_parameter(model, name),
        )
        assert found[name] == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_forward_and_reverse_are_transposes(count):
    """All of dV and dI against single readings, rounding apart, and V, I as `exact_circuit`'s."""
    model = random_model(np.random.default_rng(30 + count), count)
    trajectory = qm.exact_circuit(model, TIMES, splitting="strang")
    for series in ("voltage", "current"):
        whole = qm.gradient(model, TIMES, series, splitting="strang")
        assert np.abs(whole.value - getattr(trajectory, series)).max() < 1e-13
        last = count - 1
        single = qm.gradient(model, TIMES, Reading(series, 17, last), splitting="strang")
        for name, slope in whole.derivatives.items():
            assert slope[17, last] == pytest.approx(single[name], rel=1e-10, abs=1e-12)


def test_a_resistor_has_no_derivative_of_its_loop():
    resistor = qm.Memristor(qm.ConstantRate(0.2), a=0.7, b=0.4)
    with pytest.raises(NoDerivativeError, match="a lobe appears or vanishes"):
        qm.gradient(resistor, TIMES, FormFactor())


def test_one_lobe_has_no_balance():
    model = qm.Memristor(qm.HarmonicRate((0.0, 0.5, 0.5)), a=0.8, b=0.9)
    found = qm.find_loops(qm.exact_circuit(model, TIMES))[0]
    shown = len(found.lobes)
    if shown < 2:
        with pytest.raises(NoDerivativeError, match="one lobe"):
            qm.gradient(model, TIMES, LobeBalance())
    else:
        assert float(qm.gradient(model, TIMES, LobeBalance()).value) == pytest.approx(found.balance)


def test_values_are_those_of_the_loops():
    model = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    times = model.periods(2, points=30)
    loops = qm.find_loops(qm.exact_circuit(model, times))
    for loop in loops:
        found = float(qm.gradient(model, times, FormFactor(loop=loop.index), ["a"]).value)
        assert found == pytest.approx(loop.form_factor, rel=1e-9)


def test_bad_input():
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.7)
    with pytest.raises(ValueError, match=r"'rate.gamma' is none; there are rate.gamma0, a, b"):
        qm.gradient(memristor, TIMES, FormFactor(), ["rate.gamma"])
    with pytest.raises(ValueError, match="at most 3 memristors"):
        qm.gradient(qm.chain([memristor] * 4, qm.Native("y", 0.1)), TIMES, "voltage")
    with pytest.raises(TypeError, match="must have the method measure"):
        qm.gradient(memristor, TIMES, FormFactor)
    with pytest.raises(ValueError, match=r"they end after 0\.5 periods"):
        qm.gradient(memristor, TIMES / 2, FormFactor())
    with pytest.raises(ValueError, match="'compiled' was given"):
        qm.gradient(memristor, TIMES, FormFactor(), splitting="compiled")


PAIR = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))


@pytest.mark.parametrize(
    ("quantity", "times", "said"),
    [
        (Reading("voltage", 3), [0.0, 1.0, 2.0], "index must be of one of the 3 times, but 3"),
        (ConcurrenceAt(-4), [0.0, 1.0, 2.0], "index must be of one of the 3 times, but -4"),
        (ConcurrenceAt(1, (0, 2)), [0.0, 1.0], "pair must name two of the model's 2"),
        (PeakConcurrence(), [0.0], "times must hold one after t = 0"),
        (MeanConcurrence(), [1.0], "times must be two or more"),
        (DistanceTo(qm.exact_circuit(PAIR, [0.0, 1.0])), [0.0, 1.0, 2.0], "reference must hold"),
        (DistanceTo(qm.exact_circuit(PAIR, [0.0, 1.0]), 2), [0.0, 1.0], "index must be of one"),
        (LoopAgreement(qm.exact_circuit(PAIR, [0.0, 1.0])), [0.0, 1.0, 2.0], "wanted must hold"),
        (LoopAgreement(qm.exact_circuit(PAIR, [0.0, 1.0]), 2), [0.0, 1.0], "device must be one"),
        (
            LoopAgreement(qm.exact_circuit(PAIR.memristors[0], [0.0, 1.0]), 1),
            [0.0, 1.0],
            "wanted must hold memristor 1",
        ),
    ],
)
def test_quantities_that_the_model_does_not_have_are_named(quantity, times, said):
    with pytest.raises(ValueError, match=f"Argument {said}"):
        qm.gradient(PAIR, times, quantity, ["couplings.0.strength"], splitting="strang")


def test_the_harmonic_law_is_its_own_quadrature():
    law = qm.HarmonicRate((0.2, -0.3, 0.1, 0.05, 0.4), omega=1.3)
    other = qm.FunctionRate(lambda t: float(law.value(t)))
    assert law.integral(0.3, 5.0) == pytest.approx(other.integral(0.3, 5.0), rel=1e-11)
    assert law.value(np.linspace(0, 5, 400)).min() >= 0
    shifted = [qm.HarmonicRate((0.2, -0.3 + h, 0.1, 0.05, 0.4), omega=1.3) for h in (-1e-3, 1e-3)]
    slope = (shifted[1].integral(0.3, 5.0) - shifted[0].integral(0.3, 5.0)) / 2e-3
    assert law.derivative(1).integral(0.3, 5.0) == pytest.approx(slope, rel=1e-10)
    with pytest.raises(ValueError, match="c0 and then pairs"):
        qm.HarmonicRate((1.0, 2.0))


def test_a_wrong_derivative_is_seen():
    """The comparison at 1e-6 rejects a derivative that is off by 1e-5."""
    model = random_model(np.random.default_rng(3), 1)
    quantity, oracle = QUANTITIES["form factor"]
    found = float(qm.gradient(model, TIMES, quantity, ["a"])["a"])
    slope = difference(
        lambda x: oracle(exact(with_parameters(model, {"a": x}), TIMES, "lie")), model.a
    )
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-6)
    assert found * (1 + 1e-5) + 1e-5 != pytest.approx(slope, rel=1e-6, abs=1e-6)
