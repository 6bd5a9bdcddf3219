"""Where do our error bars hold, and where not? One table for all estimators.

    python -m experiments.benchmarks.coverage [--quick] [--only FAMILY ...] [--laws LAW ...]
        [--shots N ...]

Every row simulates the same experiment many times, with other shot noise, and counts at each time
by itself how often |estimate − truth| ≤ 2 standard errors (95.45 % for a Gaussian); intervals say
their own level. The range beside it is where the observed share of so many runs must lie at *every*
time of the row if the coverage is nominal there, but for one row in ten thousand. Verdicts:
"FAILS": below the range at so many of the row's times; "wide": nowhere below, but on average it
misses less than half as often as it may (the error bar says less than it could); else "holds".

Truths are closed forms or the density matrices that the counts are drawn from; no estimator's own
output. A row family is one function `(runs: int) -> Iterator[Row]`; to add one, write it and name
it in `FAMILIES`. `runs` is what a cheap family should do; a dear one
takes a fraction of it and says so in `Row.runs`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

import qmemcircuit as qm
from experiments.benchmarks.loop_coverage import CASES, loop_rows
from qmemcircuit.circuits.settings import parse_bases
from qmemcircuit.common.states import concurrence_of_states, outcome_probabilities
from qmemcircuit.counts.currents import ExpectedMeans, finite_difference, local_fit
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout, confusion_matrix

TWO_ERRORS = 0.9545
RUNS = 1000
QUICK_RUNS = 200
FALSE_ALARM = 1e-4
SHOTS = (100, 5000, 10**5, 10**6)
SEED = 7

LAWS: dict[str, qm.DecayRate] = {
    "paper, γ0 = 0.4": qm.SquidRate(0.4),
    "γ0 = 0.02": qm.SquidRate(0.02),
    "constant, γ = 2": qm.ConstantRate(2.0),
    "0.3 (1 + sin 9t)": qm.FunctionRate(lambda t: 0.3 * (1 + np.sin(9 * t))),
    "step at t = 7": qm.FunctionRate(lambda t: 0.1 if t < 7.0 else 0.8, breakpoints=(7.0,)),
    "pulse 6.9 to 7.2": qm.FunctionRate(
        lambda t: 4.0 if 6.9 <= t < 7.2 else 0.05, breakpoints=(6.9, 7.2)
    ),
}


@dataclass(frozen=True)
class Row:
    """How often an error bar held the truth at each time, (T,), in so many independent runs."""

    quantity: str
    law: str
    shots: int
    runs: int
    times: np.ndarray
    coverage: np.ndarray
    nominal: float = TWO_ERRORS

    @property
    def range(self) -> tuple[float, float]:
        """Where every time's coverage must lie if it is nominal."""
        tail = FALSE_ALARM / (2 * self.coverage.size)
        low, high = binom.ppf([tail, 1 - tail], self.runs, self.nominal) / self.runs
        return float(low), float(high)

    @property
    def verdict(self) -> str:
        """One word, and where it fails."""
        low, _ = self.range
        failing = int(np.sum(self.coverage < low))
        if failing:
            return f"FAILS at {failing} of {self.coverage.size} times"
        return "wide" if self.coverage.mean() > (1 + self.nominal) / 2 else "holds"

    def __str__(self) -> str:
        low, high = self.range
        worst = int(np.argmin(self.coverage))
        return (
            f"{self.quantity:<34} {self.law:<19} {self.shots:>8} {self.runs:>5}  "
            f"{100 * low:5.1f} to {100 * high:5.1f}  "
            f"{100 * self.coverage[worst]:5.1f} at t = {self.times[worst]:5.2f}  "
            f"{100 * self.coverage.mean():5.1f}  {100 * self.coverage.max():5.1f}  {self.verdict}"
        )


