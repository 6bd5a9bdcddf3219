"""The compiled functions as Python runs them, for the first calls of a process.

Compiling the stepper takes seconds, once for an installation; an orbit of some hundred steps takes
Python a tenth of that. So a process that finds nothing compiled begins by interpreting: the same
functions, line by line, with the same numbers to rounding. Where a call would take longer than is
left of the allowance, the compiler is asked. What is compiled, in this process or on disk, is
always taken.

That is the rule for renting skis: who buys when the rent has reached the price never pays more than
twice what was needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from qmemcircuit.neurons.dynamics.integration import stepper
from qmemcircuit.neurons.dynamics.integration.callbacks import Callback
from qmemcircuit.neurons.dynamics.integration.kernels import is_compiled
from qmemcircuit.neurons.dynamics.integration.steps import Equations

_REFUSALS = ArithmeticError, ValueError
"""What Python raises where compiled code makes NaN or infinity; the compiled code then decides."""

_PROBE = 25
"""Steps after which it is known how long the others will take."""


class Allowance:
    """Processor seconds that may still go into interpreting."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def grants(self, needed: float) -> bool:
        """Take off what a call needs, if it is there; say whether it was."""
        if needed > self.seconds:
            return False
        self.seconds -= needed
        return True


# With the imports a first call then stays below two seconds. Like what numba has compiled, this is
# the process's own: no number depends on it beyond rounding.
ALLOWANCE = Allowance(0.8)


def interprets(kernel: Any, needed: float) -> bool:
    """Say whether a call, of so many seconds in Python, is to be interpreted; if so, take them."""
    return not is_compiled(kernel) and ALLOWANCE.grants(needed)


def call(kernel: Any, needed: float, *arguments: Any) -> Any:
    """Return kernel(*arguments), of `needed` seconds in Python, by the better way."""
    if interprets(kernel, needed):
        with suppress(*_REFUSALS), np.errstate(all="ignore"):
            return interpreted(kernel)(*arguments)
    return kernel(*arguments)


@cache
def interpreted(function: Any) -> Any:
    """Return a compiled function, and with it all that it calls, as Python runs it."""
    plain = getattr(function, "py_func", function)
    if not isinstance(plain, FunctionType):
        return plain
    called = {
        name: interpreted(value)
        for name, value in plain.__globals__.items()
        if name in plain.__code__.co_names and hasattr(value, "py_func") and value is not function
    }
    return FunctionType(
        plain.__code__, plain.__globals__ | called, plain.__name__, plain.__defaults__,
        plain.__closure__,
    )  # fmt: skip


def evaluate(kernel: Any, callback: Callback, t: float, y: Any, out: Any, p: Any) -> None:
    """Write a right-hand side or Jacobian at one point into `out`: some 0.1 ms in Python."""
    if interprets(kernel, 1e-4) and _succeeds(interpreted(callback.function), t, y, out, p):
        return
    kernel(callback.address, t, y, out, p)


# More than eight parameters: those of the stepper.
def march(
    equations: Equations, times: Any, start: Any, settings: Any, events: stepper.Events,
    samples: Any, extremes: Any, outcome: Any,
) -> None:  # fmt: skip
    """Do what `stepper.march` does, with callbacks for the addresses of its equations."""
    rest = samples, extremes, outcome
    begins = ALLOWANCE.seconds > 0 and not is_compiled(stepper.march)
    if begins and _march_interpreted(equations, times, start, settings, events, *rest):
        return
    jacobian = equations.jacobian.address if start.size > len(equations.matrix) else 0
    compiled = equations._replace(rate=equations.rate.address, jacobian=jacobian)
    address = 0 if events.function == 0 else events.function.address
    stepper.march(compiled, times, start, settings, events._replace(function=address), *rest)


def _march_interpreted(
    equations: Equations, times: Any, start: Any, settings: Any, events: Any, *rest: Any
) -> bool:
    """March in Python if the allowance suffices; say whether it did. If not, nothing has moved."""
    outcome, moving = rest[-1], (start, equations.p, events.numbers)
    begin = [np.copy(numbers) for numbers in moving]
    plain = equations._replace(
        rate=interpreted(equations.rate.function), jacobian=interpreted(equations.jacobian.function)
    )
    if events.function != 0:
        events = events._replace(function=interpreted(events.function.function))
    most = _PROBE
    while most > 0:
        limits = settings.copy()
        limits[stepper.STEPS] = min(most, settings[stepper.STEPS])
        began = time.process_time()
        came = _succeeds(interpreted(stepper.march), plain, times, start, limits, events, *rest)
        spent = time.process_time() - began
        ALLOWANCE.seconds -= spent
        stopped = outcome[stepper.STATUS] == stepper.USED_UP and most < settings[stepper.STEPS]
        if came and not stopped:
            return True
        for numbers, before in zip(moving, begin, strict=True):
            numbers[:] = before
        covered = (outcome[stepper.REACHED] - times[0]) / (times[-1] - times[0])
        if not came or most > _PROBE or spent > covered * ALLOWANCE.seconds:
            return False
        most = int(_PROBE * ALLOWANCE.seconds / max(spent, 1e-6))
    return False


def _succeeds(function: Callable[..., Any], *arguments: Any) -> bool:
    """Run a function in Python, and say whether it came to its end."""
    with suppress(*_REFUSALS), np.errstate(all="ignore"):
        function(*arguments)
        return True
    return False
