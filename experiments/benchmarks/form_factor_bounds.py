"""What published loops can be: form factors beside their bound and the balance of their lobes.

    python -m experiments.benchmarks.form_factor_bounds

The loops of guo2022's Fig. 4 and of each coupling in its Table of interactions, in the parameters
that are inferred where the paper prints none, by the master equation: the first period, and of the
pair of Figs. 7 and 8 each of the twenty. Then the best of arXiv 2309.05062's boxes that
`design.sweep` found: each polygon of their program, by its rule (the area swept as seen from the
origin, each piece counted positive, without a chord) and by what it encloses. `x` is the share of
the perimeter that the longer of two lobes must have at least for such a form factor:
½(1 + √(2F − 1)), ½ where F ≤ ½.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

import qmemcircuit as qm
from experiments.design.sweep import (
    TIMES,
    form_factors,
    pair_of,
    single_curve,
)
from experiments.guo2022.couplings import COUPLINGS
from experiments.guo2022.params import fig4_memristor, pair, pair_times
from qmemcircuit.analysis.loop_geometry import (
    find_faces,
    measure_curves,
    simple_loop_perimeters,
)


def row(label: str, loop: qm.Loop) -> None:
    """Print one loop."""
    pinch = "none" if loop.pinch_distance is None else f"{loop.pinch_distance:.3f}"
    share = 0.5 * (1 + math.sqrt(max(0.0, 2 * loop.form_factor - 1)))
    print(
        f"{label:28}{loop.form_factor:8.3f}{loop.form_factor_bound:9.3f}{loop.balance:9.3f}"
        f"{pinch:>8}{len(loop.lobes):7d}{share:7.2f}",
        flush=True,
    )


def swept() -> None:
    """Print the best members of the boxes of arXiv 2309.05062: their rule, and what is enclosed.

    The polygons between every second zero of V, in their axes; what encloses is closed by a chord.
    """
    pair = pair_of(5.57e-13, 2.07e-9, 4.682, 0.1)
    exact = qm.exact_circuit(pair, TIMES, splitting="strang")
    voltage = 2 * exact.voltage[:, 0] / pair.memristors[0].current_scale
    rate = exact.variables["decay_rate"][:, 0]
    print(f"{'2309.05062':28}{'rule':>8}{'F':>8}{'bound':>9}{'balance':>9}{'lobes':>7}")
    for label, v, i in (
        ("one memristor, best", *single_curve(4.718, 80.39)),
        ("two memristors, best", voltage, rate / rate[0] * voltage),
    ):
        changes = np.flatnonzero(v[:-1] * v[1:] < 0)
        zeros = (changes + (np.abs(v[changes + 1]) < np.abs(v[changes])))[::2]
        rules = form_factors(v, i)
        for number, (first, last) in enumerate(itertools.pairwise(zeros[: rules.size + 1])):
            curve = np.stack([v, i], axis=1)[first:last]
            perimeters, lobes = simple_loop_perimeters(curve), find_faces(curve)[0]
            balance = lobes[1] / lobes[0] if len(lobes) > 1 else 0.0
            bound = float((perimeters**2).sum() / perimeters.sum() ** 2)
            print(
                f"{label + f', {number + 1}':28}{rules[number]:8.3f}"
                f"{measure_curves(curve[None])[2][0]:8.3f}{bound:9.3f}{balance:9.3f}{len(lobes):7d}"
            )


def main() -> None:
    """Print the table."""
    print(f"{'':28}{'F':>8}{'bound':>9}{'balance':>9}{'pinch':>8}{'lobes':>7}{'x ≥':>7}")
    single = fig4_memristor()
    row("Fig. 4", qm.find_loops(qm.master_equation(single, single.periods(1, points=60)))[0])
    for name, coupling in COUPLINGS.items():
        model = pair(coupling)
        master = qm.master_equation(model, model.periods(1, points=60))
        for device in range(2):
            row(f"{name}, memristor {device + 1}", qm.find_loops(master, device)[0])
    model = pair(COUPLINGS["σyσy"])
    loops = qm.find_loops(qm.master_equation(model, pair_times(model)))
    row("Fig. 8, largest of twenty", max(loops, key=lambda loop: loop.form_factor))
    row("Fig. 8, least balanced", min(loops, key=lambda loop: loop.balance))
    swept()


if __name__ == "__main__":
    main()
