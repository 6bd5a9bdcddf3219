"""Tools for any ordinary differential equation: see each module's first line.

`systems` describes and integrates one, with the steppers of `integration`; `equilibria`, `cycles`,
`lyapunov`, `spectra` and `maps` study it. Nothing here knows about neurons.
"""
