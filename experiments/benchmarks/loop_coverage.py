"""Rows of the coverage table for loops: area, perimeter, form factor, and "no loop" of resistors.

`experiments.benchmarks.coverage` prints them; the "times" of a row are the middles of its loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

import qmemcircuit as qm
from qmemcircuit.circuits.settings import default_bases
from qmemcircuit.common.states import outcome_probabilities

QUANTITIES = ("area", "perimeter", "form_factor")
PAPER = {"a": np.pi / 4, "b": np.pi / 5}
CASES: dict[str, tuple[qm.Memristor | qm.Network, str]] = {
    "resistor, Γ = 0.4": (qm.Memristor(qm.ConstantRate(0.4), **PAPER), "local_fit"),
    "paper, γ0 = 0.4": (qm.Memristor(qm.SquidRate(0.4), **PAPER), "local_fit"),
    "the same, I = ΓV": (qm.Memristor(qm.SquidRate(0.4), **PAPER), "current_operator"),
    "yy pair": (
        qm.Network(
            [qm.Memristor(qm.SquidRate(0.02), **PAPER)] * 2, {(0, 1): qm.Native("y", 1 / 15)}
        ),
        "current_operator",
    ),
    "xx pair, unlike": (
        qm.Network(
            [
                qm.Memristor(qm.SquidRate(0.2), **PAPER),
                qm.Memristor(qm.SquidRate(0.4), a=np.pi / 3, b=1.0),
            ],
            {(0, 1): qm.Native("x", 0.1)},
        ),
        "current_operator",
    ),
    "resistor, Γ = 0.05": (qm.Memristor(qm.ConstantRate(0.05), **PAPER), "local_fit"),
    "γ0 = 0.02": (qm.Memristor(qm.SquidRate(0.02), **PAPER), "local_fit"),
    "γ0 = 2": (qm.Memristor(qm.SquidRate(2.0), **PAPER), "local_fit"),
    "asymmetric": (qm.Memristor(qm.SquidRate(0.4), a=np.pi / 3, b=1.3), "local_fit"),
    "harmonics": (
        qm.Memristor(
            qm.FunctionRate(lambda t: 0.3 * (1 + 0.6 * np.sin(2 * t) + 0.3 * np.cos(3 * t))),
            a=np.pi / 4,
            b=0.3,
        ),
        "local_fit",
    ),
}
Numbers = tuple[str, str, int, int, np.ndarray, np.ndarray, float]


def loop_rows(runs: int, shots: Sequence[int], seed: int, laws: Sequence[str]) -> Iterator[Numbers]:
    """Yield quantity, law, shots, runs, times, coverage and nominal level of every row.

    Of a network the first memristor's. A run is dear (a fifth of a second), so there are 3/20 of
    `runs`: 150, or 30.
    """
    runs = max(20, 3 * runs // 20)
    for name in laws:
        model, current = CASES[name]
        network = qm.Network([model]) if isinstance(model, qm.Memristor) else model
        bases = default_bases(network)
        exact = qm.exact_circuit(network, network.periods(3, points=30))
        truth = qm.find_loops(exact)
        middles = np.array([(loop.start + loop.stop) / 2 for loop in truth])
        for number in shots:
            rng = np.random.default_rng(seed)
            held = np.zeros((runs, len(QUANTITIES), len(truth)))
            kept = np.zeros((runs, len(truth)))
            for run in range(runs):
                counts = [
                    rng.multinomial(number, outcome_probabilities(exact.states, basis))
                    for basis in bases
                ]
                samples = qm.Samples(bases, np.stack(counts, axis=1))
                record = qm.Record(network, exact.times, samples)
                found = qm.find_loops(qm.estimate(record, current=current), seed=run)
                for place, (loop, true) in enumerate(zip(found, truth, strict=True)):
                    kept[run, place] = loop.no_loop_p_value >= 0.05
                    for k, quantity in enumerate(QUANTITIES):
                        low, high = getattr(loop, f"{quantity}_interval")
                        value = getattr(true, quantity)
                        held[run, k, place] = low - 1e-9 <= value <= high + 1e-9
            for k, quantity in enumerate(QUANTITIES):
                coverage = held[:, k].mean(axis=0)
                label = f"{quantity.replace('_', ' ')} (95 % interval)"
                yield label, name, number, runs, middles, coverage, 0.95
            if name.startswith("resistor"):
                yield "no loop kept at 5 %", name, number, runs, middles, kept.mean(axis=0), 0.95