def voltages(runs: int) -> Iterator[Row]:
    """V, and I = ΓV from the same counts (`current_operator`)."""
    runs *= 5
    for law, memristor, times, truth in _memristors():
        for shots in SHOTS:
            (_, _), (y, error) = _means(truth, shots, runs)
            scale = 0.5 * memristor.current_scale
            held = np.abs(scale * (y - truth.y)) <= 2 * scale * error
            yield Row("V", law, shots, runs, times, held.mean(axis=0))
            slope = memristor.decay_rate(times) * scale
            held = np.abs(slope * y - truth.current) <= 2 * slope * error + 1e-15
            yield Row("I, current_operator", law, shots, runs, times, held.mean(axis=0))


def currents(runs: int) -> Iterator[Row]:
    """I by the two estimators that differentiate, with the model's bias taken off (default)."""
    yield from _currents(runs, "model")


def currents_of_wrong_models(runs: int) -> Iterator[Row]:
    """The same, of a device that decays faster by a tenth than its model."""
    yield from _currents(runs, "model wrong by 10 %")


def currents_without_model(runs: int) -> Iterator[Row]:
    """I with bias="data": what it promises is honest errors where the data show the structure."""
    yield from _currents(runs // 2, "data")


def concurrences(runs: int) -> Iterator[Row]:
    """Concurrence of a pair by tomography, its 95 % interval, at each time by itself."""
    pair = qm.Network(
        [qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4, b=np.pi / 5)] * 2,
        {(0, 1): qm.Native("y", 1 / 15)},
    )
    times = pair.periods(2, points=4)
    master = qm.master_equation(pair, times)
    assert master.states is not None
    truth = concurrence_of_states(master.states)
    bases = parse_bases("tomography", 2)
    runs = max(20, runs // 5)
    for shots in (1000, 10**5):
        held = np.zeros((runs, times.size))
        rng = np.random.default_rng(SEED)
        for run in range(runs):
            counts = [
                rng.multinomial(shots, outcome_probabilities(master.states, b)) for b in bases
            ]
            samples = qm.Samples(tuple(bases), np.stack(counts, axis=1))
            found = qm.estimate(qm.Record(pair, times, samples)).concurrence(0, 1)
            assert found.lower is not None
            assert found.upper is not None
            held[run] = (found.lower <= truth + 1e-12) & (truth <= found.upper + 1e-12)
        yield Row(
            "concurrence (95 % interval)", "σyσy pair", shots, runs, times, held.mean(0), 0.95
        )


def mitigated_values(runs: int) -> Iterator[Row]:
    """V after zero-noise extrapolation and readout correction of a noise that they undo exactly.

    Depolarizing by 3 % a noise factor (the extrapolation's straight line is then the truth) and
    readout flips. Noise of another kind leaves a bias that no error bar here knows.
    """
    flips, factors = np.array([[0.02, 0.05]]), (1, 3, 5)
    runs = max(20, runs // 2)
    for law, _, times, truth in list(_memristors())[:2]:
        for shots in (1000, 10**5):
            rng = np.random.default_rng(SEED)
            held = np.zeros((runs, times.size))
            for run in range(runs):
                # The same calibration for all times of one run, another one for each run.
                readout = Readout(rng.multinomial(10 * shots, confusion_matrix(flips[0]).T))
                data = []
                for factor in factors:
                    counts = []
                    for mean in (truth.x, truth.y):
                        ideal = np.stack([1 + mean * (1 - 0.03 * factor)] * 2, axis=1) / 2
                        ideal[:, 1] = 1 - ideal[:, 0]
                        counts.append(rng.multinomial(shots, ideal @ confusion_matrix(flips[0]).T))
                    data.append(qm.Samples(("X", "Y"), np.stack(counts, axis=1)))
                found = MitigatedSamples(Mitigation(factors), tuple(data), readout)
                y, error = found.combine({"Y": 1.0})
                held[run] = np.abs(y - truth.y) <= 2 * error
            yield Row("V, mitigated", law, shots, runs, times, held.mean(axis=0))


def loops(runs: int) -> Iterator[Row]:
    """Area, perimeter and form factor of loops, 95 % intervals; "no loop" of resistors at 5 %."""
    yield from (Row(*numbers) for numbers in loop_rows(runs, SHOTS, SEED, list(CASES)))


Family = Callable[[int], Iterator[Row]]

FAMILIES: tuple[Family, ...] = (
    voltages,
    currents,
    currents_of_wrong_models,
    currents_without_model,
    concurrences,
    mitigated_values,
    loops,
)
"""Every row of the table."""


def _memristors() -> Iterator[tuple[str, qm.Memristor, np.ndarray, ExpectedMeans]]:
    for name, law in LAWS.items():
        memristor = qm.Memristor(law, a=np.pi / 4, b=np.pi / 5)
        times = memristor.periods(3, points=30)
        yield name, memristor, times, _closed_form(memristor, times, 1.0)


def _closed_form(memristor: qm.Memristor, times: np.ndarray, factor: float) -> ExpectedMeans:
    """<X>, <Y> and I with the decay rate multiplied by `factor`."""
    decay = factor * memristor.decay_integral(0.0, times)
    coherence = memristor.initial_state[1, 0] * np.exp(-decay / 2 - 1j * memristor.omega * times)
    voltage = memristor.current_scale * coherence.imag
    rate = factor * memristor.decay_rate(times)
    return ExpectedMeans(2 * coherence.real, 2 * coherence.imag, rate * voltage)


def _means(
    truth: ExpectedMeans, shots: int, runs: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return drawn means of X and of Y with their errors, (runs, T), as `pauli_mean` gives them."""
    rng = np.random.default_rng(SEED)
    found = []
    for mean in (truth.x, truth.y):
        ones = rng.binomial(shots, np.clip((1 + mean) / 2, 0, 1), size=(runs, mean.size))
        counts = np.stack([ones, shots - ones], axis=-1).reshape(-1, 1, 2)
        value, error = qm.pauli_mean(qm.Samples(("Y",), counts), "Y")
        found.append((value.reshape(ones.shape), error.reshape(ones.shape)))
    return found[0], found[1]


def _currents(runs: int, known: str) -> Iterator[Row]:
    for law, memristor, times, model in _memristors():
        wrong = known == "model wrong by 10 %"
        truth = _closed_form(memristor, times, 1.1) if wrong else model
        for estimator in (local_fit, finite_difference):
            for shots in SHOTS:
                (x, x_error), (y, y_error) = _means(truth, shots, runs)
                found = estimator(
                    times,
                    x,
                    y,
                    x_error,
                    y_error,
                    omega=memristor.omega,
                    scale=memristor.current_scale,
                    expected=None if known == "data" else model,
                )
                held = np.abs(found.value - truth.current) <= 2 * found.error
                name = f"I, {estimator.__name__}, {known}"
                yield Row(name, law, shots, runs, times, held.mean(axis=0))


def main() -> None:
    """Print the table and what it says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs, not {RUNS}")
    names = [family.__name__ for family in FAMILIES]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="FAMILY")
    parser.add_argument("--laws", nargs="+", choices=list(CASES), metavar="LAW", help="loops alone")
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS, help="with --laws")
    arguments = parser.parse_args()
    families: dict[str, Family] = {family.__name__: family for family in FAMILIES}
    if arguments.laws:
        families = {
            "loops": lambda runs: (
                Row(*numbers) for numbers in loop_rows(runs, arguments.shots, SEED, arguments.laws)
            )
        }
    begin = time.perf_counter()
    print(
        f"{'quantity':<34} {'law':<19} {'shots':>8} {'runs':>5}  {'range in %':<14}  "
        f"{'lowest in %':<18}  {'mean':>5}  {'most':>5}  verdict"
    )
    rows = []
    for name, family in families.items():
        if name in arguments.only:
            for row in family(QUICK_RUNS if arguments.quick else RUNS):
                rows.append(row)
                print(row, flush=True)
    print(f"\n{len(rows)} rows in {time.perf_counter() - begin:.0f} s.")
    for quantity in dict.fromkeys(row.quantity for row in rows):
        mine = [row for row in rows if row.quantity == quantity]
        counted = {
            word: sum(row.verdict.startswith(word) for row in mine)
            for word in ("holds", "wide", "FAILS")
        }
        words = ", ".join(f"{word} in {number}" for word, number in counted.items() if number)
        print(f"{quantity}: {words} of {len(mine)} rows.")


if __name__ == "__main__":
    main()
