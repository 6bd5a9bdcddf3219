"""A model and its run in one small TOML file, for the command line.

[run]
target = "aer"            # aer | fake:FakeTorino | ibm:ibm_torino
periods = 3
points = 30               # times per period
shots = 5000              # or "to reach 0.01 on V" (or I, F, C), as in qmemcircuit.Precision
seed = 1
# bases, ancilla, splitting, steps, collision, absorb_decay, form: as in qmemcircuit.run

[compiled]                # of splitting = "compiled", as in qmemcircuit.ConstantDepth
tolerance = 0.005

[device]                  # of targets fake:…, as in qmemcircuit.device
reset_error = 0.01

[ibm]                     # of targets ibm:… and of submissions, as in qmemcircuit.ibm
mode = "batch"
dynamical_decoupling = "XY4"

[mitigation]              # declared before the run, as in qmemcircuit.Mitigation
factors = [1, 3, 5]
readout = true

[[memristor]]
rate = "squid"            # squid | constant; or "table" with times = [0.0, …] and rates = […];
                          # or "lorentzian" with strength and width
gamma = 0.4
a = 0.7853981633974483
b = 0.6283185307179586
# omega, mass, hbar, occupation, dephasing: as in qmemcircuit.Memristor; the last two may be laws,
# { times = [0.0, …], rates = […] } or { rate = "constant", gamma = 0.1 }
# drive = { axis = "x", amplitude = 0.2, frequency = 1.0, phase = 0.0 }, as in qmemcircuit.Drive

[[coupling]]              # none for one memristor
pair = [0, 1]
kind = "native"           # native | controlled_rotation | partial_swap | partial_iswap
axis = "y"
strength = 0.06666666666666667
"""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from qmemcircuit.circuits.constant_depth import ConstantDepth
from qmemcircuit.circuits.options import parse_ancilla
from qmemcircuit.common.checks import FloatArray, check_choice, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.storage import read_file
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.devices.target import device
from qmemcircuit.model.couplings import (
    ControlledRotation,
    Coupling,
    Native,
    PartialISwap,
    PartialSwap,
)
from qmemcircuit.model.drives import Drive
from qmemcircuit.model.laws.lorentzian import LorentzianRate
from qmemcircuit.model.laws.rates import ConstantRate, DecayRate, SquidRate
from qmemcircuit.model.laws.tabulated import TabulatedRate
from qmemcircuit.model.memristors import Memristor, Network
from qmemcircuit.runs.jobs.ibm import ibm

RATES = {
    "squid": ("gamma",),
    "constant": ("gamma",),
    "lorentzian": ("strength", "width"),
    "table": ("times", "rates"),
}
"""What each law needs besides its name."""
LAW_KEYS = tuple(dict.fromkeys(key for keys in RATES.values() for key in keys))
MEMRISTOR_KEYS = (
    *("rate", "gamma", "times", "rates", "a", "b", "omega", "mass", "hbar"),
    *("strength", "width", "occupation", "dephasing", "drive"),
)
COUPLING_KEYS = ("pair", "kind", "axis", "strength")
RUN_KEYS = (
    "target",
    "periods",
    "points",
    "shots",
    "seed",
    "bases",
    "ancilla",
    "splitting",
    "steps",
    "collision",
    "absorb_decay",
    "form",
)
CIRCUIT_KEYS = ("bases", "ancilla", "splitting", "steps", "collision", "form")
NOT_IN_FILES = ("backend", "name", "seed", "channel", "service")
"""Arguments of `device` and `ibm` that the target's name and [run] give, or only Python can."""


@data_object
@dataclass(frozen=True)
class Description:
    """What a TOML file says.

    Attributes:
        network: the model.
        times: shape (T,).
        target: the target's name.
        shots, seed, absorb_decay: of the run.
        circuits: how `run` builds circuits, as its keywords; [compiled] makes `splitting` a
            `ConstantDepth`.
        device: options of `device`, for targets `fake:…`.
        ibm: options of `ibm`, for targets `ibm:…` and submissions.
        mitigation: as declared, or None.
    """

    network: Network
    times: FloatArray
    target: str
    shots: int | str
    seed: int
    absorb_decay: bool
    circuits: Mapping[str, Any]
    device: Mapping[str, Any]
    ibm: Mapping[str, Any]
    mitigation: Mitigation | None


