"""What each quantity needs of a measurement, known before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qmemcircuit.common.checks import FloatArray, check_choice
from qmemcircuit.counts.currents import FEWEST_TIMES
from qmemcircuit.counts.witnesses import FEWEST_SHOTS
from qmemcircuit.model.memristors import Network
from qmemcircuit.results.estimation import chosen_current, operator_terms, single_label

QUANTITIES = ("voltage", "current", "loops", "states", "concurrence")
"""What can be asked for: V, I, one I–V loop a period (area, form factor), the density matrix of all
memristors, and Wootters' concurrence of every coupled pair."""


def missing_requirements(
    network: Network, times: FloatArray, bases: Sequence[str], *, shots: int
) -> Mapping[str, str]:
    """Return for each of `QUANTITIES` why these measurements cannot give it; "" where they can.

    Args:
        network, times: the model.
        bases: measurement settings, letters X, Y, Z in memristor order.
        shots: of each circuit.
    """
    count = len(network.memristors)
    voltage = _unmeasured([single_label(j, "Y", count) for j in range(count)], bases)
    labels: set[str] = set()
    differentiated = chosen_current(network, None) != "current_operator"
    for j in range(count):
        if not differentiated:
            labels |= set(operator_terms(network, j, times))
        else:
            labels |= {single_label(j, letter, count) for letter in "XY"}
    current = _unmeasured(sorted(labels), bases)
    if not current and differentiated and times.size < FEWEST_TIMES:
        current = (
            f"the default current differentiates measured means and needs {FEWEST_TIMES} times, "
            f"not {times.size}: take more, or estimate(record, current='current_operator'), which "
            "assumes I = ΓV"
        )
    loops = current
    period = max(memristor.period for memristor in network.memristors)
    if not loops and times[-1] - times[0] < period * (1 - 1e-9):
        loops = (
            f"a loop is one period, {period:.4g}, but the times span "
            f"{times[-1] - times[0]:.4g}: measure longer"
        )
    states = ""
    if count > 2:
        states = f"states are reconstructed of one or two memristors, not of {count}"
    elif len(set(bases)) < 3**count:
        states = "states take more settings than are measured: bases='tomography' has all"
    return {
        "voltage": voltage,
        "current": current,
        "loops": loops,
        "states": states,
        "concurrence": _concurrence(network, bases, shots),
    }


def check_quantities(
    quantities: Sequence[str],
    network: Network,
    times: FloatArray,
    bases: Sequence[str],
    *,
    shots: int,
) -> None:
    """Raise ValueError where one of the wanted quantities could not be estimated, with why."""
    if isinstance(quantities, str) or not isinstance(quantities, Sequence):
        raise TypeError(
            f"Argument quantities must be a list such as ['current', 'concurrence'], but "
            f"{quantities!r} was given."
        )
    missing = missing_requirements(network, times, bases, shots=shots)
    for quantity in quantities:
        check_choice("quantities", quantity, QUANTITIES)
        if missing[quantity]:
            raise ValueError(
                f"Argument quantities must be what this measurement can give, but "
                f"{quantity!r} is asked for and {missing[quantity]}."
            )


def _concurrence(network: Network, bases: Sequence[str], shots: int) -> str:
    if len(network.memristors) < 2:
        return "concurrence is of two memristors; this model has one"
    if shots < FEWEST_SHOTS:
        return f"its interval needs {FEWEST_SHOTS} shots a circuit, not {shots}"
    pairs = [pair for pair, _ in network.couplings] or [(0, 1)]
    for first, second in pairs:
        found = {setting[first] + setting[second] for setting in bases}
        if len(found) < 9:
            return (
                f"{9 - len(found)} of the nine settings of the pair ({first}, {second}) are not "
                "measured: bases='tomography' has them"
            )
    return ""


def _unmeasured(labels: Sequence[str], bases: Sequence[str]) -> str:
    """Return which Pauli mean no setting measures, in words; "" where all are there."""
    for label in labels:
        measured = any(
            all(wanted in ("I", letter) for wanted, letter in zip(label, setting, strict=True))
            for setting in bases
        )
        if not measured and set(label) != {"I"}:
            return f"no setting measures {label}: bases=None takes those that V and I need"
    return ""
