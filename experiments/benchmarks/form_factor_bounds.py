"""What published loops can be: form factors beside their bound and the balance of their lobes.

    python -m experiments.benchmarks.form_factor_bounds

The loops of guo2022's Fig. 4 and of each coupling in its Table of interactions, in the parameters
that are inferred where the paper prints none, by the master equation: the first period, and of the
pair of Figs. 7 and 8 each of the twenty. `x` is the share of the perimeter that the longer of two
lobes must have at least for such a form factor: ½(1 + √(2F − 1)), ½ where F ≤ ½.
"""

from __future__ import annotations

import math

import qmemcircuit as qm
from experiments.guo2022.couplings import COUPLINGS
from experiments.guo2022.params import fig4_memristor, pair, pair_times


def row(label: str, loop: qm.Loop) -> None:
    """Print one loop."""
    pinch = "none" if loop.pinch_distance is None else f"{loop.pinch_distance:.3f}"
    share = 0.5 * (1 + math.sqrt(max(0.0, 2 * loop.form_factor - 1)))
    print(
        f"{label:28}{loop.form_factor:8.3f}{loop.form_factor_bound:9.3f}{loop.balance:9.3f}"
        f"{pinch:>8}{len(loop.lobes):7d}{share:7.2f}",
        flush=True,
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


if __name__ == "__main__":
    main()