LARGEST_DESCRIPTION = 10 * 2**20
"""Bytes of a TOML file, 10 MiB: a table of a hundred thousand rates has less."""


def read_description(path: str | os.PathLike[str]) -> Description:
    """Read a model and its run from a TOML file.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: naming the entry that is wrong, unknown or missing.
    """
    text = read_file(path, "TOML", largest=LARGEST_DESCRIPTION)
    try:
        content = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8
        raise ValueError(f"Argument path must be a TOML file, but {path}: {error}.") from None
    single = ("run", "compiled", "device", "ibm", "mitigation")
    tables = (*single, "memristor", "coupling")
    _known(content, tables, "the file")
    for name in content:
        items = [content[name]] if name in single else content[name]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            header = f"[{name}]" if name in single else f"[[{name}]]"
            raise ValueError(
                f"Argument path must hold {name} as {header} on a line of its own, but "
                f"{content[name]!r} was found."
            )
    run = content.get("run", {})
    _known(run, RUN_KEYS, "[run]")
    memristors = [_memristor(item) for item in content.get("memristor", [])]
    if not memristors:
        raise ValueError("Argument path must describe a memristor, but [[memristor]] is missing.")
    couplings = {}
    for item in content.get("coupling", []):
        pair, coupling = _coupling(item)
        couplings[pair] = coupling
    network = Network(memristors, couplings)
    circuits = {name: run[name] for name in CIRCUIT_KEYS if name in run}
    ancilla = circuits.get("ancilla")
    if isinstance(ancilla, str):
        circuits["ancilla"] = parse_ancilla(ancilla)
    if "compiled" in content:
        circuits["splitting"] = _compiled(content["compiled"], run.get("splitting"))
    absorb_decay = run.get("absorb_decay", False)
    if not isinstance(absorb_decay, bool):
        raise ValueError(
            f"Argument absorb_decay must be true or false, but {absorb_decay!r} was given; a TOML "
            "boolean has no quotes."
        )
    return Description(
        network,
        network.periods(run.get("periods", 1), points=run.get("points", 30)),
        str(run.get("target", "aer")),
        run.get("shots", 5000),
        run.get("seed", 1),
        absorb_decay,
        circuits,
        _options(content, "device", device),
        _options(content, "ibm", ibm),
        _mitigation(content),
    )


def _compiled(given: Mapping[str, Any], splitting: Any) -> ConstantDepth:
    """Return the splitting that [compiled] sets, which [run] must name."""
    _known(given, ("tolerance", "collisions", "exceeded"), "[compiled]")
    if splitting != "compiled":
        raise ValueError(
            f"Argument splitting must be 'compiled' where the file has [compiled], but "
            f'{splitting!r} was given in [run]; set splitting = "compiled" or remove [compiled].'
        )
    return ConstantDepth(**given)


def _options(content: Mapping[str, Any], table: str, function: Callable[..., Any]) -> Any:
    """Return a table's entries, which must be arguments of `function`, of the right type."""
    given = content.get(table, {})
    parameters = inspect.signature(function).parameters
    names = tuple(name for name in parameters if name not in NOT_IN_FILES)
    _known(given, names, f"[{table}]")
    for name, value in given.items():
        if isinstance(parameters[name].default, bool) and not isinstance(value, bool):
            raise ValueError(
                f"Argument {name} must be true or false, but {value!r} was given; a TOML boolean "
                "has no quotes."
            )
    chosen = dict(given)
    if "coherent_errors" in chosen:
        assumed = chosen["coherent_errors"]
        if not isinstance(assumed, Mapping):
            raise ValueError(
                f"Argument coherent_errors must be a table, but {assumed!r} was given; "
                "{ detuning = 6283.0 } is one."
            )
        entries = tuple(item.name for item in fields(CoherentErrors))
        _known(assumed, entries, f"coherent_errors of [{table}]")
        chosen["coherent_errors"] = CoherentErrors(**assumed)
    return chosen


