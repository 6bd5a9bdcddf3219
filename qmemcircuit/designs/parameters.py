"""The numbers that a model is made of, by name: read, replaced, and what moves with each.

A memristor's are `a`, `b`, `omega`, `occupation`, `dephasing`, `rate.…` (each number of its law;
`rate.coefficients.2` for an entry of a tuple) and `drive.…` (amplitude, frequency, phase; of an
amplitude that is a law `drive.amplitude.…`). A network's are `memristors.0.…` and
`couplings.0.…` (in the order of `network.couplings`). `time_scale` multiplies all times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import pauli_means
from qmemcircuit.common.checks import ComplexArray, FloatArray, is_real
from qmemcircuit.model.laws.harmonic import HarmonicRate
from qmemcircuit.model.laws.rates import DecayRate
from qmemcircuit.model.memristors import Memristor, Model, Network, as_network

TIME_SCALE = "time_scale"
NUMBERS = ("a", "b", "omega", "occupation", "dephasing")
"""Of a memristor; m and ħ only scale V and I."""


class LawDerivative(Protocol):
    """∂Γ/∂θ or ∂Ω/∂θ, which is integrated as a law is."""

    def value(self, times: FloatArray) -> FloatArray:
        """Return ∂Γ/∂θ at `times`."""
        ...

    def integral(self, start: FloatArray, stop: FloatArray) -> FloatArray:
        """Return ∫ ∂Γ/∂θ dt."""
        ...


@dataclass(frozen=True, eq=False)
class Tangent:
    """How what the steps are made of moves with one parameter; what is missing does not move.

    Each is itself alone (no two are equal), so that a solution can remember what it found along it.
    """

    initial: FloatArray | None = None
    rates: Mapping[int, LawDerivative] = field(default_factory=dict)
    hamiltonians: Mapping[int, ComplexArray] = field(default_factory=dict)
    omegas: Mapping[int, float] = field(default_factory=dict)
    occupations: Mapping[int, float] = field(default_factory=dict)
    dephasings: Mapping[int, float] = field(default_factory=dict)
    drives: Mapping[int, LawDerivative] = field(default_factory=dict)
    time_scale: float = 0.0


def parameter_names(model: Model) -> tuple[str, ...]:
    """Return the names of all numbers of a model, `time_scale` last.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> designs.parameter_names(memristor)[:3]
    ('rate.gamma0', 'a', 'b')
    """
    if isinstance(model, Memristor):
        return (*_memristor_names(model), TIME_SCALE)
    found = []
    for j, memristor in enumerate(model.memristors):
        found += [f"memristors.{j}.{name}" for name in _memristor_names(memristor)]
    for k, (_, coupling) in enumerate(model.couplings):
        found += [f"couplings.{k}.{name}" for name in _number_names(coupling)]
    return (*found, TIME_SCALE)


def read_parameter(model: Model, name: str) -> float:
    """Return one number of a model; 1 for `time_scale`. ValueError lists the names there are."""
    if name == TIME_SCALE:
        return 1.0
    found = _get(model, name.split("."))
    if not is_real(found):
        raise ValueError(
            f"Argument parameters must name numbers of the model, but {name!r} is none; there are "
            f"{', '.join(parameter_names(model))}."
        )
    return float(found)


def with_parameters(model: Model, values: Mapping[str, float]) -> Model:
    """Return the model with other numbers; `time_scale` belongs to the times and is left out."""
    places = {tuple(n.split(".")): float(v) for n, v in values.items() if n != TIME_SCALE}
    return _set(model, places)  # type: ignore[no-any-return]


def tangent_of(model: Model, name: str) -> Tangent:
    """Return what moves with one parameter.

    Exact where a closed form is known; else a fourth-order difference of the law or of the 4×4
    Hamiltonian alone, of 1e-3 of the parameter, whose error is some 1e-12 (laws and couplings that
    are polynomials of at most fourth degree in their numbers, as all of this package's but the
    Lorentzian one, have the error of rounding).
    """
    if name == TIME_SCALE:
        return Tangent(time_scale=1.0)
    place = name.split(".")
    network = as_network(model)
    if place[0] == "couplings":
        k = int(place[1])

        def hamiltonian(value: float) -> ComplexArray:
            changed = with_parameters(model, {name: value})
            return as_network(changed).couplings[k][1].hamiltonian()

        return Tangent(hamiltonians={k: _difference(hamiltonian, read_parameter(model, name))})
    j, own = (0, place) if isinstance(model, Memristor) else (int(place[1]), place[2:])
    memristor = network.memristors[j]
    match own[0]:
        case "a" | "b":
            return Tangent(initial=_initial_derivative(network, j, own[0]))
        case "rate":
            return Tangent(rates={j: _law_derivative(memristor, ".".join(own))})
        case "omega":
            moved = _law_derivative(memristor, "omega")
            drive = memristor.drive
            drives = {}
            if drive is not None and isinstance(drive.amplitude, DecayRate):
                drives[j] = _drive_derivative(memristor, "omega")
            return Tangent(rates={j: moved}, omegas={j: 1.0}, drives=drives)
        case "drive":
            return Tangent(drives={j: _drive_derivative(memristor, ".".join(own))})
        case "occupation":
            return Tangent(occupations={j: 1.0})
    return Tangent(dephasings={j: 1.0})


def _initial_derivative(network: Network, j: int, angle: str) -> FloatArray:
    """Return ∂(initial Pauli means)/∂a or ∂b of memristor j, (4^M,)."""
    total: FloatArray = np.ones(1)
    for k, memristor in enumerate(network.memristors):
        means = pauli_means(memristor.initial_state)
        if k == j:
            assert memristor.a is not None
            a, b = memristor.a, memristor.b
            # <X> = sin 2a cos b, <Y> = −sin 2a sin b, <Z> = −cos 2a in Qiskit's operators.
            size, turn = math.sin(2 * a), math.cos(2 * a)
            if angle == "a":
                moved = [0.0, 2 * turn * math.cos(b), -2 * turn * math.sin(b), 2 * size]
            else:
                moved = [0.0, -size * math.sin(b), -size * math.cos(b), 0.0]
            means = np.array(moved)
        total = np.asarray(np.kron(means, total))
    return np.asarray(total)


@dataclass(frozen=True)
class _DifferenceOfLaws:
    """∂Γ/∂θ or ∂Ω/∂θ by a fourth-order difference of the laws with θ ± h and θ ± 2h."""

    law_at: Callable[[float], Any]
    value_at: float

    def value(self, times: FloatArray) -> FloatArray:
        return np.asarray(_difference(lambda x: self.law_at(x).value(times), self.value_at))

    def integral(self, start: FloatArray, stop: FloatArray) -> FloatArray:
        moved = _difference(lambda x: self.law_at(x).integral(start, stop), self.value_at)
        return np.asarray(moved)


def _law_derivative(memristor: Memristor, name: str) -> LawDerivative:
    place = name.split(".")
    law = memristor.rate.at_frequency(memristor.omega)
    if isinstance(law, HarmonicRate) and place[:2] == ["rate", "coefficients"]:
        return law.derivative(int(place[2]))

    @cache  # values and integrals of all parts of a step ask for the same five laws
    def law_at(value: float) -> Any:
        changed: Memristor = _set(memristor, {tuple(place): value})
        return changed.rate.at_frequency(changed.omega)

    return _DifferenceOfLaws(law_at, float(_get(memristor, place)))


def _drive_derivative(memristor: Memristor, name: str) -> LawDerivative:
    """Return ∂Ω/∂θ."""
    place = name.split(".")

    @cache
    def drive_at(value: float) -> Any:
        changed: Memristor = _set(memristor, {tuple(place): value})
        assert changed.drive is not None
        return changed.drive.at_frequency(changed.omega)

    return _DifferenceOfLaws(drive_at, float(_get(memristor, place)))


def _difference(function: Callable[[float], Any], at: float) -> Any:
    step = 1e-3 * max(abs(at), 1e-2)
    if abs(at) < 2 * step:  # a bound at 0 is not crossed: one side alone
        step = step / 4
        nodes, weights = (0, 1, 2, 3, 4), (-25 / 12, 4.0, -3.0, 4 / 3, -0.25)
    else:
        nodes, weights = (-2, -1, 1, 2), (1 / 12, -2 / 3, 2 / 3, -1 / 12)  # type: ignore[assignment]
    total = sum(w * function(at + n * step) for n, w in zip(nodes, weights, strict=True))
    return np.asarray(total / step)


def _memristor_names(memristor: Memristor) -> list[str]:
    own = [name for name in NUMBERS if name not in ("a", "b") or memristor.a is not None]
    drive = memristor.drive
    if drive is not None:
        own += [f"drive.{name}" for name in _number_names(drive)]
        own += [f"drive.amplitude.{name}" for name in _number_names(drive.amplitude)]
    return [f"rate.{name}" for name in _number_names(memristor.rate) if name != "omega"] + own


def _number_names(item: Any) -> list[str]:
    """Return the names of the real numbers among a dataclass's fields, those in tuples by index."""
    found: list[str] = []
    for one in fields(item) if is_dataclass(item) else ():
        value = getattr(item, one.name)
        if not one.init:
            continue
        if is_real(value):
            found.append(one.name)
        elif isinstance(value, tuple) and value and all(is_real(entry) for entry in value):
            found += [f"{one.name}.{index}" for index in range(len(value))]
    return found


def _get(item: Any, place: list[str]) -> Any:
    for part in place:
        if isinstance(item, tuple) and part.isdigit() and int(part) < len(item):
            item = item[int(part)]
            if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], tuple):
                item = item[1]  # of ((i, j), coupling)
        else:
            item = getattr(item, part, None) if not part.startswith("_") else None
    return item


def _set(item: Any, values: Mapping[tuple[str, ...], float]) -> Any:
    """Return a nested object with the numbers at these places changed, each part made once."""
    if not values:
        return item
    if () in values:
        return values[()]
    groups: dict[str, dict[tuple[str, ...], float]] = {}
    for (head, *rest), value in values.items():
        groups.setdefault(head, {})[tuple(rest)] = value
    if not isinstance(item, tuple):
        return replace(item, **{head: _set(getattr(item, head), g) for head, g in groups.items()})
    entries = list(item)
    for head, group in groups.items():
        entry = entries[int(head)]
        if isinstance(entry, tuple):  # ((i, j), coupling)
            entries[int(head)] = (entry[0], _set(entry[1], group))
        else:
            entries[int(head)] = _set(entry, group)
    return tuple(entries)
