"""Random numbers that a seed fixes on every machine: streams, and probabilities to draw from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmemcircuit.common.checks import FloatArray, IntArray, check_integer


def chosen_seed(seed: int | None) -> int:
    """Return `seed`, checked; None draws one from the system, so that it can be recorded."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return check_integer("seed", seed, minimum=0)


def random_stream(seed: int, stream: int) -> np.random.Generator:
    """Return the generator of one stream of a seed; stream 0 is the seed's own."""
    return np.random.default_rng(seed if stream == 0 else [seed, stream])


def rounded(probabilities: FloatArray) -> FloatArray:
    """Return probabilities, shape (…, outcomes), in whole multiples of 1e-12 that sum to 1."""
    # As integers, whose sum is exact in any order.
    parts = np.rint(probabilities * 1e12).astype(np.int64)
    return np.asarray(parts / parts.sum(axis=-1, keepdims=True))


def draw_counts(
    chances: Sequence[FloatArray] | FloatArray,
    shots: int | IntArray,
    random: np.random.Generator,
) -> IntArray:
    """Return counts (…, 2^M) of outcome probabilities (N, …, 2^M) of N random instances.

    The shots are divided equally over the instances, as on hardware; they are one number or an
    array that broadcasts with the axes `…`.
    """
    instances = len(chances)
    shares = [shots // instances + (shots % instances > place) for place in range(instances)]
    drawn = [random.multinomial(n, rounded(p)) for n, p in zip(shares, chances, strict=True)]
    return np.asarray(np.sum(drawn, axis=0))
