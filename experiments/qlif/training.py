"""A trained network of circuit neurons tells short intervals from long ones: leak or no leak.

To see: only neurons that leak learn to tell short intervals from long ones; without leak they do no
better than counting.

New: the task is ours. A trial has two spikes on input 0, three steps or less apart (class 1) or six
or more (class 0), and random spikes on input 1. The output neuron must fire after the second spike
in class 1 alone. Weights and thresholds are trained by an evolution strategy, with the leak and,
alike in everything else, without: then a silent step changes nothing, and all that such a network
can know of an interval is how many random spikes fell into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from experiments.drawing import TWO_COLUMNS
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.qlif import CircuitNeuron, simulate_layers
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RELAXATION = {"leak": (2.0, 4.0, 8.0, 16.0, 8.0), "no leak": (1e12,) * 5}
"""T1 of four hidden neurons and the output, in steps."""
_STEPS, _NOISE = 18, 0.1
_TRAIN, _TEST = 200, 2000
_SHOTS = (100, 1000)
_PARENTS, _CHILDREN = 5, 20
_SHARPNESS = 10.0


@dataclass(frozen=True, eq=False)
class Trials:
    """Spikes (N, K, 2), class (N,), and the step of the second spike of input 0, (N,)."""

    spikes: np.ndarray[Any, Any]
    short: np.ndarray[Any, Any]
    second: np.ndarray[Any, Any]


def compute(settings: Settings) -> Result:
    """Train for every seed with and without leak; test on fresh trials, exact and with shots."""
    seeds, rounds = (2, 15) if settings.quick else (10, 60)
    kinds = list(_RELAXATION)
    accuracy = np.zeros((len(kinds), seeds, 1 + len(_SHOTS)))
    loss = np.zeros((len(kinds), seeds, rounds))
    best_count = np.zeros(seeds)
    differing = 0
    for seed in settings.track(range(seeds)):
        random = np.random.default_rng([settings.seed, seed])
        train, test = _draw_trials(_TRAIN, random), _draw_trials(_TEST, random)
        best_count[seed] = _accuracy_of_counting(train, test)
        for row, kind in enumerate(kinds):
            times = np.array(_RELAXATION[kind])
            found, loss[row, seed] = _train(train, times, rounds, np.random.default_rng(seed))
            for column, shots in enumerate((None, *_SHOTS)):
                said = _respond(found, test, times, shots, random)[1]
                accuracy[row, seed, column] = np.mean(said == test.short)
            differing += _differing(found, test, times, 5)
    errors = accuracy.std(axis=1, ddof=1) / np.sqrt(seeds)
    labels = ("closed form", *(f"{shots} shots a step" for shots in _SHOTS))
    quantities = [
        Quantity(
            f"accuracy on fresh trials, {kind}, {label}",
            accuracy[row, :, column].mean(),
            float(errors[row, column]) or None,
            evidence=f"mean and its error over {seeds} seeds, {_TEST} trials each; 0.5 is chance",
        )
        for row, kind in enumerate(kinds)
        for column, label in enumerate(labels)
    ]
    quantities += [
        Quantity(
            "accuracy of the best threshold on the number of random spikes in between",
            best_count.mean(),
            float(best_count.std(ddof=1) / np.sqrt(seeds)) or None,
            evidence="all that a network without leak can know of the interval",
        ),
        Quantity(
            "trials of the trained networks on which simulate_layers decides otherwise",
            differing,
            evidence=f"of {5 * 2 * seeds}: the training's own vectorised equations are those",
        ),
    ]
    data = xarray.Dataset(
        {
            "accuracy": (("kind", "seed", "reading"), accuracy),
            "loss": (("kind", "seed", "round"), loss),
            "counting": ("seed", best_count),
        },
        coords={"kind": kinds, "reading": list(labels)},
    )
    parameters = {"train": _TRAIN, "test": _TEST, "steps": _STEPS, "noise": _NOISE}
    return Result({"scores": data}, tuple(quantities), parameters)


def _draw_trials(count: int, random: np.random.Generator) -> Trials:
    spikes = np.zeros((count, _STEPS, 2))
    short = random.random(count) < 0.5
    interval = np.where(short, random.integers(1, 4, count), random.integers(6, 12, count))
    first = random.integers(0, _STEPS - 12, count)
    spikes[np.arange(count), first, 0] = 1
    spikes[np.arange(count), first + interval, 0] = 1
    spikes[:, :, 1] = random.random((count, _STEPS)) < _NOISE
    return Trials(spikes, short, first + interval)


def _unpack(values: np.ndarray[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Return weights (4, 2) and (1, 4), and thresholds between 0.05 and 0.95, (4,) and (1,)."""
    thresholds = 0.05 + 0.9 / (1 + np.exp(-values[12:]))
    return values[:8].reshape(4, 2), values[8:12].reshape(1, 4), thresholds[:4], thresholds[4:]


