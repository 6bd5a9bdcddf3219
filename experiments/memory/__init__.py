"""What kind of memory a two-level memristor has, and what temperature and drives do to it.

No paper: the questions are ours (design note `memory.md`).
"""

NOT_REPRODUCED: dict[str, str] = {}
