"""Memory: inside, as a memory qubit; outside, as feedback; and which kind of memory it is.

`memory_qubit`: a Lorentzian bath as one damped qubit. `mean_field`: the rate follows a variable
that the mean voltage drives. `shotwise`: each shot's own outcomes change its later collisions.
`classification`: divisible or not, information flowing back, classical or quantum memory.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
