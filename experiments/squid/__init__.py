"""Salmilehto et al., *Quantum memristors with superconducting circuits* (Sci. Rep. 7, 42044,
2017): the conductance-asymmetric SQUID in volts and amperes.

The law is rederived in `qmemcircuit.model.laws.squid` (the paper itself was not at hand); E_C,
E_L and the quasiparticles are typical values of ours.
"""

NOT_REPRODUCED: dict[str, str] = {
    "figures": "the paper was not available; only the device that guo2022 takes from it is built"
}
