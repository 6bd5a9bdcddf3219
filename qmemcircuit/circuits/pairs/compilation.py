"""`compile_pair`: the whole channel of two memristors over [0, t] in a few collisions each.

Damping and couplings do not commute, so the circuits of small steps grow with t. But the exact
map of a *pair* is only 16×16: it is computed classically, and the circuit is

    gate, collisions, gate, collisions, gate, …

with the two-qubit gates and the collision probabilities chosen for that t. The circuit has the
same depth at every t. What it is not: a stepwise simulation, or a way to networks that cannot be
solved classically; the angles need the pair's master equation.

Where both memristors have the same frequency and the same Γ(t), and the coupling is a sum of
σxσx, σyσy and σzσz (so `Native`, `PartialSwap`, `PartialISwap`), two collisions and their gates
have a closed form. It is exact where the coupling conserves the number of excitations (σzσz,
`PartialSwap`, `PartialISwap`); for σxσx and σyσy the error is of the order of g²/2ω² and γg/ω²,
whatever t. Where there is none, or where it misses the tolerance, gates and probabilities are
fitted to the exact map, with as many collisions as the tolerance needs. The proof is in
experiments/derivations/compiled_pair.md.

**Nothing is approximated in silence.** The `residual` of every circuit bounds the trace distance to
the master equation for every input state. Where it exceeds the tolerance, ValueError is raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.channels.pair_maps import check_pair, pair_maps
from qmemcircuit.circuits.pairs.closed_form import (
    closed_form,
    closed_form_applies,
    damping_integrals,
)
from qmemcircuit.circuits.pairs.search import (
    CompilationProblem,
    CompiledMethod,
    search_sequences,
)
from qmemcircuit.circuits.pairs.sequence import NOTHING, PairSequence
from qmemcircuit.circuits.residuals import TOLERANCE, Exceeded, check_options, report_exceeded
from qmemcircuit.circuits.splitting import Element
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    check_choice,
    check_real,
    check_times,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.memristors import Network


@data_object
@dataclass(frozen=True, eq=False)
class CompiledPair:
    """The circuit of a pair for one time, as gates and collisions, and how far it is from the map.

    Attributes:
        time: t.
        sequence: gates on both memristors and collisions between them; none at t = 0.
        residual: no input state, entangled with other systems or not, comes out farther from the
            master equation's result than this, in trace distance: ½‖Tr_out |J|‖ with J the
            difference of the two Choi matrices, an upper bound of half the diamond norm. It
            includes the error of the integrated map, about 1e-9. It does *not* include what a
            transpiler adds: Qiskit's synthesis takes a two-qubit gate for one of a special class
            within an infidelity of 1e-9, up to 6e-5 in operator norm a gate.
        method: `"closed form"` or `"fitted"`.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> compiled = qm.compile_pair(pair, 20.0)
    >>> compiled.residual < 0.005  # the tolerance that is asked for by default
    True
    """

    time: float
    sequence: PairSequence
    residual: float
    method: CompiledMethod

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def elements(self) -> tuple[Element, ...]:
        """Gates and collisions in the order of application; none at t = 0."""
        return self.sequence.elements()

    @property
    def collisions(self) -> int:
        """Collisions of each memristor; 0 at t = 0."""
        return len(self.sequence.probabilities)


def compile_pair(
    network: Network,
    time: float,
    *,
    method: CompiledMethod | None = None,
    collisions: int | None = None,
    tolerance: float = TOLERANCE,
    exceeded: Exceeded = "refuse",
) -> CompiledPair:
    """Return the constant-depth circuit of two memristors over [0, time].

    Args:
        network: exactly two memristors, with any couplings between them.
        time: t ≥ 0.
        method: `"closed form"` or `"fitted"`; None takes the closed form where there is one and it
            meets the tolerance.
        collisions: of each memristor, 1 to 8; None takes 2 and more until the tolerance is met.
            The closed form has two; any other number is fitted.
        tolerance: the largest residual, above 0 (see `CompiledPair`).
        exceeded: where it cannot be met, `"refuse"` raises ValueError, `"warn"` warns.

    n collisions cost at most 1 + 7n two-qubit gates from a pure state (13 for the closed form of a
    coupling that only exchanges). Raises ValueError for a network that is not a pair, a negative
    rate, a closed form where there is none, or a tolerance that is not met.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    >>> pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.06)})
    >>> compiled = compile_pair(pair, 20 * pair.period)
    >>> compiled.method, len(compiled.elements), compiled.residual < 0.005
    ('closed form', 7, True)
    """
    check_arguments(compile_pair, locals())
    moment = check_real("time", time, minimum=0)
    check_work("time", moment / network.period, 10**6, "periods")
    (found,) = compile_pairs(
        network,
        [moment],
        method=method,
        collisions=collisions,
        tolerance=tolerance,
        exceeded=exceeded,
    )
    return found


def compile_pairs(
    network: Network,
    times: ArrayLike,
    *,
    method: CompiledMethod | None = None,
    collisions: int | None = None,
    tolerance: float = TOLERANCE,
    exceeded: Exceeded = "refuse",
    balance: float = 0.0,
) -> tuple[CompiledPair, ...]:
    """Return `compile_pair` at every one of `times`, with one integration of the exact map.

    All times have the same number of collisions: the smallest one with which all are within the
    tolerance. Within it, the closed form is preferred, for it has the fewest gates; else the
    best of several fits is taken (see `search`). The closed form takes milliseconds a time,
    fits 10 to 100 milliseconds a time (python -m experiments.benchmarks.compiled_pairs).

    `balance`, between −1 and 1, moves damping from the second collision of the closed form
    (w2) to the first (w1): w1 − w2 = balance × min(|z+|, |z−|). The chord through z turns, the
    channel stays the same: every balance has the same residual. Fits ignore it.
    """
    check_pair(network)
    checked = check_times(times)
    if abs(check_real("balance", balance)) > 1:
        raise ValueError(
            f"Argument balance must be between -1 and 1, but {balance:g} was given: the weights "
            "of a chord through z differ by at most |z|."
        )
    if method is not None:
        check_choice("method", method, ("closed form", "fitted"))
    check_options(tolerance, collisions, exceeded)
    later = checked[checked > 0]
    knots, damping = damping_integrals(network, later)
    closed = collisions in (None, 2) and closed_form_applies(network, damping)
    if method == "closed form" and not closed:
        raise ValueError(
            "Argument method must not be 'closed form' for this pair, but it was given; the "
            "closed form needs equal frequencies, equal Γ(t), a coupling made of σxσx, σyσy and "
            "σzσz, and two collisions. Use method='fitted' or None."
        )
    start = () if later.size == checked.size else (0.0,)
    if not later.size:
        return tuple(_nothing(time, closed and method != "fitted") for time in start)
    ends = np.flatnonzero(np.isin(knots, later))
    problem = CompilationProblem(
        network, later, damping[:, ends], pair_maps(network, later), tolerance
    )
    formula: list[PairSequence] = []
    if closed and method != "fitted":
        formula = closed_form(network, knots, damping[0], ends, balance)
    searched = search_sequences(problem, formula, method == "closed form", collisions)
    found = tuple(
        CompiledPair(float(time), sequence, float(residual), way)
        for time, sequence, residual, way in zip(later, *searched, strict=True)
    )
    worst = int(np.argmax([pair.residual for pair in found]))
    if found[worst].residual > tolerance:
        report_exceeded(
            "pair", found[worst], tolerance, exceeded, "Use splitting='fused' with enough steps"
        )
    return tuple(_nothing(time, found[0].method == "closed form") for time in start) + found


def balanced_pairs(
    network: Network, pairs: tuple[CompiledPair, ...], balance: float
) -> tuple[CompiledPair, ...]:
    """Return the closed forms of `pairs`, all later than 0, in another balance (`compile_pairs`).

    Milliseconds, for the residuals are kept: the channel is the same.
    """
    times = np.array([pair.time for pair in pairs])
    knots, damping = damping_integrals(network, times)
    ends = np.flatnonzero(np.isin(knots, times))
    sequences = closed_form(network, knots, damping[0], ends, balance)
    return tuple(
        replace(pair, sequence=sequence) for pair, sequence in zip(pairs, sequences, strict=True)
    )


def stored_pairs(pairs: Sequence[CompiledPair]) -> dict[str, Any]:
    """Return compiled circuits as arrays for a file; `restored_pairs` brings back every bit.

    `times` (T,), `gates` (T, n + 1, 4, 4), `probabilities` (T, n, 2), `residuals` (T,) and
    `closed_form` (T,), 1 where the closed form was taken. t = 0 has gates 1 and no damping.
    """
    most = max(pair.collisions for pair in pairs)
    gates = np.tile(np.eye(4, dtype=complex), (len(pairs), most + 1, 1, 1))
    probabilities = np.zeros((len(pairs), most, 2))
    for place, pair in enumerate(pairs):
        if pair.time > 0:
            gates[place], probabilities[place] = pair.sequence.gates, pair.sequence.probabilities
    return {
        "times": np.array([pair.time for pair in pairs]),
        "gates": gates,
        "probabilities": probabilities,
        "residuals": np.array([pair.residual for pair in pairs]),
        "closed_form": np.array([int(pair.method == "closed form") for pair in pairs]),
    }


def restored_pairs(stored: Mapping[str, Any]) -> tuple[CompiledPair, ...]:
    """Return what `stored_pairs` made arrays of."""
    return tuple(
        CompiledPair(
            float(time),
            PairSequence(gates, probabilities) if time > 0 else NOTHING,
            float(residual),
            "closed form" if closed else "fitted",
        )
        for time, gates, probabilities, residual, closed in zip(
            stored["times"],
            stored["gates"],
            stored["probabilities"],
            stored["residuals"],
            stored["closed_form"],
            strict=True,
        )
    )


def _nothing(time: float, closed: bool) -> CompiledPair:
    return CompiledPair(time, NOTHING, 0.0, "closed form" if closed else "fitted")
