"""Attractors and basins, on systems whose attractors are known, and at R_n = 50."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_ensembles import oscillator

from qmemcircuit.neurons.dynamics.attractors import (
    Basins,
    CoexistenceWarning,
    find_attractors,
    sort_attractors,
)
from qmemcircuit.neurons.dynamics.cycles import find_limit_cycle
from qmemcircuit.neurons.hodgkin_huxley.membrane import Membrane
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive

STRONG = ShuttleNeuron(resistance=50, bias=10, decoherence_rate=0.1)


def kinds(found: Basins) -> list[str]:
    return [item.kind for item in found.attractors]


def test_the_two_amplitudes_of_a_duffing_oscillator_and_their_basins() -> None:
    """Between its folds a driven Duffing oscillator has two stable cycles (Landau, Mechanics §29).

    In first harmonic a²[(ω₀² − ω² + ¾γa²)² + (2βω)²] = F² has three roots, of which the outer two
    are stable.
    """
    beta, force, omega, gamma = 0.05, 0.3, 1.5, 1.0
    system = replace(
        oscillator().with_parameters([beta, 1.0, force, omega, gamma]), period=2 * np.pi / omega
    )
    detuning = np.polynomial.Polynomial([1 - omega**2, 0.75 * gamma])  # of a²
    intensity = np.polynomial.Polynomial([0, 1])
    roots = (intensity * (detuning**2 + (2 * beta * omega) ** 2) - force**2).roots()
    amplitudes = np.sqrt(np.sort(roots.real))
    assert np.abs(roots.imag).max() == 0
    assert len(amplitudes) == 3
    side = np.linspace(-2, 2, 12)
    found = find_attractors(
        system, np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1), transient=200.0
    )
    assert kinds(found) == ["cycle", "cycle"]
    assert found.settled == 1.0
    assert [item.multiple for item in found.attractors] == [1, 1]
    reached = sorted(item.maxima[0] for item in found.attractors)
    # The third harmonic is left out of the formula: a per cent of the larger one.
    assert reached == pytest.approx(amplitudes[[0, 2]], rel=0.02)
    assert found.indices.shape == (12, 12)
    sizes = [item.starts for item in found.attractors]
    assert sum(sizes) == 144
    assert min(sizes) > 10
    # A contraction by 2β, shared by two exponents of a pair: each is −β.
    assert [item.exponent for item in found.attractors] == pytest.approx([-beta] * 2, abs=0.01)


def test_several_attractors_coexist_at_a_large_resistance_and_the_cycle_says_so() -> None:
    starts = [[0.0, 1.0, 0.0, 0.0], [0.6, 0.1, 0.2, 0.0], [10.0, 1.0, 0.0, 0.0]]
    found = find_attractors(STRONG.system(), starts)
    assert kinds(found) == ["cycle", "equilibrium"]
    assert found.indices.tolist() == [0, 0, 1]
    with pytest.warns(CoexistenceWarning, match="2 attractors coexist"):
        cycle = find_limit_cycle(STRONG.system(), starts[1], transient=300.0, starts=starts)
    low, high = cycle.extremes()
    known = found.attractors[0]
    assert (known.minima[0], known.maxima[0]) == pytest.approx((low, high), abs=1e-6)


def test_where_there_is_one_attractor_nothing_is_said() -> None:
    alone = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    start = [0.85, 0.98, 0.1, 0.0]
    cycle = find_limit_cycle(alone.system(), start, starts=[start, [0.0, 1.0, 0.0, 0.0]])
    assert cycle.stable


def test_a_start_on_an_unstable_equilibrium_is_no_attractor() -> None:
    """x″ − 0.2x′ + x = 0 grows from every start but the origin."""
    neuron = ShuttleNeuron(resistance=5, bias=0.0, decoherence_rate=0.1)
    grown = find_attractors(neuron.system(), [[0.0, 1.0, 0.0, 0.0], [0.0, -0.5, 0.1, 0.0]])
    assert kinds(grown) == ["equilibrium"]  # stable there
    unstable = replace(oscillator().with_parameters([-0.1, 1.0, 0.0, 1.0, 0.0]), period=None)
    found = find_attractors(unstable, [[0.0, 0.0]], transient=5.0, duration=50.0)
    assert kinds(found) == ["unstable equilibrium"]


def test_torus_and_chaos_have_their_names() -> None:
    weak = ShuttleNeuron(
        resistance=5, bias=0.23, decoherence_rate=0.1, drive=SinusoidalDrive(0.1, 6.0)
    )
    wild = ShuttleNeuron(
        resistance=40, bias=7.5, decoherence_rate=0.1, drive=SinusoidalDrive(10.0, 2.0)
    )
    systems = [weak.system()] * 2 + [wild.system()] * 2
    states = np.array([[[0.2, 0.98, 0.15, 0.0], [0.1, 0.9, 0.0, 0.2]]] * 2)
    found: Any = sort_attractors(systems, states, transient=400.0, duration=150.0)
    assert [kinds(item) for item in found] == [["torus"], ["chaos"]]
    assert all(item.settled == 0.0 for item in found)


def test_what_has_no_attractors_is_refused() -> None:
    with pytest.raises(ValueError, match=r"states must have shape \(…, 4\)"):
        find_attractors(STRONG.system(), [1.0, 2.0])
    with pytest.raises(ValueError, match="for 2 = R·K systems"):
        sort_attractors([STRONG.system()] * 2, np.zeros((1, 3, 4)), transient=1.0, duration=1.0)


def test_a_spiking_membrane_is_a_cycle_and_a_resting_one_is_at_rest() -> None:
    """Its exponent is not yet zero in these windows: it was an equilibrium from −10 to 95 mV."""
    membrane = Membrane()
    for current, kind in ((10.0, "cycle"), (2.0, "equilibrium")):
        found = find_attractors(
            membrane.system(current), membrane.resting_state, transient=200, duration=100
        )
        assert [item.kind for item in found.attractors] == [kind]
