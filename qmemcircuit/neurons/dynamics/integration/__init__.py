"""How an orbit is stepped: compiled, alone or in lanes, and by SciPy's solvers for what is stiff.

`kernels` compiles and keeps, `callbacks` makes a system's equations callable, `stepper` marches one
orbit and `lanes` many; `interpreted` lets Python run what is not compiled yet, and `scipy_solvers`
what the stepper cannot do.
"""
