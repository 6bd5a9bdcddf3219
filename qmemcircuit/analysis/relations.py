"""How entanglement and hysteresis move together: correlations from loop to loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from qmemcircuit.analysis.loops import Loop
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.concurrence import Concurrence


@data_object
@dataclass(frozen=True, eq=False)
class LaggedCorrelation:
    """Correlation of the changes of concurrence and form factor from loop to loop, at several lags.

    Attributes:
        lags: in loops, shape (L,); positive where the form factor follows the concurrence.
        pearson, spearman: correlation of C_{n+1} − C_n with F_{n+1+lag} − F_{n+lag}, shape (L,).
        lag: the lag of the most negative Spearman correlation.

    >>> import qmemcircuit as qm
    >>> import numpy as np
    >>> found = qm.LaggedCorrelation(
    ...     np.array([0, 1]), np.array([-0.2, -0.9]), np.array([-0.1, -1.0]), lag=1
    ... )
    >>> float(
    ...     found.pearson[found.lag]
    ... )
    -0.9
    """

    lags: IntArray
    pearson: FloatArray
    spearman: FloatArray
    lag: int

    def __post_init__(self) -> None:
        check_fields(self)


def inverse_relation(
    concurrence: Concurrence, loops: Sequence[Loop], *, largest_lag: int = 4
) -> LaggedCorrelation:
    """Correlate the change of the concurrence with that of the form factor `lag` loops later.

    Fig. 8 of guo2022 calls the two inversely related; this says how strongly, and with what delay.
    C_n is the mean of `value` over loop n by the trapezoidal rule. Changes from loop to loop are
    correlated, not the values: both decay in the long run, and that common trend would hide any
    inverse relation. Neighbouring loops are far from independent, so no p-value is given.

    Args:
        concurrence: of the pair, at times that cover the loops.
        loops: from `find_loops`, consecutive.
        largest_lag: lags from −largest_lag to +largest_lag; at least 5 loops must remain.

    Raises:
        ValueError: where loops are too few or not covered by the times.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> state = qm.exact_circuit(pair, pair.periods(6, points=12), splitting="strang", steps=4)
    >>> found = qm.inverse_relation(state.concurrence(0, 1), qm.find_loops(state), largest_lag=1)
    >>> found.lags.tolist()
    [-1, 0, 1]
    """
    check_arguments(inverse_relation, locals())
    largest_lag = check_integer("largest_lag", largest_lag, minimum=0)
    if len(loops) < largest_lag + 5:
        raise ValueError(
            f"Argument loops must hold at least {largest_lag + 5} loops for largest_lag = "
            f"{largest_lag}, but it has {len(loops)}; simulate longer or lower largest_lag."
        )
    times = concurrence.times
    slack = 1e-9 * (loops[0].stop - loops[0].start)
    if times[0] > loops[0].start + slack or times[-1] < loops[-1].stop - slack:
        raise ValueError(
            f"Argument concurrence must cover the loops, {loops[0].start:g} to {loops[-1].stop:g}, "
            f"but its times run from {times[0]:g} to {times[-1]:g}."
        )
    means = np.array([_mean_between(concurrence, loop.start, loop.stop) for loop in loops])
    rises, falls = np.diff(means), np.diff([loop.form_factor for loop in loops])
    lags = np.arange(-largest_lag, largest_lag + 1)
    pearson, spearman = (np.empty(lags.size) for _ in range(2))
    for place, lag in enumerate(lags.tolist()):
        first = rises[max(0, -lag) : len(rises) - max(0, lag)]
        second = falls[max(0, lag) : len(falls) - max(0, -lag)]
        if np.ptp(first) == 0 or np.ptp(second) == 0:
            raise ValueError(
                "Arguments concurrence and loops must change unevenly for a correlation, but one "
                "of them is constant or a straight line."
            )
        pearson[place] = np.corrcoef(first, second)[0, 1]
        spearman[place] = np.corrcoef(rankdata(first), rankdata(second))[0, 1]
    return LaggedCorrelation(lags, pearson, spearman, int(lags[np.argmin(spearman)]))


def _mean_between(concurrence: Concurrence, start: float, stop: float) -> float:
    times, values = concurrence.times, concurrence.value
    inside = (times > start) & (times < stop)
    grid = np.concatenate([[start], times[inside], [stop]])
    return float(np.trapezoid(np.interp(grid, times, values), grid) / (stop - start))