def _mitigation(content: Mapping[str, Any]) -> Mitigation | None:
    if "mitigation" not in content:
        return None
    given = dict(content["mitigation"])
    _known(given, tuple(item.name for item in fields(Mitigation)), "[mitigation]")
    factors = given.get("factors", [1])
    if not isinstance(factors, list):
        raise ValueError(
            f"Argument factors must be a list, but {factors!r} was given; [1, 3, 5] is one."
        )
    return Mitigation(**{**given, "factors": tuple(factors)})


def _memristor(item: Mapping[str, Any]) -> Memristor:
    _known(item, MEMRISTOR_KEYS, "[[memristor]]")
    _needed(item, "rate", "[[memristor]]")
    _needed(item, "a", "[[memristor]]")
    rate, used = _law(item, "[[memristor]]")
    rest = {name: value for name, value in item.items() if name not in ("rate", *used)}
    for name in ("occupation", "dephasing"):
        if name in rest:
            rest[name] = _number_or_law(name, rest[name])
    if "drive" in rest:
        rest["drive"] = _drive(rest["drive"])
    return Memristor(rate, **rest)


def _drive(item: Any) -> Drive:
    if not isinstance(item, Mapping):
        raise ValueError(
            f"Argument drive must be a table, but {item!r} was given; "
            '{ axis = "x", amplitude = 0.2, frequency = 1.0 } is one.'
        )
    _known(item, ("axis", "amplitude", "frequency", "phase"), "drive")
    for name in ("axis", "amplitude"):
        _needed(item, name, "drive")
    amplitude = item["amplitude"]
    if isinstance(amplitude, Mapping):
        amplitude = _number_or_law("amplitude", amplitude)
    return Drive(**{**item, "amplitude": amplitude})


def _number_or_law(name: str, item: Any) -> Any:
    """Return the law that a table describes; anything else is checked where it is used."""
    if not isinstance(item, Mapping):
        return item
    _known(item, ("rate", *LAW_KEYS), name)
    return _law({"rate": "table", **item}, name)[0]


def _law(item: Mapping[str, Any], place: str) -> tuple[DecayRate, tuple[str, ...]]:
    """Return the law that a table's `rate` names, and the entries that it took."""
    law = check_choice("rate", item["rate"], tuple(RATES))
    for name in RATES[law]:
        _needed(item, name, place)
    values = {name: item[name] for name in LAW_KEYS if name in item}
    if len(values) > len(RATES[law]):
        extra = next(name for name in values if name not in RATES[law])
        raise ValueError(
            f"Argument path must hold what its law takes, but a {place} with rate = {law!r} "
            f"has {extra!r}; it takes {' and '.join(RATES[law])}."
        )
    rate: DecayRate
    if law == "table":
        rate = TabulatedRate.from_values(**values)
    elif law == "lorentzian":
        rate = LorentzianRate(**values)
    else:
        rate = (SquidRate if law == "squid" else ConstantRate)(item["gamma"])
    return rate, tuple(values)


def _coupling(item: Mapping[str, Any]) -> tuple[tuple[int, int], Coupling]:
    _known(item, COUPLING_KEYS, "[[coupling]]")
    for name in ("pair", "kind", "strength"):
        _needed(item, name, "[[coupling]]")
    kinds = ("native", "controlled_rotation", "partial_swap", "partial_iswap")
    kind = check_choice("kind", item["kind"], kinds)
    pair = item["pair"]
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(
            f"Argument pair must hold two memristors, but {pair!r} was given; [0, 1] couples the "
            "first two."
        )
    first, second = (check_integer("pair", place, minimum=0) for place in pair)
    strength = item["strength"]
    if kind in ("native", "controlled_rotation"):
        _needed(item, "axis", "[[coupling]]")
        chosen = Native if kind == "native" else ControlledRotation
        return (first, second), chosen(item["axis"], strength)
    return (first, second), (PartialSwap if kind == "partial_swap" else PartialISwap)(strength)


def _known(item: Mapping[str, Any], names: tuple[str, ...], place: str) -> None:
    for name in item:
        if name not in names:
            raise ValueError(
                f"Argument path must hold known entries, but {place} has {name!r}; it may have "
                f"{', '.join(names)}."
            )


def _needed(item: Mapping[str, Any], name: str, place: str) -> None:
    if name not in item:
        raise ValueError(f"Argument path must hold {name} in every {place}, but one lacks it.")
