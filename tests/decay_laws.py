"""Decay-rate laws with structure of every kind, with integrals in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

import qmemcircuit as qm


class Steps:
    """Γ = rates[k] between edges[k − 1] and edges[k]; the rate after an edge holds at it."""

    def __init__(self, edges: Sequence[float], rates: Sequence[float]) -> None:
        self.edges, self.rates = np.array(edges), np.array(rates)
        self.breakpoints = tuple(edges)

    def value(self, times: ArrayLike) -> np.ndarray:
        return self.rates[np.searchsorted(self.edges, np.asarray(times, float), side="right")]

    def integral(self, start: ArrayLike, stop: ArrayLike) -> np.ndarray:
        return self._from_zero(stop) - self._from_zero(start)

    def at_frequency(self, omega: float) -> Steps:
        return self

    def _from_zero(self, times: ArrayLike) -> np.ndarray:
        times = np.asarray(times, float)
        starts, stops = np.r_[0.0, self.edges], np.r_[self.edges, np.inf]
        parts = [
            rate * np.clip(times - start, 0.0, stop - start)
            for rate, start, stop in zip(self.rates, starts, stops, strict=True)
        ]
        return np.sum(parts, axis=0)


class Sine:
    """Γ = mean (1 + sin νt)."""

    def __init__(self, mean: float, frequency: float) -> None:
        self.mean, self.frequency = mean, frequency

    def value(self, times: ArrayLike) -> np.ndarray:
        return self.mean * (1 + np.sin(self.frequency * np.asarray(times, float)))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> np.ndarray:
        start, stop = np.asarray(start, float), np.asarray(stop, float)
        swing = np.cos(self.frequency * start) - np.cos(self.frequency * stop)
        return self.mean * (stop - start + swing / self.frequency)

    def at_frequency(self, omega: float) -> Sine:
        return self


class Triangle:
    """Γ = height · |2 (t/width mod 1) − 1|: a kink every half width."""

    def __init__(self, height: float, width: float) -> None:
        self.height, self.width = height, width

    def value(self, times: ArrayLike) -> np.ndarray:
        return self.height * np.abs(2 * np.mod(np.asarray(times, float) / self.width, 1.0) - 1)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> np.ndarray:
        return self._from_zero(stop) - self._from_zero(start)

    def at_frequency(self, omega: float) -> Triangle:
        return self

    def _from_zero(self, times: ArrayLike) -> np.ndarray:
        whole, phase = np.divmod(np.asarray(times, float) / self.width, 1.0)
        inside = np.where(phase < 0.5, phase - phase**2, 0.5 - phase + phase**2)
        return self.height * self.width * (0.5 * whole + inside)


LAWS = {
    "paper": qm.SquidRate(0.4),
    "gamma 2": qm.ConstantRate(2.0),
    "sin 9t": Sine(0.3, 9.0),
    "step": Steps([7.0], [0.1, 0.8]),
    "pulse": Steps([6.9, 7.2], [0.05, 4.0, 0.05]),
    "weak": qm.SquidRate(0.02),
}
"""The six of the error bars: the paper's, strong, fast, a jump, a narrow pulse, weak."""
