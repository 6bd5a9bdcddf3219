"""The circuit neuron on Aer and on a device whose own T1 is the leak, against its closed form.

To see: with its readout inverted the device fires at the very steps of the closed form; raw, errors
of readout add up and it fires too early.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.qlif.device import nairobi_qubit
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.closed_loop import calibrate_readout
from qmemcircuit.neurons.qlif import CircuitNeuron, next_population, run_layers, simulate_layers
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEP_OVER_T1 = 0.2
_THRESHOLD = 0.65


def _aer(seed: int):  # type: ignore[no-untyped-def]
    from qiskit_aer.primitives import SamplerV2

    return SamplerV2(seed=seed)


def compute(settings: Settings) -> Result:
    """Run one spike train in closed form, on Aer, and on the device with and without mitigation."""
    advance = settings.stages(3)
    steps = 20 if settings.quick else 40
    shots = settings.shots or (1000 if settings.quick else 4000)
    device = nairobi_qubit()
    neuron = CircuitNeuron(
        threshold=_THRESHOLD,
        step=device.duration(_STEP_OVER_T1 * device.t1),
        relaxation_time=device.t1,
    )
    # A train on which no α in closed form comes within 0.1 of the threshold: there the number of
    # spikes is a fair test, elsewhere shot noise alone decides.
    spikes = np.random.default_rng(7).random(40)[:steps] < 0.55
    layers = [([neuron], [[1.0]])]
    closed = simulate_layers(layers, spikes)
    aer = run_layers(layers, spikes, shots=shots, seed=settings.seed, sampler=_aer)
    advance()
    common = {
        "shots": shots,
        "seed": settings.seed,
        "sampler": device.sampler,
        "pass_manager": device.pass_manager,
        "leak": "delay",
    }
    readout = calibrate_readout(
        device.sampler, shots=50_000, seed=settings.seed, pass_manager=device.pass_manager
    )
    corrected = run_layers(layers, spikes, readout=readout, **common)
    advance()
    raw = run_layers(layers, spikes, **common)
    advance()
    third = simulate_layers([([replace(neuron, threshold=0.99)], [[1.0]])], [1, 1, 1])
    quantities = (
        *(
            Quantity.against(
                f"α after {k} spikes from rest, θ = π/4",
                third.voltage[k, 0],
                value,
                digits=3,
                source="RX(φ)RX(π/4) from |0>",
                evidence="closed form",
            )
            for k, value in ((1, 0.146), (2, 0.5), (3, 0.854))
        ),
        *Quantity.each(
            {
                "smallest distance of α from the threshold, closed form": np.abs(
                    closed.voltage - _THRESHOLD
                ).min(),
                "output spikes, closed form": closed.events["neuron_0"].size,
                "output spikes, Aer": aer.events["neuron_0"].size,
                "output spikes, device, readout inverted": corrected.events["neuron_0"].size,
                "output spikes, device, raw readout": raw.events["neuron_0"].size,
            }
        ),
        *(
            Quantity(
                f"output spikes at a step of the closed form's, {name}",
                f"{_coincident(run, closed)} of {closed.events['neuron_0'].size}",
                evidence=f"{run.events['neuron_0'].size} spikes in all: a number that agrees says "
                "nothing where the steps do not",
            )
            for name, run in (
                ("Aer", aer),
                ("device, readout inverted", corrected),
                ("device, raw readout", raw),
            )
        ),
        *(
            Quantity(f"RMS of the steps' residuals in standard errors, {name}", _pull(run, neuron))
            for name, run in (
                ("Aer", aer),
                ("device, readout inverted", corrected),
                ("device, raw readout", raw),
            )
        ),
        *Quantity.each(
            {
                "P(1 read | 0), calibrated": readout[0],
                "P(0 read | 1), calibrated": readout[1],
            }
        ),
        Quantity("device T1", device.t1 * 1e6, unit="µs"),
    )
    return Result(
        {"closed": closed, "aer": aer, "device": corrected, "raw": raw},
        quantities,
        {"neuron": asdict(neuron), "shots": shots, "device": device.name, "qubit": device.qubit},
    )


def _coincident(run: Trajectory, closed: Trajectory) -> int:
    """Return how many spikes fall into the same step in both."""
    return len(np.intersect1d(run.events["neuron_0"], closed.events["neuron_0"]))


def _pull(run: Trajectory, neuron: CircuitNeuron) -> float:
    """Return the RMS residual of each α against the closed form from the α before it."""
    before = np.where(run.voltage[:-1, 0] > neuron.threshold, 0, run.voltage[:-1, 0])
    expected = next_population(neuron, before, run.current[1:, 0])
    residual = (run.voltage[1:, 0] - expected) / run.voltage_error[1:, 0]
    return float(np.sqrt(np.mean(residual**2)))


def draw(result: Result) -> Figure:
    """Draw α against time for all four, the threshold and the spikes."""
    figure, (top, bottom) = make_figure(
        2, 1, width=7.0, height=4.2, sharex=True, height_ratios=(2.2, 1)
    )
    closed = result.data["closed"]
    unit = 1e6
    top.step(
        closed.times * unit, closed.voltage[:, 0], where="mid", color="black", label="closed form"
    )
    rows, labels, colours = [closed.events["input_0"] * unit], ["input"], ["0.4"]
    rows.append(closed.events["neuron_0"] * unit)
    labels.append("closed form")
    colours.append("black")
    for key, colour, shape, label in (
        ("aer", PALETTE[0], "o", "Aer"),
        ("device", PALETTE[1], "s", "device, readout inverted"),
        ("raw", PALETTE[3], "^", "device, raw readout"),
    ):
        run = result.data[key]
        top.errorbar(
            run.times * unit,
            run.voltage[:, 0],
            yerr=run.voltage_error[:, 0],
            fmt=shape,
            color=colour,
            label=label,
        )
        rows.append(run.events["neuron_0"] * unit)
        labels.append(label)
        colours.append(colour)
    top.axhline(_THRESHOLD, color="black", ls="--", lw=0.8)
    top.set(ylabel="excited population α", ylim=(-0.03, 1.35))
    top.legend(ncols=2, loc="upper left")
    bottom.eventplot(rows, colors=colours, linelengths=0.8)
    bottom.set_yticks(range(len(rows)), labels)
    bottom.invert_yaxis()
    bottom.set_xlabel("time (µs)")
    return figure
