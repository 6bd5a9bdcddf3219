"""What is run: our numbers, but for the neuron, which is that of potter2024, Fig. 4."""

DEVICES = ("FakeTorino", "FakeMarrakesh", "FakePittsburgh", "FakeSherbrooke")
FIRST = DEVICES[0]
ACTIVE, SILENT = 2.0, 0.20  # V_n: on the cycle; below the Hopf point at 0.2254, the control
STEP, FREQUENCY = 0.05, 7.0364
START = (0.3, 1.0, 0.0, 0.0)
SHOTS, READOUT_SHOTS = 1000, 20_000
STEPS = 4500  # 252 periods
KEPT = 0.6  # of a record: what comes before is transient
QUICK_KEPT = 0.95
WINDOW, WINDOW_STEPS = 4, 2000  # 112 periods
HISTORY_STEPS = 54  # three periods
WAYS = ("bath", "composed", "window", "history", "reprepare")
SURVIVORS = WAYS[:2]
RESET_ERROR = 0.01
RAMP = (1.5, 5.0, 0.01)  # V_n from, to, rate
DRIVES = {"locked": (7.0, 0.2), "torus": (6.0, 0.2)}  # ω and V_Amp at V_DC = 2
DRIVE_PERIODS, POINTS = 300, 18
