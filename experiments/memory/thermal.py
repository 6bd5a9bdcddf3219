"""Temperature: the hysteresis loop and the death of entanglement against thermal quanta.

To see: heat opens the loop and kills the entanglement earlier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

import qmemcircuit as qm
from experiments.drawing import draw_mosaic
from experiments.loops import loop_words
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import DATA_COLOUR, REFERENCE_COLOUR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATE, LOSS = 0.4, 0.1
"""γ0 of the loop's SquidRate and Γ of the entangled pair, in units of ω = 1."""
LOOPS_AT = (0.0, 0.25, 1.0)
BELL = np.array([0, 1, 1, 0]) / np.sqrt(2)


def _memristor(quanta: float) -> qm.Memristor:
    """Return the memristor of the loops."""
    return qm.Memristor(qm.SquidRate(RATE), a=np.pi / 4, b=np.pi / 5, occupation=quanta)


def _loop(quanta: float, points: int = 60) -> qm.Trajectory:
    memristor = _memristor(quanta)
    return qm.master_equation(memristor, memristor.periods(1, points=points))


def _concurrence(quanta: float, time: float) -> float:
    """Return Λ − 2√(P_ee P_gg) of (|ge> + |eg>)/√2 with each half in its own bath, signed."""
    left = np.exp(-LOSS * (2 * quanta + 1) * time)
    gained = (1 - left) * quanta / (2 * quanta + 1)
    both = (left + gained) * gained
    neither = (1 - left - gained) * (1 - gained)
    return float(left - 2 * np.sqrt(both * neither))


def _death(quanta: float) -> float:
    """Return when the closed form reaches zero."""
    return float(brentq(lambda time: _concurrence(quanta, time), 1e-9, 1e3, xtol=1e-12))


def _death_of_circuits(quanta: float, times: np.ndarray) -> float:
    """Return the first of the times at which the circuits' exact states are not entangled."""
    member = qm.Memristor(qm.ConstantRate(LOSS), a=0.0, occupation=quanta)
    pair = qm.Network([member] * 2, state=BELL)
    value = qm.exact_circuit(pair, times).concurrence(0, 1).value
    alive = np.flatnonzero(value > 0)
    return float(times[alive[-1] + 1])


def _cold_concurrence(time: float) -> float:
    """Return the concurrence of the circuits' exact states at n̄ = 0 over exp(−Γt)."""
    pair = qm.Network([qm.Memristor(qm.ConstantRate(LOSS), a=0.0)] * 2, state=BELL)
    value = qm.exact_circuit(pair, [time]).concurrence(0, 1).value[0]
    return float(value * np.exp(LOSS * time))


