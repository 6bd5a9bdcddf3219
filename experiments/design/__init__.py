"""Designs of ours: parameters found by gradients under hard constraints, and found again from
counts. Nothing of these figures is published elsewhere.
"""

NOT_REPRODUCED: dict[str, str] = {
    "2309.05062": "its form factor has its own axes and an open polygon, and the coupled setting's "
    "data files are not available: the sweep here is of our loops, not a reproduction"
}
