"""`compare`: how far two trajectories are apart, in numbers, in standard errors and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from qmemcircuit.analysis.budget import ErrorBudget, check_same_times, error_budget
from qmemcircuit.analysis.comparison_text import (
    FORM_FACTOR_KEY,
    form_factor_text,
    names_of,
    no_loop_text,
    table_lines,
)
from qmemcircuit.analysis.counts_test import CountsTest, count_test
from qmemcircuit.analysis.loops import Loop, find_loops
from qmemcircuit.analysis.rate_factor import RateFactor, measure_rate_factor
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import trace_distance
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.results.certificate import Certificate
from qmemcircuit.results.trajectory import Trajectory

SIGNIFICANCE = 0.01
"""Two trajectories are said to disagree where such data have a smaller probability than this."""

LOOP_SIGNIFICANCE = 0.04
"""So seldom may chance alone make any of the loops contradict the other side's: with the counts'
0.01, a true model is said to disagree in 5 % of comparisons at most."""


# More than ten fields: differences, tests, loops, and what is known of where they come from.
@data_object(also=("verdict",))
@dataclass(frozen=True, eq=False)
class Comparison:
    """The distance between trajectories a and b.

    Attributes:
        times: shape (T,).
        voltage, current: a − b, an `Estimate` of shape (T, M), with both sides' standard errors
            combined; without where neither side has any. What is derived from the two:
            `voltage_residual`, `current_residual`, `voltage_rms`, `voltage_max`, `current_rms`,
            `current_max`.
        counts: χ² of the independently sampled outcomes. Also readable as `chi_square`,
            `degrees_of_freedom`, `p_value` and `tested`.
        rate_factor: the common factor on the decay rates that the counts ask for, a directed test
            of what χ² over all outcomes is weak against; see `rate_factor.measure_rate_factor`.
        trace_distance: shape (T,), or None where one side has no states. Against tomographic
            states it has a bias upwards of the order of the shot noise.
        loops: those of a and of b, also readable as `loops_a` and `loops_b`: the I–V loops of each
            device, with form factors; empty tuples where the times hold no whole period, or fewer
            than nine points in one.
        current_notes: where a current rests on the model more than on the counts.
        budget: where the distance comes from; None unless `noisy` and `exact` were given.
        certificate: what splitting may have moved any input's state by; None where not given.
        compilation_residual: shape (T,), what compiling the circuits may have moved the states by,
            in trace distance, at most, both sides added; None where neither was compiled.
        names: what tables call a and b, such as "digital" and "master equation".

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> comparison = qm.compare(qm.estimate(record), qm.master_equation(memristor, record.times))
    >>> comparison.agree, comparison.voltage_rms.shape
    (True, (1,))
    """

    times: FloatArray
    voltage: Estimate[FloatArray]
    current: Estimate[FloatArray]
    counts: CountsTest
    rate_factor: RateFactor
    trace_distance: FloatArray | None
    loops: tuple[tuple[tuple[Loop, ...], ...], tuple[tuple[Loop, ...], ...]]
    current_notes: tuple[str, ...] = ()
    budget: ErrorBudget | None = None
    compilation_residual: FloatArray | None = None
    certificate: Certificate | None = None
    names: tuple[str, str] = ("a", "b")

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def voltage_residual(self) -> FloatArray | None:
        """(a − b) / combined standard error of V, (T, M); None where neither side has errors."""
        return _in_errors(self.voltage)

    @property
    def current_residual(self) -> FloatArray | None:
        """The same of I. Neighbouring residuals are correlated."""
        return _in_errors(self.current)

    @property
    def voltage_rms(self) -> FloatArray:
        """Root mean square over the times of a − b in V, (M,)."""
        return _rms(self.voltage)

    @property
    def voltage_max(self) -> FloatArray:
        """Largest |a − b| in V, (M,)."""
        return _largest(self.voltage)

    @property
    def current_rms(self) -> FloatArray:
        """Root mean square over the times of a − b in I, (M,)."""
        return _rms(self.current)

    @property
    def current_max(self) -> FloatArray:
        """Largest |a − b| in I, (M,)."""
        return _largest(self.current)

    @property
    def chi_square(self) -> float | None:
        """`counts.chi_square`."""
        return self.counts.chi_square

    @property
    def degrees_of_freedom(self) -> int:
        """`counts.degrees_of_freedom`."""
        return self.counts.degrees_of_freedom

    @property
    def p_value(self) -> float | None:
        """`counts.p_value`."""
        return self.counts.p_value

    @property
    def tested(self) -> str:
        """`counts.tested`."""
        return self.counts.tested

    @property
    def loops_a(self) -> tuple[tuple[Loop, ...], ...]:
        """The loops of each device of a."""
        return self.loops[0]

    @property
    def loops_b(self) -> tuple[tuple[Loop, ...], ...]:
        """The loops of each device of b."""
        return self.loops[1]

    @property
    def agree(self) -> bool | None:
        """Whether the two agree within the shots; None where nothing was sampled.

        By χ² alone, p ≥ 0.01; where the factor on the decay rates is tested too, both p ≥ 0.005,
        so that together they reject a true model in 1 % of runs at most. And no loop's form factor
        may contradict the other's (`differing_loops`), which chance alone makes 4 % of comparisons
        do at most, however many loops there are: 5 % in all.
        """
        if self.p_value is None:
            return None
        return self._counts_agree and not self.differing_loops

    @property
    def _counts_agree(self) -> bool | None:
        if self.p_value is None:
            return None
        directed = self.rate_factor.p_value
        if directed is None:
            return self.p_value >= SIGNIFICANCE
        return min(self.p_value, directed) >= SIGNIFICANCE / 2

    @property
    def differing_loops(self) -> tuple[tuple[int, int], ...]:
        """(device, index) of the loops whose form factors contradict each other.

        Their values differ by more than the sides of the 95 % intervals that face each other
        (the root of the sum of squares where both have one), each stretched as a normal error's
        would be from 95 % to 1 − 0.04/n for n loops (Bonferroni): by chance alone that happens
        to any of them in 4 % of comparisons at most.
        """
        pairs = [
            (j, a, b)
            for j, both in enumerate(zip(self.loops_a, self.loops_b, strict=True))
            for a, b in zip(*both, strict=False)
            if a.form_factor_interval is not None or b.form_factor_interval is not None
        ]
        if not pairs:
            return ()
        stretch = norm.isf(LOOP_SIGNIFICANCE / 2 / len(pairs)) / norm.isf(0.025)
        return tuple((j, a.index) for j, a, b in pairs if _differ(a, b, stretch))

    @property
    def verdict(self) -> str:
        """The comparison in one sentence, and in another what compilation may have done to it."""
        if self.compilation_residual is None:
            return self._finding
        return (
            f"{self._finding} Compiling the circuits may have moved the states by a trace distance "
            f"of up to {self.compilation_residual.max():.2g}."
        )

    @property
    def _finding(self) -> str:
        if self.p_value is None:
            largest = max(float(self.voltage_max.max()), float(self.current_max.max()))
            distance = (
                ""
                if self.trace_distance is None
                else f", trace distance at most {self.trace_distance.max():.2g}"
            )
            residual, within = self.voltage_residual, ""
            if residual is not None:
                share = float(np.mean(np.abs(residual) <= 2))
                within = f"; {share:.0%} of V within two of their standard errors (95 % by chance)"
            return (
                f"No χ² ({self.tested}): V and I differ by at most {largest:.2g}{distance}{within}."
            )
        counts = (
            f"χ² = {self.chi_square:.1f} for {self.degrees_of_freedom} degrees of freedom, "
            f"p = {self.p_value:.3g} ({self.tested}); {self.rate_factor}."
        )
        if not self._counts_agree:
            return f"The two do not agree within the shots: {counts}"
        if self.differing_loops:
            which = ", ".join(f"{index} of device {j}" for j, index in self.differing_loops)
            return (
                f"The two do not agree in their loops: the form factor contradicts the other's in "
                f"loop {which}. The counts alone do not show it: {counts}"
            )
        return f"The two agree within the shots: {counts}"

    def __str__(self) -> str:
        """Return the table that a person reads."""
        first, second = self.names
        difference = f"RMS of {first} − {second}"
        rows = [("device", "quantity", difference, "largest", "RMS in standard errors")]
        for j in range(self.voltage_rms.size):
            for name in ("voltage", "current"):
                residual = getattr(self, f"{name}_residual")
                in_errors = (
                    "—" if residual is None else f"{np.sqrt(np.mean(residual[:, j] ** 2)):.2f}"
                )
                rms, largest = getattr(self, f"{name}_rms")[j], getattr(self, f"{name}_max")[j]
                rows.append((str(j), name, f"{rms:.3g}", f"{largest:.3g}", in_errors))
        lines = table_lines(rows)
        if self.trace_distance is not None:
            distance = self.trace_distance
            lines += [f"trace distance: largest {distance.max():.3g}, mean {distance.mean():.3g}"]
        if self.certificate is not None:
            lines += [str(self.certificate)]
        form_factors = (f"form factor, {first}", second)
        loops = [("device", "loop", *form_factors, f"p (no loop), {first}", second)]
        for j, pairs in enumerate(zip(self.loops_a, self.loops_b, strict=True)):
            for a, b in zip(*pairs, strict=False):  # a device without a loop has none
                numbers = (
                    form_factor_text(a),
                    form_factor_text(b),
                    no_loop_text(a),
                    no_loop_text(b),
                )
                loops.append((str(j), str(a.index), *numbers))
        if len(loops) > 1:
            lines += ["", *table_lines(loops)]
            lines += FORM_FACTOR_KEY
        if self.current_notes:
            lines += ["", *self.current_notes]
        if self.budget is not None:
            lines += ["", str(self.budget)]
        return "\n".join([*lines, "", self.verdict])


def compare(
    a: Trajectory,
    b: Trajectory,
    *,
    noisy: Trajectory | None = None,
    exact: Trajectory | None = None,
    certificate: Certificate | None = None,
) -> Comparison:
    """Compare two trajectories at the same times, e.g. a digital one with its master equation.

    Where there are counts, two tests judge. χ² is taken on the counts themselves, which are
    independent between times and settings: Pearson's against the probabilities of the other side's
    states, or the homogeneity χ² of two sets of counts; outcomes with an expected count below 5 are
    pooled. Beside it stands a test for a common factor on all decay rates, where one side knows its
    model. Without counts there is no χ², for errors of V and I can be correlated in time. Neither
    test can see an error that the sampled settings do *not* show.

    Args:
        a, b: the two; b is the reference.
        noisy, exact: `expected_trajectory` and `exact_circuit` of the same circuits (on an ideal
            simulator `exact` twice). With both, and b the master equation, the distance is also
            split into splitting, device and sampling (see `error_budget`).
        certificate: of `certify` with the circuits' splitting and steps: says beside that what
            splitting can do to any other input.

    Raises:
        ValueError: where times or numbers of devices differ.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> times = pair.periods(1, points=4)
    >>> digital = qm.exact_circuit(pair, times, splitting="strang", steps=8)
    >>> comparison = qm.compare(digital, qm.master_equation(pair, times))
    >>> bool(comparison.trace_distance.max() < 0.01)
    True
    """
    check_arguments(compare, locals())
    if a.voltage.shape != b.voltage.shape or not _same_times(a.times, b.times):
        raise ValueError(
            f"Argument b must have the times and devices of a, but the shapes are "
            f"{b.voltage.shape} and {a.voltage.shape}"
            + (" with different times" if a.voltage.shape == b.voltage.shape else "")
            + "; compute both at the same times."
        )
    if certificate is not None:
        check_same_times(certificate, a.times)
    return Comparison(
        times=a.times,
        certificate=certificate,
        names=names_of(a, b),
        voltage=_difference(a.voltage, b.voltage, a.voltage_error, b.voltage_error),
        current=_difference(a.current, b.current, a.current_error, b.current_error),
        counts=count_test(a, b),
        rate_factor=measure_rate_factor(a, b),
        trace_distance=(
            None if a.states is None or b.states is None else trace_distance(a.states, b.states)
        ),
        compilation_residual=_compilation_residual(a, b),
        loops=(_loops(a), _loops(b)),
        current_notes=_current_notes(a) + _current_notes(b),
        budget=(
            None
            if exact is None or noisy is None
            else error_budget(a, noisy=noisy, exact=exact, master=b, certificate=certificate)
        ),
    )


def _compilation_residual(a: Trajectory, b: Trajectory) -> FloatArray | None:
    found = [item.variables.get("compilation_residual") for item in (a, b)]
    there = [residual for residual in found if residual is not None]
    return np.sum(there, axis=0) if there else None


def _same_times(first: FloatArray, second: FloatArray) -> bool:
    """Whether times agree to a billionth of their typical distance, whatever their unit."""
    distance = float(np.median(np.diff(first))) if first.size > 1 else max(float(first[0]), 1e-300)
    return bool(np.all(np.abs(first - second) <= 1e-9 * distance))


def _difference(
    a: FloatArray, b: FloatArray, error_a: FloatArray | None, error_b: FloatArray | None
) -> Estimate[FloatArray]:
    """Return a − b with the independent errors of both sides combined."""
    errors = [error for error in (error_a, error_b) if error is not None]
    return Estimate(a - b, np.sqrt(sum(error**2 for error in errors)) if errors else None)


def _in_errors(difference: Estimate[FloatArray]) -> FloatArray | None:
    error = difference.standard_error
    if error is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(error > 0, difference.value / error, 0.0))


def _rms(difference: Estimate[FloatArray]) -> FloatArray:
    return np.asarray(np.sqrt(np.mean(difference.value**2, axis=0)))


def _largest(difference: Estimate[FloatArray]) -> FloatArray:
    return np.asarray(np.abs(difference.value).max(axis=0))


def _loops(trajectory: Trajectory) -> tuple[tuple[Loop, ...], ...]:
    """Return each device's loops, or none where the times hold no period, or too few points."""
    empty = tuple(() for _ in range(trajectory.device_count))
    if trajectory.periods is None:
        return empty
    if trajectory.times[-1] - trajectory.times[0] < trajectory.periods.max() * (1 - 1e-9):
        return empty
    # Fewer than nine points in a period are no loop: find_loops would refuse them.
    if np.diff(trajectory.times).max() * 8 > trajectory.periods.min() * (1 + 1e-9):
        return empty
    return tuple(
        find_loops(trajectory, j) if _moves(trajectory, j) else ()
        for j in range(trajectory.device_count)
    )


