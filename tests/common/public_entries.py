"""Every public entry, found by inspection: functions, classes and the classes' own methods."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import qmemcircuit
import qmemcircuit.neurons

ROOMS = (
    "qmemcircuit",
    "qmemcircuit.memory",
    "qmemcircuit.plotting",
    "qmemcircuit.sweeps.sweep",
    "qmemcircuit.model.laws.squid",
    "qmemcircuit.runs.jobs.ibm",
    *(m.name for m in pkgutil.walk_packages(qmemcircuit.neurons.__path__, "qmemcircuit.neurons.")),
)
"""Packages with an `__all__`, and modules whose names without an underscore are all public."""

MACHINERY = {
    # Numba's side of the solvers: they take packed arrays, already checked.
    "qmemcircuit.neurons.dynamics.integration.callbacks",
    "qmemcircuit.neurons.hodgkin_huxley.compiled",
    "qmemcircuit.neurons.integrate_and_fire.response",
    "qmemcircuit.neurons.shuttle.response",
    "qmemcircuit.neurons.dynamics.integration.stepper",
    "qmemcircuit.neurons.dynamics.integration.interpreted",
    "qmemcircuit.neurons.dynamics.integration.scipy_solvers",
    "qmemcircuit.neurons.dynamics.integration.kernels",
    "qmemcircuit.neurons.dynamics.integration.lanes",
    "qmemcircuit.neurons.dynamics.integration.steps",
    "qmemcircuit.neurons.dynamics.integration.tableau",
    "qmemcircuit.neurons.dynamics.integration.vectors",
    "qmemcircuit.neurons.dynamics.orbits",
    "qmemcircuit.neurons.dynamics.shooting",
    "qmemcircuit.neurons.integrate_and_fire.compiled",
    "qmemcircuit.neurons.integrate_and_fire.engine",
    "qmemcircuit.neurons.integrate_and_fire.methods",
    "qmemcircuit.neurons.shuttle.digital_step",
    "qmemcircuit.neurons.shuttle.field",
    "qmemcircuit.neurons.shuttle.many_orbits",
    "qmemcircuit.neurons.shuttle.polynomials",
}
OURS = {
    # Shared by modules of one package, which call them with values already checked.
    "qmemcircuit.neurons.contract": ("Neuron", "refuse_input", "refuse_state"),
    "qmemcircuit.neurons.methods": ("sampled_shots",),
    "qmemcircuit.neurons.photonic.memristor": ("respond",),
    "qmemcircuit.neurons.qlif": ("respond",),
    "qmemcircuit.neurons.closed_loop": ("StepSamplers", "loop_target"),
    "qmemcircuit.neurons.inputs": ("Wave", "describe_input", "longest_step"),
    "qmemcircuit.neurons.dynamics.attractors": ("warn_of_others",),
    "qmemcircuit.neurons.dynamics.equilibria": ("settling_time",),
    "qmemcircuit.neurons.dynamics.systems": (
        "Field",
        "Lanes",
        "March",
        "check_march",
        "check_moments",
        "drive_period",
        "march",
        "quarter_period",
        "require_autonomous",
        "require_formula",
        "stepper_equations",
    ),
    "qmemcircuit.neurons.hodgkin_huxley.membrane": ("equations", "respond"),
    "qmemcircuit.neurons.hodgkin_huxley.quantized": (
        "check_probabilities",
        "impedance_at",
        "is_own_drive",
        "quantized_units",
        "refuse_overdrive",
        "unit_scales",
    ),
    "qmemcircuit.neurons.hodgkin_huxley.response": ("equations", "respond"),
    "qmemcircuit.neurons.input_tables": ("StepInputs",),
    "qmemcircuit.neurons.integrate_and_fire.simulation": ("one_circuit",),
    "qmemcircuit.neurons.integrate_and_fire.neuron": ("check_covariance", "current_function"),
    "qmemcircuit.neurons.journal": (
        "StepJournal",
        "measure_step",
        "open_journal",
        "step_journal",
    ),
    "qmemcircuit.neurons.shuttle.bath": ("BathLoop",),
    "qmemcircuit.neurons.shuttle.circuits": (
        "history_chain",
        "preparation_angles",
        "reprepare_templates",
    ),
    "qmemcircuit.neurons.shuttle.composed": (
        "ComposedLoop",
        "drift_map",
        "preparation_map",
        "turn_map",
    ),
    "qmemcircuit.neurons.shuttle.device": ("Executed",),
    "qmemcircuit.neurons.shuttle.feedback": ("HistoryLoop", "ReprepareLoop"),
    "qmemcircuit.neurons.shuttle.digital": (
        "check_even_times",
        "check_seed",
        "check_shots",
        "check_voltages",
        "measured_series",
        "step_errors",
    ),
    "qmemcircuit.neurons.shuttle.neuron": (
        "bloch_states",
        "check_neuron_state",
        "check_relaxation_ratio",
        "describe",
        "drive_periods",
        "input_voltages",
        "pack_parameters",
        "step_inputs",
    ),
    "qmemcircuit.runs.jobs.ibm": ("connect",),
}


def public_objects() -> dict[str, Any]:
    """Return {"module.name": function or class} without repetitions."""
    found: dict[str, Any] = {}
    for room in ROOMS:
        if room in MACHINERY:
            continue
        module = importlib.import_module(room)
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == room
        ]
        for name in names:
            value = getattr(module, name)
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue  # colours, type aliases
            if name in OURS.get(room, ()):
                continue
            if inspect.isclass(value) and (
                issubclass(value, Exception)
                or getattr(value, "_is_protocol", False)
                or inspect.isabstract(value)
            ):
                continue  # protocols and abstract classes are what others write
            found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def methods_of(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public methods that a class defines itself, and `__call__` and `__getitem__`."""
    for name, value in vars(cls).items():
        if name.startswith("_") and name not in ("__call__", "__getitem__"):
            continue
        plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if inspect.isfunction(plain):
            yield name, plain


def entries_with_arguments() -> dict[str, tuple[str, ...]]:
    """Return {"module.qualified.name": argument names} of every entry that takes any."""
    found = {}
    for label, value in public_objects().items():
        found[label] = _arguments_of(value)
        if inspect.isclass(value):
            for name, method in methods_of(value):
                found[f"{label}.{name}"] = _arguments_of(method)
    return {label: arguments for label, arguments in found.items() if arguments}


def _arguments_of(entry: Any) -> tuple[str, ...]:
    """Return the names of what can be given by name: no *arguments and no **arguments."""
    return tuple(
        parameter.name
        for parameter in inspect.signature(entry).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and parameter.name not in ("self", "cls")
    )
