"""Designs of ours: parameters found by gradients under hard constraints, and found again from
counts. Nothing of these figures is published elsewhere.
"""

NOT_REPRODUCED: dict[str, str] = {
    "2309.05062": "its sweeps are run again by the rule of its authors' program (design.sweep); "
    "but the program prints no number, its random draws are not seeded and its data files are not "
    "available: there is no value to compare with"
}
