"""Networks of identical quantum memristors: new, nobody has published these.

guo2022 couples two memristors. Here N identical ones, with its rate, coupling and initial state
(Figs. 7 and 8: γ0 = 0.02, H = g σyσy with the g = ω/15 that we infer there), stand on a chain, a
star and a ring, and are simulated exactly, splitting error apart: every number is that of steps of
T/60, and its error the difference from steps of T/30. The total form factor of a period is the sum
of the form factors of all memristors' I–V loops in it.
"""
