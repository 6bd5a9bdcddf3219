"""Memristive neurons of the same literature, their inputs, and the dynamics tools they share.

One folder a neuron: `shuttle` (Potter et al.), `hodgkin_huxley` (Gonzalez-Raya et al.),
`integrate_and_fire` (Brand et al.), `photonic` (Spagnolo et al.), and the module `qlif` (Brand and
Petruccione). Each folder has the verbs of its neuron, such as `shuttle.simulate`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
