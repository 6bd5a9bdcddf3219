"""How a comparison is written down: its cells and its tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmemcircuit.analysis.loops import Loop, find_loops
from qmemcircuit.results.trajectory import Trajectory

FORM_FACTOR_KEY = (
    "form factor: value [95 % interval]; raw: of the points as measured; ≤: the largest that a",
    "  loop with lobes of these lengths can have; last, the balance of the lobes (1: equal).",
    "p (no loop): the chance that a device without a loop, I = f(V), looks at least so open.",
)
"""What the cells of a table of loops mean."""


def form_factor_text(loop: Loop) -> str:
    """Return F, the bound of the measured polygon's and its lobes' balance."""
    limits = f" ≤ {loop.form_factor_bound:.3f}, {loop.balance:.2f}"
    if loop.form_factor_interval is None:
        return f"{loop.form_factor:.4f}{limits}"
    low, high = loop.form_factor_interval
    raw = f"; raw {loop.form_factor_raw:.3f}{limits}"
    return f"{loop.form_factor:.3f} [{low:.3f}, {high:.3f}]{raw}"


def no_loop_text(loop: Loop) -> str:
    """Return the probability of no loop."""
    value = loop.no_loop_p_value
    if value is None:
        return "—"
    # The noise is not normal so far out in its tails that smaller numbers would mean anything.
    return f"{value:.2g}" if value >= 1e-6 else "< 1e-6"


METHODS = {
    "exact_circuit": "exact circuits",
    "simulate_circuit": "simulated circuits",
    "expected_trajectory": "expected of the device",
    "estimate": "digital",
    "mitigate": "mitigated",
    "reference_trajectory": "Pauli propagation",
    "None": "given",
}
"""What tables call a trajectory where the verb that made it is not what a reader would say."""


def names_of(a: Trajectory, b: Trajectory) -> tuple[str, str]:
    """Return what tables call the two: "digital" and "master equation", say."""
    methods = (str(item.provenance.get("method")) for item in (a, b))
    first, second = (METHODS.get(method, method.replace("_", " ")) for method in methods)
    return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, columns to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def first_loop_text(trajectory: Trajectory, device: int) -> str | None:
    """Return F of the first loop with its bound and its lobes' balance; None where not exact."""
    series = trajectory[device]
    if series.voltage_error is not None or series.period is None:
        return None
    whole = series.times[0] == 0 and series.times[-1] >= series.period * (1 - 1e-9)
    if not (whole and np.any(series.voltage) and np.any(series.current)):
        return None
    loop = find_loops(trajectory, device)[0]
    limits = f"≤ {loop.form_factor_bound:.3f}, balance {loop.balance:.2f}"
    return f"F = {loop.form_factor:.3f} {limits}"
