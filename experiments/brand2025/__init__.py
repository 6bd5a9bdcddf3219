"""Brand, Dibenedetto, Petruccione, *Canonical Quantization of a Memristive Leaky Integrate-and-Fire
Neuron Circuit* (arXiv, 2025).

A reconstruction: only the abstract was available. The equations follow its stated method
(canonical quantisation, transmission-line bath, weak coupling, adiabatic); every parameter is
ours, and no number here can be compared with a published one. The abstract's claims that can be
checked are the pinched loop, the classical limit and the spikes with a refractory period.
"""

NOT_REPRODUCED: dict[str, str] = {
    "figures": "the paper's own figures and parameters were not available, only its abstract"
}
