"""The digital shuttle neuron on noisy devices: new, nobody has published one.

Potter et al.'s neuron at R_n = 5, Γ = 0.1 with its qubit run as circuits in closed loop with a
classical voltage, on noise models of IBM devices with their schedules. What the classical computer
does is said with every way to run the loop: with `history` the device carries all of the dynamics
and dies of it; with `bath` the device carries all of them too, a wait for its own T1 and T2 being the
decay, and the classical computer solves the voltage alone; with `composed` the known maps of all steps so far are multiplied classically (a
4×4 matrix that has forgotten its input after 10/Γ), and the device supplies one channel of fixed
depth and the measured means that are fed back.
"""
