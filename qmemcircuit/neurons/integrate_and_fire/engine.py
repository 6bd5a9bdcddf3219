"""The joint equations of integrate-and-fire neurons, from spike to spike, on SciPy's solver.

Between events (a threshold crossing, the end of a hold) the state of all neurons is one smooth
system; `integrate_and_fire` states the equations and turns the samples into a Trajectory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qmemcircuit.common.checks import FloatArray

if TYPE_CHECKING:
    from qmemcircuit.neurons.integrate_and_fire.neuron import IntegrateAndFire


class Engine:
    """The joint equations of all neurons between events; state rows: φ, Q, q, J, then σ (3)."""

    def __init__(
        self,
        neurons: tuple[IntegrateAndFire, ...],
        dissipator: str,
        leak_scale: float,
        synapse_time: float,
        current: Callable[[float], FloatArray],
        longest_step: float,
    ) -> None:
        def column(name: str) -> FloatArray:
            return np.array([getattr(n, name) for n in neurons], dtype=float)[:, None]

        self.neurons = neurons
        self.dissipator, self.leak_scale = dissipator, leak_scale
        self.synapse_time, self.current = synapse_time, current
        self.longest_step = longest_step
        self.capacitance, self.threshold = column("capacitance"), column("threshold")
        self.hbar, self.inverse_l = column("hbar"), 1 / column("inductance")
        self.energy = column("thermal_energy")
        self.on, self.off = column("on_resistance"), column("off_resistance")
        self.range = column("charge_range")

    def resistance(self, memory: NDArray[Any]) -> FloatArray:
        """Return M(q) for memories of shape (N, …)."""
        part = np.clip(memory / self.range, 0.0, 1.0)
        return np.asarray(self.on * part + self.off * (1 - part))

    def slope(self, t: float, state: NDArray[Any], active: NDArray[Any]) -> NDArray[Any]:
        """Return d(state)/dt, state flattened from (rows, N); held neurons keep all but J."""
        rows = state.reshape(-1, active.size)
        c, inverse_l = self.capacitance[:, 0], self.inverse_l[:, 0]
        flux, momentum, memory, synapse = rows[:4]
        part = np.minimum(np.maximum(memory / self.range[:, 0], 0.0), 1.0)
        gamma = 1 / (c * (self.on[:, 0] * part + self.off[:, 0] * (1 - part)))
        leak = gamma * momentum
        stuck = ((memory >= self.range[:, 0]) & (leak > 0)) | ((memory <= 0) & (leak < 0))
        out = np.zeros_like(rows)
        total = self.current(t) + synapse
        kappa = self.leak_scale * gamma
        if self.dissipator == "gksl":
            out[0] = momentum / c - kappa / 2 * flux
            out[1] = total - flux * inverse_l - kappa / 2 * momentum
        else:
            out[0] = momentum / c
            out[1] = total - flux * inverse_l - leak
        out[2] = np.where(stuck, 0.0, leak)
        if self.dissipator != "classical":
            ff, fq, qq = rows[4:]
            energy = self.energy[:, 0]
            out[4] = 2 * fq / c
            out[5] = qq / c - ff * inverse_l
            out[6] = -2 * fq * inverse_l
            if self.dissipator == "gksl":
                out[4] += kappa * (energy / inverse_l - ff)
                out[5] -= kappa * fq
                out[6] += kappa * (c * energy - qq)
            else:
                out[5] -= gamma * fq
                out[6] += 2 * gamma * (c * energy - qq)
        out *= active
        out[3] = -synapse / self.synapse_time
        return out.ravel()

    def run(
        self,
        grid: FloatArray,
        rest: FloatArray,
        coupling: FloatArray,
        generator: np.random.Generator | None,
        tolerance: float,
    ) -> tuple[FloatArray, list[list[float]], dict[str, Any]]:
        """Return samples (rows, N, T), spike times and the record of the uncertainty bound."""
        from scipy.integrate import solve_ivp

        count = len(self.neurons)
        rows = 4 if self.dissipator == "classical" else 7
        state = np.zeros((rows, count))
        state[2] = [neuron.initial_charge for neuron in self.neurons]
        state[4:] = rest[: rows - 4]
        held_until = np.full(count, -math.inf)
        draw: Callable[[], float] = (
            (lambda: 0.0) if generator is None else (lambda: float(generator.standard_normal()))
        )
        normal = np.array([draw() for _ in range(count)])
        spikes: list[list[float]] = [[] for _ in range(count)]
        samples = np.empty((rows, count, grid.size))
        bound = {"steps": 0, "violations": 0, "smallest": math.inf, "first_time": None}
        now, end, sampled = 0.0, float(grid[-1]), 0
        c, level = self.capacitance[:, 0], self.threshold[:, 0]

        def excess(_: float, flat: NDArray[Any], active: NDArray[Any]) -> float:
            here = flat.reshape(rows, count)
            limit = level
            if generator is not None:
                limit = level + normal * np.sqrt(np.maximum(here[6], 0)) / c
            # A held neuron cannot fire; −1 keeps the maximum below zero.
            return float(np.max(np.where(active, here[1] / c - limit, -1.0)))

        crossed = False
        event: Any = excess
        event.terminal, event.direction = True, 1.0
        while True:
            active = held_until <= now
            if crossed or excess(now, state.ravel(), active) >= 0:
                crossed = False
                limit = level
                if generator is not None:
                    limit = level + normal * np.sqrt(np.maximum(state[6], 0)) / c
                margin = np.where(active, state[1] / c - limit, -math.inf)
                firing = int(np.argmax(margin))
                spikes[firing].append(now)
                state[:2, firing] = 0
                state[4:, firing] = rest[: rows - 4, firing]
                held_until[firing] = now + self.neurons[firing].refractory_time
                normal[firing] = draw()
                state[3] += coupling[:, firing]
                continue
            if now >= end:
                break
            waiting = held_until[held_until > now]
            stop = min(end, float(waiting.min())) if waiting.size else end
            solution = solve_ivp(
                self.slope, (now, stop), state.ravel(), args=(active,), method="DOP853",
                events=event, dense_output=True, rtol=tolerance, atol=tolerance / 100,
                max_step=self.longest_step,
            )  # fmt: skip
            if not solution.success:
                raise RuntimeError(f"The neuron could not be integrated: {solution.message}")
            later = int(np.searchsorted(grid, solution.t[-1], side="right"))
            if later > sampled:
                flat = solution.sol(grid[sampled:later])
                samples[:, :, sampled:later] = flat.reshape(rows, count, -1)
                sampled = later
            self._check_bound(solution.t, solution.y.reshape(rows, count, -1), bound)
            state = solution.y[:, -1].reshape(rows, count).copy()
            state[2] = np.clip(state[2], 0, self.range[:, 0])
            now = float(solution.t[-1])
            # The root finder stops within rounding of the crossing, on either side of it.
            crossed = bool(solution.t_events[0].size)
        samples[2] = np.clip(samples[2], 0, self.range)
        return samples, spikes, bound

    def _check_bound(self, times: FloatArray, rows: FloatArray, bound: dict[str, Any]) -> None:
        if rows.shape[0] < 7:
            return
        relative = 4 * (rows[4] * rows[6] - rows[5] ** 2) / self.hbar**2
        worst = relative.min(axis=0)
        # 1e-6: far above the integration's error, far below any violation of interest.
        broken = worst < 1 - 1e-6
        bound["steps"] += int(times.size)
        bound["violations"] += int(broken.sum())
        bound["smallest"] = min(bound["smallest"], float(worst.min()))
        if broken.any() and bound["first_time"] is None:
            bound["first_time"] = float(times[int(np.argmax(broken))])
