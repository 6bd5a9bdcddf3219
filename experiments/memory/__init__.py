"""Memory in two-level memristors: which kind, and what temperature and drives do to it; new.

No paper: the questions are ours. `classes` has four devices: a rate that is prescribed (guo2022's),
a rate that follows the mean voltage (mean-field feedback), a rate that follows each shot's own
outcomes (a leaky bit, with a σy drive), and a damped memory qubit (a Lorentzian bath). All are
cold, with m = ħ = ω = 1. "Quantum memory" is the local witness of Bäcker, Beyer and Strunz (Phys.
Rev. Lett. 132, 060402).
"""

NOT_REPRODUCED: dict[str, str] = {}
