"""What stands beside a form factor in every table: what it can be at most, and its lobes."""

from __future__ import annotations

import qmemcircuit as qm


def loop_words(loop: qm.Loop) -> str:
    """Return the bound and the balance of a loop's lobes in words."""
    return f"bound {loop.form_factor_bound:.3f}, balance {loop.balance:.3f}"
