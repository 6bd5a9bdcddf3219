"""Models as JSON values and back, without pickle.

The package's own laws and couplings come back as themselves. What a reader defined comes back as
what it did: a law as the table of its integrals, a coupling as its matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.model.couplings import (
    ControlledRotation,
    Coupling,
    MatrixCoupling,
    Native,
    PartialISwap,
    PartialSwap,
)
from qmemcircuit.model.drives import Drive
from qmemcircuit.model.laws.harmonic import HarmonicRate
from qmemcircuit.model.laws.lorentzian import LorentzianRate
from qmemcircuit.model.laws.rates import ConstantRate, DecayRate, SquidRate
from qmemcircuit.model.laws.tabulated import TabulatedRate, tabulate
from qmemcircuit.model.memristors import Memristor, Network

RATES = {
    law.__name__: law
    for law in (SquidRate, ConstantRate, TabulatedRate, LorentzianRate, HarmonicRate)
}
COUPLINGS = {
    coupling.__name__: coupling
    for coupling in (Native, ControlledRotation, PartialSwap, PartialISwap)
}


def describe_model(network: Network, times: FloatArray) -> dict[str, Any]:
    """Return `network` as JSON values; laws unknown to the package are tabulated at `times`."""
    return {
        "memristors": [_describe_memristor(item, times) for item in network.memristors],
        "couplings": [
            {"pair": list(pair), **_describe_coupling(coupling)}
            for pair, coupling in network.couplings
        ],
        "state": None if network.state is None else _pairs(np.array(network.state)),
    }


def restore_model(description: Mapping[str, Any]) -> Network:
    """Return the network that `describe_model` described."""
    memristors = [_restore_memristor(item) for item in description["memristors"]]
    couplings = tuple(
        ((int(item["pair"][0]), int(item["pair"][1])), _restore_coupling(item))
        for item in description["couplings"]
    )
    state = description["state"]
    return Network(memristors, couplings, state=None if state is None else _matrix(state))


def _describe_memristor(memristor: Memristor, times: FloatArray) -> dict[str, Any]:
    description: dict[str, Any] = {
        name: getattr(memristor, name) for name in ("a", "b", "omega", "mass", "hbar")
    }
    description["state"] = None if memristor.state is None else _pairs(np.array(memristor.state))
    for name in ("occupation", "dephasing"):  # files of cold memristors are as they were
        value = getattr(memristor, name)
        if value != 0:
            description[name] = _describe_number_or_law(value, memristor.omega, times)
    if memristor.drive is not None:
        drive = {item.name: getattr(memristor.drive, item.name) for item in fields(Drive)}
        amplitude = _describe_number_or_law(drive.pop("amplitude"), memristor.omega, times)
        description["drive"] = {**drive, "amplitude": amplitude}
    description["rate"] = _describe_law(memristor.rate, memristor.omega, times)
    return description


def _restore_memristor(description: Mapping[str, Any]) -> Memristor:
    values = dict(description)
    rate, state = values.pop("rate"), values.pop("state")
    for name in ("occupation", "dephasing"):
        if name in values:
            values[name] = _restore_number_or_law(values[name])
    if "drive" in values:
        drive = dict(values["drive"])
        amplitude = _restore_number_or_law(drive.pop("amplitude"))
        values["drive"] = Drive(amplitude=amplitude, **drive)
    return Memristor(_restore_law(rate), state=None if state is None else _matrix(state), **values)


def _describe_number_or_law(
    value: float | DecayRate, omega: float, times: FloatArray
) -> float | dict[str, Any]:
    return _describe_law(value, omega, times) if isinstance(value, DecayRate) else value


def _restore_number_or_law(description: float | Mapping[str, Any]) -> float | DecayRate:
    return _restore_law(description) if isinstance(description, Mapping) else description


def _describe_law(rate: DecayRate, omega: float, times: FloatArray) -> dict[str, Any]:
    if type(rate) not in RATES.values():
        rate = tabulate(rate.at_frequency(omega), times)
    values = {item.name: getattr(rate, item.name) for item in fields(rate)}  # type: ignore[arg-type]
    if isinstance(rate, TabulatedRate):  # as in every file before these two columns
        values = {name: column for name, column in values.items() if column is not None}
    return {"law": type(rate).__name__, **values}


def _restore_law(description: Mapping[str, Any]) -> DecayRate:
    values = {name: value for name, value in description.items() if name != "law"}
    rate: DecayRate = RATES[description["law"]](**values)
    return rate


def _describe_coupling(coupling: Coupling) -> dict[str, Any]:
    if type(coupling) in COUPLINGS.values():
        values = {item.name: getattr(coupling, item.name) for item in fields(coupling)}  # type: ignore[arg-type]
        return {"coupling": type(coupling).__name__, **values}
    return {"coupling": "MatrixCoupling", "matrix": _pairs(coupling.hamiltonian())}


def _restore_coupling(description: Mapping[str, Any]) -> Coupling:
    name = description["coupling"]
    if name == "MatrixCoupling":
        return MatrixCoupling(_matrix(description["matrix"]))
    values = {key: value for key, value in description.items() if key not in ("coupling", "pair")}
    coupling: Coupling = COUPLINGS[name](**values)
    return coupling


def _pairs(matrix: ComplexArray) -> list[list[list[float]]]:
    """Return a complex matrix as nested lists of [real, imaginary]."""
    return [[[float(value.real), float(value.imag)] for value in row] for row in matrix]


def _matrix(pairs: list[list[list[float]]]) -> ComplexArray:
    parts = np.array(pairs)
    return np.asarray(parts[..., 0] + 1j * parts[..., 1])
