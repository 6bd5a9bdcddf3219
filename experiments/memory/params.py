"""The devices of the memory experiments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import qmemcircuit as qm
from qmemcircuit.memory import LeakyBit, PhaseMemory

A, B = np.pi / 4, np.pi / 5
BARE = qm.Memristor(qm.ConstantRate(0.0), a=A, b=B)
PRESCRIBED = qm.Memristor(qm.SquidRate(0.4), a=A, b=B)
REMEMBERING = qm.Memristor(qm.LorentzianRate(strength=1.0, width=0.1), a=A, b=B)
BIT = LeakyBit(2.0, quiet_rate=0.2, clicked_rate=1.5)
DRIVE = qm.Drive("y", 0.3, frequency=1.0)
DRIVEN = replace(BARE, drive=DRIVE)

# The undamped V of this state is s sin(2a)/2 sin(−ωt − b): with this gain its phase swings by 1
# around π/2, as the bias cos(ωt) of guo2022 does (later by b, the phase of the state).
GAIN = 2 / (BARE.current_scale * np.sin(2 * A))
PHASE = PhaseMemory(0.4, gain=GAIN, initial=0.5 * np.pi + np.cos(B))
