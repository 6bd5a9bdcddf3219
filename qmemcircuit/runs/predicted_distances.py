"""How far the states of each method are predicted to be from a reference, at a number of shots.

Methods share the executions at each time. Readout's flips are taken as known: their calibration is
two circuits for all times, and its shots are not in the budget.

`"shaped"` knows the calibration that makes the counts here, and would be judged on its own ground.
So the shape it is given is that of a calibration that has drifted: every number off by up to the
declared 20 %, each by its own. It extrapolates decay too, so that it takes the best form that
absorbs none.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.drawing import rounded
from qmemcircuit.common.states import trace_distance
from qmemcircuit.counts.allocation import predicted_shares
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.best import FormChoice
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.drift import drifted_part
from qmemcircuit.devices.expected import INFINITE_SHOTS
from qmemcircuit.devices.noise.calibrated import readout_matrices, simulate
from qmemcircuit.runs.predicted_counts import outcomes_of_states, readout_of
from qmemcircuit.simulation.exact import circuit_states

METHODS: dict[str, Mitigation] = {
    "raw": Mitigation(readout=False),
    "readout corrected": Mitigation(),
    "extrapolated": Mitigation((1, 3)),
    "shaped": Mitigation((1, 3), fold_all=True, extrapolation="shaped", allocation="predicted"),
}
"""All share the same budget."""

REPETITIONS, QUANTILE = 40, 0.95
SEED, DRIFT_SEED = 0, 1
"""Of the repetitions' shots, and of the drifted calibration."""


class _Ground:
    """The outcomes of one form at both noise factors, and what a method is told of it."""

    def __init__(self, choice: FormChoice, name: str) -> None:
        """Simulate the folded circuits; ValueError is kept in `unfoldable`."""
        form = choice.forms[name]
        self.circuits, self.device = form.circuits, form.device
        self.bases = self.circuits.bases
        self.only = [int(np.argmin(np.abs(self.circuits.times - time))) for time in choice.times]
        self.matrix = readout_of(self.circuits, self.device)
        self.states = {1: choice.states[name]}
        self.unfoldable = ""
        self.folded: list[CompiledCircuit] = []
        amplified = self.device.amplify(3, fold_all=not self.circuits.absorbed)
        try:
            folded, self.folded = amplified.noisy_states(self.circuits, only=self.only)
            self.states[3] = folded
        except ValueError as error:  # native gates of any angle do not fold
            self.unfoldable = str(error)
        self.chances = {
            factor: outcomes_of_states(found, self.bases) @ self.matrix.T
            for factor, found in self.states.items()
        }

    @property
    def calibration(self) -> FloatArray:
        """What is read of |0…0> and |1…1>."""
        prepared = np.zeros((2, self.matrix.shape[0]))
        prepared[0, 0] = prepared[1, -1] = 1.0
        return np.asarray(prepared @ self.matrix.T)

    @cached_property
    def excess(self) -> FloatArray:
        """What noise adds before readout, by a calibration that has drifted, (F, T, B, 2^M)."""
        clean = outcomes_of_states(circuit_states(self.circuits)[self.only], self.bases)
        random = np.random.default_rng(DRIFT_SEED)
        # One drift for both factors: it is one device.
        part = drifted_part(self.device.restricted(), METHODS["shaped"].drift, random)
        found = []
        plain = self.device.compile(self.circuits, measured=False, only=self.only)
        for compiled in (plain, self.folded):
            states = simulate(compiled, part, self.device.reset_error, None, save="density_matrix")
            found.append(outcomes_of_states(states.mean(axis=1), self.bases) - clean)
        return np.array(found)

    @cached_property
    def shares(self) -> FloatArray:
        """Of the shots of the shaped extrapolation, (F, B)."""
        memristors = len(self.circuits.network.memristors)
        each = readout_matrices(self.device.place(self.circuits).restricted())[:memristors]
        flips = np.array([[matrix[1, 0], matrix[0, 1]] for matrix in each])
        chances = rounded(self.chances[1])
        return predicted_shares(
            chances, self.bases, METHODS["shaped"], flips=flips, excess=self.excess
        )


def predicted_distances(
    choice: FormChoice, reference: ComplexArray, executions: int
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Return the largest distance of each method, with unlimited shots and with these.

    And the methods that the device cannot do, with why.
    """
    chosen = _Ground(choice, choice.name)
    unlimited = {"before readout": float(trace_distance(chosen.states[1], reference).max())}
    limited: dict[str, float] = {}
    left_out: dict[str, str] = {}
    for method, mitigation in METHODS.items():
        ground = chosen
        if mitigation.predicts and choice.chosen.absorption is not None:
            names = [name for name, form in choice.forms.items() if form.absorption is None]
            if not names:
                left_out[method] = "every form that this device can run absorbs decay"
                continue
            best = min(names, key=lambda name: choice.predicted[name].distance)
            ground = _Ground(choice, best)
        if len(mitigation.factors) > 1 and ground.unfoldable:
            left_out[method] = ground.unfoldable
            continue
        unlimited[method] = float(_distances(ground, mitigation, INFINITE_SHOTS, reference).max())
        limited[method] = _limited(ground, mitigation, reference, executions)
    return unlimited, limited, left_out


def _limited(
    ground: _Ground, mitigation: Mitigation, reference: ComplexArray, executions: int
) -> float:
    """Return the distance that `QUANTILE` of repetitions stay below."""
    random = np.random.default_rng(SEED)
    if mitigation.predicts:
        # Its scale is fitted over all times: each repetition is a fit of its own.
        drawn = [
            float(_distances(ground, mitigation, executions, reference, random).max())
            for _ in range(REPETITIONS)
        ]
        return float(np.quantile(drawn, QUANTILE))
    # Repetitions as if they were further times: one reconstruction for all of them.
    again = np.tile(reference, (REPETITIONS, 1, 1))
    distances = _distances(ground, mitigation, executions, again, random, REPETITIONS)
    return float(np.quantile(distances.reshape(REPETITIONS, -1).max(axis=1), QUANTILE))


def _distances(
    ground: _Ground,
    mitigation: Mitigation,
    executions: int,
    reference: ComplexArray,
    random: np.random.Generator | None = None,
    repetitions: int = 1,
) -> FloatArray:
    """Return the trace distance of the reconstructed states to the reference, (T,).

    Without `random` of the mean counts.
    """
    factors = len(mitigation.factors)
    shares = np.full((factors, len(ground.bases)), 1 / (factors * len(ground.bases)))
    if mitigation.allocation == "predicted":
        shares = ground.shares
    samples = []
    for own, factor in zip(shares, mitigation.factors, strict=True):
        each = np.maximum(np.floor(executions * own), 1).astype(np.int64)
        table = rounded(np.tile(ground.chances[factor], (repetitions, 1, 1)))
        if random is None:
            counts = np.round(table * each[:, None]).astype(np.int64)
        else:
            counts = random.multinomial(each, table)
        samples.append(Samples(ground.bases, counts))
    readout = None
    if mitigation.readout:
        readout = Readout(np.round(ground.calibration * INFINITE_SHOTS).astype(np.int64))
    excess = ground.excess[None] if mitigation.predicts else None
    found = MitigatedSamples(mitigation, tuple(samples), readout, excess)
    return trace_distance(found.states(), reference)