def _current_notes(trajectory: Trajectory) -> tuple[str, ...]:
    """Say where the bias that the model computes for a current exceeds its error."""
    bias, error = trajectory.variables.get("current_bias"), trajectory.current_error
    if bias is None or error is None:
        return ()
    number = np.sum(np.abs(bias) > error, axis=0)
    return tuple(
        f"device {j}: at {count} of {len(bias)} times the current rests on the model more than on "
        "the counts: the bias that was computed from the model and subtracted, up to "
        f"{np.abs(bias[:, j]).max():.2g}, exceeds the error (bias='data' does without the model)"
        for j, count in enumerate(number)
        if count
    )


def _moves(trajectory: Trajectory, device: int) -> bool:
    """Whether both V and I ever leave zero: else there is no loop to normalise."""
    series = trajectory[device]
    return bool(np.any(series.voltage) and np.any(series.current))


def _differ(a: Loop, b: Loop, stretch: float) -> bool:
    """Whether two form factors are further apart than their intervals' facing sides × `stretch`."""
    lower, upper = sorted((a, b), key=lambda loop: loop.form_factor)
    facing = [
        0.0 if loop.form_factor_interval is None else abs(loop.form_factor_interval[side] - value)
        for loop, side, value in ((lower, 1, lower.form_factor), (upper, 0, upper.form_factor))
    ]
    return upper.form_factor - lower.form_factor > stretch * math.hypot(*facing)
