"""Memristive neurons of the same literature, their inputs, and the dynamics tools they share.

One folder a neuron: `shuttle` (Potter et al.), `hodgkin_huxley` (Gonzalez-Raya et al.),
`integrate_and_fire` (Brand et al.), `photonic` (Spagnolo et al.), and the module `qlif` (Brand and
Petruccione).

One contract for all (`contract`): `simulate(neuron, times, input=…, method=…)` returns a
`Trajectory` for each of them. An input is a number, an object of `inputs` (constant, sine, ramp,
piecewise, samples, spikes) or a function of time; a method one of `methods`:

    ShuttleNeuron       Exact, Digital
    IntegrateAndFire    Classical, Moments, Fock
    Membrane            Classical
    QuantizedNeuron     Exact
    PhotonicMemristor   Exact, Digital    (input: photons, from 0 to 1)
    CircuitNeuron       Exact, Digital    (input: spikes)

`neuron.signals` says what voltage, current and input are, and their units. The first four are given
as differential equations: `dynamical_system(neuron, input=…)` hands them to `dynamics`. Each folder
keeps the verbs of its own neuron, such as `shuttle.simulate`, with options that only it has.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