def compute(settings: Settings) -> Result:
    """Solve the loops and the pair at several n̄; sample the loops' circuits."""
    shots = settings.shots or (20_000 if settings.quick else 200_000)
    points, intervals_of_grid = (30, 60) if settings.quick else (60, 600)
    quanta = np.array([0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0])
    masters = [_loop(float(value)) for value in quanta]
    loops = [qm.find_loops(item)[0] for item in masters]
    factors = np.array([item.form_factor for item in loops])
    measured, intervals = [], []
    for number, value in enumerate(LOOPS_AT):
        memristor = _memristor(value)
        record = qm.run(
            memristor,
            memristor.periods(1, points=points),
            target=qm.aer(seed=settings.seed + number),
            shots=shots,
            ancilla="merged",
        )
        loop = qm.find_loops(qm.estimate(record))[0]
        assert loop.form_factor_interval is not None
        measured.append(loop.form_factor)
        intervals.append(loop.form_factor_interval)
    warm = quanta[1:]
    deaths = np.array([_death(float(value)) for value in warm])
    grids = [np.linspace(0.0, 1.23 * death, intervals_of_grid + 1) for death in deaths]
    found = [_death_of_circuits(float(v), grid) for v, grid in zip(warm, grids, strict=True)]
    spacing = 1.23 * deaths / intervals_of_grid
    cold = _cold_concurrence(10 / LOSS)
    largest = [float(np.abs(item.current).max()) for item in masters]
    exact = [float(factors[list(quanta).index(value)]) for value in LOOPS_AT]
    quantities = (
        *(
            Quantity(
                f"form factor of the loop at n̄ = {quanta[k]:g}",
                factors[k],
                evidence=loop_words(loops[k]),
            )
            for k in (0, list(quanta).index(1.0), -1)
        ),
        Quantity("largest |I| at n̄ = 4 over that at 0", largest[-1] / largest[0]),
        *(
            Quantity(
                f"measured less exact form factor at n̄ = {value:g}, in half intervals (95 %)",
                (there - wanted) / (there - low if there > wanted else high - there),
            )
            for value, wanted, there, (low, high) in zip(
                LOOPS_AT, exact, measured, intervals, strict=True
            )
        ),
        Quantity("concurrence of the circuits' states at n̄ = 0, Γt = 10, over exp(−Γt)", cold),
        Quantity("concurrence death at n̄ = 0.1, Γt", LOSS * deaths[0]),
        Quantity("concurrence death at n̄ = 1, Γt", LOSS * deaths[list(warm).index(1.0)]),
        Quantity("concurrence death at n̄ = 4, Γt", LOSS * deaths[-1]),
        Quantity(
            "first dead time of the circuits' states less the closed form's, in grid spacings",
            float(((np.array(found) - deaths) / spacing).max()),
        ),
    )
    times = np.linspace(0.0, 25.0, 251)
    parameters = {
        "quanta": quanta.tolist(),
        "form_factors": factors.tolist(),
        "measured_at": list(LOOPS_AT),
        "measured": measured,
        "intervals": [list(map(float, pair)) for pair in intervals],
        "deaths": deaths.tolist(),
        "times": times.tolist(),
        "shots": shots,
        "seed": settings.seed,
    }
    data = {f"loop at {value:g}": _loop(value) for value in LOOPS_AT}
    return Result(data, quantities, parameters)


def draw(result: Result) -> Figure:
    """Draw loops, form factor and the death of the concurrence."""
    given = result.parameters
    figure, panels = draw_mosaic("ab;cc", height=5.0)
    first, second, third = (panels[letter] for letter in "abc")
    styles = ("-", "--", ":")
    for value, style in zip(LOOPS_AT, styles, strict=True):
        item = result.data[f"loop at {value:g}"]
        first.plot(
            item.voltage[:, 0], item.current[:, 0], style, color=DATA_COLOUR, label=f"n̄ = {value:g}"
        )
    first.set(xlabel="V (√(mħω))", ylabel="I (ω√(mħω))")
    first.legend(fontsize=7)
    second.plot(given["quanta"], given["form_factors"], "-", color=REFERENCE_COLOUR, label="exact")
    errors = np.abs(np.array(given["intervals"]).T - np.array(given["measured"]))
    second.errorbar(
        given["measured_at"],
        given["measured"],
        yerr=errors,
        fmt="o",
        ms=4,
        color=DATA_COLOUR,
        label=f"circuits, {given['shots']} shots",
    )
    second.set(xlabel="thermal quanta n̄ (1)", ylabel="form factor of the loop (1)", ylim=(0, None))
    second.legend(fontsize=7)
    times = np.array(given["times"])
    for value, style in zip((0.0, 0.1, 1.0), styles, strict=True):
        curve = [max(0.0, _concurrence(value, float(time))) for time in times]
        third.plot(LOSS * times, curve, style, color=DATA_COLOUR, label=f"n̄ = {value:g}")
    dead = LOSS * np.array(given["deaths"])
    third.plot(dead, np.zeros_like(dead), "x", color=REFERENCE_COLOUR, label="deaths, n̄ = 0.1 … 4")
    third.set(xlabel="Γt (1)", ylabel="concurrence (1)")
    third.legend(fontsize=7)
    return figure
