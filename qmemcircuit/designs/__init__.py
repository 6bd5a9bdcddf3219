"""Gradients of models, and what can be differentiated, maximised and held."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
