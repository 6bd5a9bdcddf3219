"""What a bath whose temperature changes does over a step: two integrals, one inside the other.

With n̄(t) thermal quanta the excited population goes to Λρ_ee + τ over [t0, t1],

    Λ = exp(−∫Γ(2n̄ + 1)),   τ = ∫ Γ(s) n̄(s) exp(−∫_s^{t1} Γ(2n̄ + 1)) ds.

Both come from one set of Gauss–Legendre panels. Panels are halved until Λ, τ and the law's own ∫Γ
agree.
"""

from __future__ import annotations

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.model.laws.rates import DecayRate, finite_results, stops_with
from qmemcircuit.model.laws.tabulated import TabulatedRate

NODES = 12
HALVINGS = 12
AGREEMENT = 1e-12
"""Of Λ's exponent (relative above 1) and of τ between one width of panels and half of it."""
MOST_PANELS = 200_000

_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
# Row k: the weights of ∫ from place k to 1, of the polynomial through all places.
_AFTER = np.array(
    [
        [
            np.diff(np.polynomial.legendre.legval([place, 1.0], item))[0]
            for item in (
                np.polynomial.legendre.legint(column)
                for column in np.linalg.inv(np.polynomial.legendre.legvander(_PLACES, NODES - 1)).T
            )
        ]
        for place in _PLACES
    ]
)


def thermal_exchange(
    rate: DecayRate,
    occupation: DecayRate,
    starts: FloatArray,
    stops: FloatArray,
    *,
    longest: float,
) -> tuple[FloatArray, FloatArray]:
    """Return ∫Γ(2n̄ + 1) and τ over each [start, stop], (n,) each.

    Args:
        rate, occupation: Γ(t) and n̄(t), at their frequency.
        starts, stops: (n,), at least 0.
        longest: width of the first panels.

    Raises:
        ValueError: where n̄ is negative, naming the time, and where halving the panels does not
            make the results agree.
    """
    ends = np.unique(np.concatenate([[0.0], starts, stops]))
    if ends.size == 1:
        return np.zeros(starts.shape), np.zeros(starts.shape)
    cuts = [_bends(law) for law in (rate, occupation)]
    knots = stops_with(ends, np.concatenate(cuts))
    expected = rate.integral(knots[:-1], knots[1:])
    before: tuple[FloatArray, FloatArray] | None = None
    for halving in range(HALVINGS):
        width = longest / 2**halving
        if (knots[-1] - knots[0]) / width + knots.size > MOST_PANELS:
            break
        loss, heated, decay = _from_zero(rate, occupation, knots, width)
        scale = np.maximum(1.0, np.abs(loss))
        if before is not None:
            apart = max(
                float(np.abs((loss - before[0]) / scale).max()),
                float(np.abs(heated - before[1]).max()),
            )
            missed = np.abs(decay - expected) / np.maximum(1.0, np.abs(expected))
            if apart < AGREEMENT and missed.max() < 1e-10:
                first, last = np.searchsorted(knots, starts), np.searchsorted(knots, stops)
                total = loss[last] - loss[first]
                gained = heated[last] - np.exp(-total) * heated[first]
                return total, np.maximum(gained, 0.0)
        before = (loss, heated)
    raise ValueError(
        "Argument occupation must be a law that can be integrated together with the rate, but "
        f"panels of width {width:.3g} still disagree; give the times at which one of them jumps "
        "or bends as breakpoints, and a law without poles."
    )


def _bends(law: DecayRate) -> FloatArray:
    """Return where a law is not smooth; a table bends at every row."""
    places = law.times if isinstance(law, TabulatedRate) else getattr(law, "breakpoints", ())
    return np.asarray(places, dtype=float)


def _from_zero(
    rate: DecayRate, occupation: DecayRate, knots: FloatArray, width: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ∫Γ(2n̄+1) and τ from the first knot to each, and ∫Γ between knots."""
    pieces = np.ceil(np.diff(knots) / width).astype(int)
    lows = np.repeat(knots[:-1], pieces)
    steps = np.repeat(np.diff(knots) / pieces, pieces)
    place = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    times = (lows + place * steps)[:, None] + 0.5 * steps[:, None] * (1 + _PLACES)
    rates = finite_results("value", rate.value(times), times)
    quanta = finite_results("value", occupation.value(times), times)
    if np.any(quanta < 0):
        where = np.unravel_index(int(np.argmax(quanta < 0)), quanta.shape)
        raise ValueError(
            f"Argument occupation must not be negative, but at t = {times[where]:.9g} it is "
            f"{quanta[where]:.3g}."
        )
    conductance, half = rates * (2 * quanta + 1), 0.5 * steps
    losses = half * (conductance @ _WEIGHTS)
    survive = np.exp(-half[:, None] * (conductance @ _AFTER.T))
    gains = half * ((rates * quanta * survive) @ _WEIGHTS)
    heated = np.zeros(losses.size + 1)
    for k, (kept, gain) in enumerate(zip(np.exp(-losses).tolist(), gains.tolist(), strict=True)):
        heated[k + 1] = kept * heated[k] + gain
    ends = np.concatenate([[0], np.cumsum(pieces)])
    total = np.concatenate([[0.0], np.cumsum(losses)])
    decay = np.concatenate([[0.0], np.cumsum(half * (rates @ _WEIGHTS))])
    return total[ends], heated[ends], np.diff(decay[ends])