def _respond(
    values: np.ndarray[Any, Any],
    trials: Trials,
    times: np.ndarray[Any, Any],
    shots: int | None = None,
    random: np.random.Generator | None = None,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the output's largest α over its threshold from the second spike on, and whether > 0.

    With `shots` every α is a binomial draw, which is what the one-qubit circuit measures.
    """
    first, second, *levels = _unpack(values)
    angle = CircuitNeuron().angle
    kept = np.split(np.exp(-1 / times), [4])
    alpha = [np.zeros((len(trials.short), width)) for width in (4, 1)]
    margin = np.full(len(trials.short), -1.0)
    for k in range(_STEPS):
        arriving = trials.spikes[:, k]
        for layer, weights in enumerate((first, second)):
            theta = angle * arriving @ weights.T
            phi = 2 * np.arcsin(np.sqrt(alpha[layer]))
            new = np.where(theta == 0, alpha[layer] * kept[layer], np.sin((phi + theta) / 2) ** 2)
            if shots is not None and random is not None:
                new = random.binomial(shots, new) / shots
            fired = new > levels[layer]
            alpha[layer] = np.where(fired, 0.0, new)
            arriving = fired.astype(float)
        now = trials.second <= k
        margin = np.where(now, np.maximum(margin, (new - levels[1])[:, 0]), margin)
    return margin, margin > 0


def _train(
    trials: Trials, times: np.ndarray[Any, Any], rounds: int, random: np.random.Generator
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the best of a (5, 20) evolution strategy with adapted steps, and its losses."""
    signs = np.where(trials.short, 1, -1)

    def loss(values: np.ndarray[Any, Any]) -> float:
        margin, _ = _respond(values, trials, times)
        return float(np.logaddexp(0, -_SHARPNESS * signs * margin).mean())

    parents = [(np.inf, random.normal(0, 1, 17), 0.5) for _ in range(_PARENTS)]
    history = []
    for _ in range(rounds):
        children = []
        for _ in range(_CHILDREN):
            _, values, step = parents[random.integers(_PARENTS)]
            step *= np.exp(0.2 * random.normal())
            child = values + step * random.normal(size=17)
            children.append((loss(child), child, step))
        parents = sorted([*parents, *children], key=lambda item: item[0])[:_PARENTS]
        history.append(parents[0][0])
    return parents[0][1], np.array(history)


def _accuracy_of_counting(train: Trials, test: Trials) -> float:
    """Return how well 'at most n random spikes between the two' tells the classes."""

    def between(trials: Trials) -> np.ndarray[Any, Any]:
        passed = np.cumsum(trials.spikes[:, :, 0], axis=1) == 1
        return np.asarray((passed * trials.spikes[:, :, 1]).sum(axis=1))

    scores = [np.mean((between(train) <= level) == train.short) for level in range(_STEPS)]
    return float(np.mean((between(test) <= int(np.argmax(scores))) == test.short))


def _differing(
    values: np.ndarray[Any, Any], trials: Trials, times: np.ndarray[Any, Any], count: int
) -> int:
    """Return on how many of the first trials the package's own network decides otherwise."""
    first, second, *levels = _unpack(values)
    groups = [
        [
            CircuitNeuron(threshold=float(level), relaxation_time=float(time))
            for level, time in zip(group, part, strict=True)
        ]
        for group, part in zip(levels, np.split(times, [4]), strict=True)
    ]
    said = _respond(values, trials, times)[1]
    wrong = 0
    for number in range(count):
        network = list(zip(groups, (first, second), strict=True))
        run = simulate_layers(network, trials.spikes[number].astype(bool))
        # Step k ends at time k + 1.
        fired = bool(np.any(run.events["neuron_4"] > trials.second[number]))
        wrong += fired != said[number]
    return wrong


def draw(result: Result) -> Figure:
    """Draw the losses of the training, and the accuracy of every seed."""
    scores = result.data["scores"]
    figure, (left, right) = make_figure(1, 2, width=TWO_COLUMNS, height=3.0)
    for kind, colour in zip(scores.kind.values, PALETTE, strict=False):
        losses = scores.loss.sel(kind=kind)
        rounds = np.arange(1, losses.sizes["round"] + 1)
        left.plot(rounds, losses.T, color=colour, lw=0.5, alpha=0.6)
        left.plot(rounds, losses.mean("seed"), color=colour, lw=1.8, label=str(kind))
    left.set(xlabel="generation", ylabel="training loss (nats a trial)", ylim=(0, None))
    left.legend()
    places = np.arange(scores.sizes["reading"])
    for number, (kind, colour) in enumerate(zip(scores.kind.values, PALETTE, strict=False)):
        found = scores.accuracy.sel(kind=kind)
        shift = 0.12 * (2 * number - 1)
        for one in found:
            right.plot(places + shift, one, ".", color=colour, ms=3, alpha=0.5)
        right.errorbar(
            places + shift,
            found.mean("seed"),
            yerr=found.std("seed", ddof=1) / np.sqrt(found.sizes["seed"]),
            fmt="os"[number],
            ms=4,
            color=colour,
            label=str(kind),
        )
    right.axhline(0.5, color="black", lw=0.7, ls=":", label="chance")
    right.axhline(
        float(scores.counting.mean()), color="0.5", lw=0.9, ls="--", label="counting random spikes"
    )
    right.set_xticks(places, [str(name).replace(" a step", "") for name in scores.reading.values])
    right.set(ylabel="accuracy on fresh trials", ylim=(0.4, 1.3), xlim=(-0.5, places[-1] + 0.5))
    right.legend(fontsize=7, ncols=2)
    return figure
