"""Spagnolo et al., *Experimental photonic quantum memristor* (Nat. Photonics 16, 318, 2022), as
closed form and as circuits with the memristors' collision gadget, and a reservoir of such devices.

The equations are the published ones; the figures here are ours (the loops at other windows, the
circuits in closed loop, the tasks).
"""

NOT_REPRODUCED: dict[str, str] = {
    "experiment": "the optical data; only the device's equations are used here"
}
