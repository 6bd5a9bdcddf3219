from .memristor import PhotonicMemristor as PhotonicMemristor
from .memristor import photonic_circuit as photonic_circuit
from .memristor import run_photonic as run_photonic
from .memristor import simulate_cascade as simulate_cascade
from .memristor import simulate_photonic as simulate_photonic

__all__ = [
    "PhotonicMemristor",
    "photonic_circuit",
    "run_photonic",
    "simulate_cascade",
    "simulate_photonic",
]
