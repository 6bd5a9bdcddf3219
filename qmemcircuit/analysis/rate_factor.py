"""A common factor κ on all decay rates, from the counts: Γ_j(t) → κ Γ_j(t).

A χ² over all outcomes asks about every deviation at once, and so is weak against each single one.
The damping is what makes these devices memristors: this test asks about it alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from qmemcircuit.analysis.one_site import deviations, expected_of
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import evolve, outcome_probabilities
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.counts.samples import Samples
from qmemcircuit.model.memristors import Network
from qmemcircuit.model.serialization import restore_model
from qmemcircuit.results.trajectory import Trajectory

MOST_MEMRISTORS = 6
"""Density matrices of so many memristors at most are integrated for the derivative."""

_STEP = 1e-3
"""κ = 1 ± this for the derivative by central differences: relative error of order 1e-6."""

_LARGEST_ANGLE = 0.2
"""A step of the integration turns no state by more than this, in radians."""


@data_object
@dataclass(frozen=True)
class RateFactor:
    """By which common factor κ the decay rates behind some counts differ from the model's.

    Attributes:
        estimate: κ, to first order in κ − 1, and its standard error by the shots under κ = 1,
            also readable as `value` and `error`; None where it is not available.
        p_value: the probability of a deviation as large as κ's, either way, under κ = 1.
        tested: what went in, or why nothing did.
    """

    estimate: Estimate[float] | None
    p_value: float | None
    tested: str

    @property
    def value(self) -> float | None:
        """`estimate.value`."""
        return None if self.estimate is None else self.estimate.value

    @property
    def error(self) -> float | None:
        """`estimate.standard_error`."""
        return None if self.estimate is None else self.estimate.standard_error

    def __str__(self) -> str:
        if self.estimate is None or self.p_value is None:
            return f"common factor on the decay rates: not available ({self.tested})"
        return (
            f"common factor on the decay rates: {self.estimate}, p = {self.p_value:.3g} for 1 "
            f"({self.tested})"
        )


def measure_rate_factor(a: Trajectory, b: Trajectory) -> RateFactor:
    """Return κ from the counts of one side and the exact states of the other.

    With p the probabilities of the outcomes by the exact states and q = dp/dκ, the counts n of N
    shots give κ − 1 = Σ w (n − N p) / Σ N w q with w = q/(p + 1/N): generalised least squares with
    the multinomial covariance under κ = 1, regularised where an outcome cannot happen. Its
    variance and its p-value hold under κ = 1 whatever w is, so the test has its size even where
    the derivative is not exact; that the other side's states are not those of its model's master
    equation (a splitting error, a device's noise) costs power alone. Where κ is far from 1, the
    value is only the first step towards it.

    The exact side must know its model (`provenance["model"]`, as `master_equation` and
    `exact_circuit` write it), of up to 6 memristors; of more, `reference_trajectory` knows the
    slope of each V, and each memristor's counts are weighed. Otherwise the result says why not.
    """
    for sampled, exact in ((a, b), (b, a)):
        if sampled.samples is not None and exact.samples is None:
            break
    else:
        sides = "neither side was" if a.samples is None else "both sides were"
        return _unavailable(f"{sides} sampled")
    assert sampled.samples is not None
    if exact.states is None or exact.device_count > MOST_MEMRISTORS:
        return _from_voltages(sampled.samples, exact)
    try:
        network = restore_model(exact.provenance["model"])
    except (KeyError, TypeError, ValueError):
        return _unavailable("the exact side does not know its model")
    if not all(item.is_cold and item.drive is None for item in network.memristors):
        return _unavailable("a memristor is warm, dephased or driven: rates are not all of it")
    slower, faster = (
        states_with_factor(network, exact.times, factor) for factor in (1 - _STEP, 1 + _STEP)
    )
    return _weigh(sampled.samples, exact.states, slower, faster)


def _from_voltages(samples: Samples, exact: Trajectory) -> RateFactor:
    """Return κ from each memristor's share of ones, where the other side knows V's slope alone.

    Weights are those of independent memristors; the variance is that of the correlated ones, and
    the errors of V are joined as if all of them pointed the worst way.
    """
    slope, expected = exact.variables.get("rate_slope"), expected_of(exact)
    if slope is None or expected is None:
        if exact.states is None:
            return _unavailable("the other side has no states")
        return _unavailable(f"more than {MOST_MEMRISTORS} memristors")
    network = restore_model(exact.provenance["model"])
    scale = np.array([item.current_scale for item in network.memristors])
    deviation = steepness = variance = worst = 0.0
    for item in deviations(samples, expected):
        change = -(slope / scale)[item.time, item.members]
        weights = change / np.diag(item.covariance)
        deviation += float(weights @ item.difference)
        steepness += float(weights @ change)
        variance += float(weights @ item.covariance @ weights)
        worst += float(np.abs(weights) @ item.errors)
    if not steepness > 1e-12:  # in squared standard errors
        return _unavailable("the counts do not depend on the decay rates")
    error = math.hypot(math.sqrt(variance), worst)
    return RateFactor(
        Estimate(1 + deviation / steepness, error / steepness),
        p_value=float(2 * ndtr(-abs(deviation) / error)),
        tested="each memristor's counts in Y against the derivative of the voltages",
    )


def _weigh(
    samples: Samples, states: ComplexArray, slower: ComplexArray, faster: ComplexArray
) -> RateFactor:
    deviation = slope = variance = 0.0
    for place, basis in enumerate(samples.bases):
        counts = samples.counts[:, place].astype(float)
        shots = counts.sum(axis=1, keepdims=True)
        expected = outcome_probabilities(states, basis)
        change = outcome_probabilities(faster, basis) - outcome_probabilities(slower, basis)
        change /= 2 * _STEP
        weights = change / (expected + 1 / np.maximum(shots, 1))
        mean = np.sum(weights * expected, axis=1, keepdims=True)
        deviation += float(np.sum(weights * (counts - shots * expected)))
        slope += float(np.sum(shots * weights * change))
        variance += float(np.sum(shots * (weights - mean) ** 2 * expected))
    # Rounding leaves a derivative of 1e-13 where there is none.
    if not variance > 1e-20 * max(1.0, float(samples.shots.sum())):
        return _unavailable("the counts do not depend on the decay rates")
    score = deviation / math.sqrt(variance)
    return RateFactor(
        Estimate(1 + deviation / slope, math.sqrt(variance) / slope),
        p_value=float(2 * ndtr(-abs(score))),
        tested="counts against the derivative of the model",
    )


def states_with_factor(network: Network, times: FloatArray, factor: float) -> ComplexArray:
    """Return the states at `times` with all decay rates multiplied by `factor`, (T, d, d).

    Strang's splitting of the master equation: half a step of H, damping by the exact integral of
    Γ, half a step of H, in steps that turn no state by more than 0.2. Of second order; only a
    direction is taken from it.
    """
    hamiltonian = _hamiltonian(network)
    speed = float(np.ptp(np.linalg.eigvalsh(hamiltonian)))
    state = network.initial_state
    found, now = [], 0.0
    for time in times:
        steps = math.ceil(speed * (time - now) / _LARGEST_ANGLE)
        knots = np.linspace(now, time, steps + 1)
        if steps:
            half = evolve(hamiltonian, (time - now) / steps / 2)
            decays = [item.decay_integral(knots[:-1], knots[1:]) for item in network.memristors]
            for decay in factor * np.array(decays).T:
                state = half @ _damp(half @ state @ half.conj().T, decay) @ half.conj().T
        found.append(state)
        now = float(time)
    return np.array(found)


def _hamiltonian(network: Network) -> ComplexArray:
    """Return H/ħ of the memristors and their couplings, 2^M × 2^M in Qiskit's order."""
    count = len(network.memristors)
    indices = np.arange(2**count)
    energies = sum(item.omega * ((indices >> j) & 1) for j, item in enumerate(network.memristors))
    total = np.diag(np.asarray(energies, dtype=complex))
    for (first, second), coupling in network.couplings:
        matrix = coupling.hamiltonian()
        rest = indices & ~((1 << first) | (1 << second))
        place = ((indices >> first) & 1) + 2 * ((indices >> second) & 1)
        total += np.where(rest[:, None] == rest, matrix[place[:, None], place], 0.0)
    return total


def _damp(state: ComplexArray, decay: FloatArray) -> ComplexArray:
    """Return the state after amplitude damping of every memristor j by ∫Γ_j = decay[j]."""
    count = decay.size
    for j, amount in enumerate(decay):
        # Axes: higher bits, memristor j, lower bits; rows, then columns.
        tensor = state.reshape(2 ** (count - 1 - j), 2, 2**j, 2 ** (count - 1 - j), 2, 2**j).copy()
        kept = math.exp(-amount)
        tensor[:, 0, :, :, 0] += (1 - kept) * tensor[:, 1, :, :, 1]
        tensor[:, 1, :, :, 1] *= kept
        tensor[:, 0, :, :, 1] *= math.sqrt(kept)
        tensor[:, 1, :, :, 0] *= math.sqrt(kept)
        state = tensor.reshape(state.shape)
    return state


def _unavailable(reason: str) -> RateFactor:
    return RateFactor(None, None, reason)
