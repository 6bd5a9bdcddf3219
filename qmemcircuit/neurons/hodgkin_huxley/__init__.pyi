from .quantized import QuantizedNeuron as QuantizedNeuron
from .quantized import adaptation_preset as adaptation_preset
from .quantized import channel_admittance as channel_admittance
from .quantized import line_transfer as line_transfer
from .quantized import matching_factor as matching_factor
from .quantized import membrane_impedance as membrane_impedance
from .quantized import simulate_quantized as simulate_quantized
from .quantized import single_channel as single_channel
from .quantized import spike_preset as spike_preset

__all__ = [
    "QuantizedNeuron",
    "adaptation_preset",
    "channel_admittance",
    "line_transfer",
    "matching_factor",
    "membrane_impedance",
    "simulate_quantized",
    "single_channel",
    "spike_preset",
]
