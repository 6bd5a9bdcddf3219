"""Sums of Pauli strings pushed backwards through a circuit's maps: the compiled loop.

A string is four letters' worth of two bits a memristor (I, X, Y, Z = 0, 1, 2, 3), 32 memristors
in each 64-bit word; a sum is its strings and their real coefficients, found by a hash table.
Under a map M on the Pauli means of one or two memristors, m → M m, an observable c · m becomes
(Mᵀc) · m: each string that is not I there becomes those of its row of M.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from qmemcircuit.common.checks import FloatArray, IntArray

LETTERS_A_WORD = 32

NEW_STRINGS = 0.1
"""Times the smallest coefficient: what a string must have to be made within a step. A step of a
chain would else make thousands that its end drops: twenty times the time for the same error."""

_EMPTY = -1


def words_of(letters: IntArray) -> Any:
    """Return strings (n, N) of letters 0 to 3 as words (n, W) of 64 bits."""
    strings, memristors = letters.shape
    words = np.zeros((strings, -(-memristors // LETTERS_A_WORD)), dtype=np.uint64)
    for j in range(memristors):
        shift = np.uint64(2 * (j % LETTERS_A_WORD))
        words[:, j // LETTERS_A_WORD] |= letters[:, j].astype(np.uint64) << shift
    return words


@njit(cache=True, nogil=True)
def _hash(words: Any, size: int) -> Any:
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for k in range(words.size):
        mixed ^= words[k]
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(32)
    return np.int64(mixed & np.uint64(size - 1))


@njit(cache=True, nogil=True)
def _find(table: Any, strings: Any, words: Any) -> Any:
    """Return the slot of a string, or the free one where it belongs."""
    size = table.size
    slot = _hash(words, size)
    while table[slot] != _EMPTY:
        same = True
        for k in range(words.size):
            if strings[table[slot], k] != words[k]:
                same = False
                break
        if same:
            return slot
        slot = (slot + 1) & (size - 1)
    return slot


@njit(cache=True, nogil=True)
def _weight(words: Any) -> Any:
    found = 0
    for k in range(words.size):
        bits = (words[k] | (words[k] >> np.uint64(1))) & np.uint64(0x5555555555555555)
        while bits != np.uint64(0):
            bits &= bits - np.uint64(1)
            found += 1
    return found


@njit(cache=True, nogil=True)
def _rebuilt(strings: Any, number: int, size: int) -> Any:
    table = np.full(size, _EMPTY, dtype=np.int64)
    for i in range(number):
        table[_find(table, strings, strings[i])] = i
    return table


# More than eight parameters: what compiled code takes, plain arrays and numbers.
@njit(cache=True, nogil=True)
def propagate(
    first: Any,
    coefficients: FloatArray,
    places: IntArray,
    maps: FloatArray,
    ends: Any,
    means: FloatArray,
    largest_weight: int,
    smallest_coefficient: float,
    most_updates: int,
) -> Any:
    """Return (mean, dropped, most strings, words ever touched, updates, strings left, dropped²)
    of one observable.

    Args:
        first, coefficients: the observable, words (n, W) and (n,).
        places: the memristors of each map in the order of application, last first, (P, 2); the
            second is −1 for maps of one.
        maps: (P, 16, 16); those of one memristor use the first 4 × 4.
        ends: whether a step ends after the map, where small coefficients are dropped, (P,).
        means: of the initial states' Paulis, (N, 4).
        largest_weight: strings with more letters than this are dropped as they arise.
        smallest_coefficient: strings below are dropped at the end of each step, and within a step
            those below a tenth of it are not made.
        most_updates: of a string by a map's entry; after more it gives up, and the mean is NaN.

    `dropped` is the sum of the moduli of all dropped coefficients: the mean of a string is at most
    1, and the maps' adjoints do not raise an observable's largest value, so the error is at most
    that. dropped² is the sum of their squares: were their signs independent, the mean square error
    would be at most that.
    """
    width = first.shape[1]
    number = first.shape[0]
    room = 1024
    while room < 2 * number:
        room *= 2
    strings = np.zeros((room, width), dtype=np.uint64)
    values = np.zeros(room)
    added = np.zeros(room)
    strings[:number] = first
    values[:number] = coefficients
    table = _rebuilt(strings, number, 4 * room)
    touched = np.zeros(width, dtype=np.uint64)
    for i in range(number):
        for k in range(width):
            touched[k] |= strings[i, k]
    ever = touched.copy()
    dropped, squares = 0.0, 0.0
    updates = 0
    most = number
    new = np.zeros(width, dtype=np.uint64)
    three = np.uint64(3)
    for p in range(places.shape[0]):
        one, two = places[p, 0], places[p, 1]
        word1, shift1 = one // 32, np.uint64(2 * (one % 32))
        word2, shift2 = 0, np.uint64(0)
        size = 4
        here = (touched[word1] >> shift1) & three
        if two >= 0:
            word2, shift2 = two // 32, np.uint64(2 * (two % 32))
            size = 16
            here |= (touched[word2] >> shift2) & three
        if here != np.uint64(0):
            before = number
            for i in range(before):
                digit1 = (strings[i, word1] >> shift1) & three
                digit2 = np.uint64(0)
                if two >= 0:
                    digit2 = (strings[i, word2] >> shift2) & three
                row = np.int64(digit1) + 4 * np.int64(digit2)
                if row == 0 or values[i] == 0.0:
                    continue
                value = values[i]
                values[i] = 0.0
                for column in range(size):
                    factor = maps[p, row, column]
                    if factor == 0.0:
                        continue
                    updates += 1
                    for k in range(width):
                        new[k] = strings[i, k]
                    new[word1] = (new[word1] & ~(three << shift1)) | (
                        np.uint64(column & 3) << shift1
                    )
                    if two >= 0:
                        new[word2] = (new[word2] & ~(three << shift2)) | (
                            np.uint64(column >> 2) << shift2
                        )
                    if _weight(new) > largest_weight:
                        dropped += abs(value * factor)
                        squares += (value * factor) ** 2
                        continue
                    slot = _find(table, strings, new)
                    if table[slot] == _EMPTY:
                        if abs(value * factor) < NEW_STRINGS * smallest_coefficient:
                            dropped += abs(value * factor)
                            squares += (value * factor) ** 2
                            continue
                        if number == room:
                            room *= 2
                            wider = np.zeros((room, width), dtype=np.uint64)
                            wider[:number] = strings[:number]
                            strings = wider
                            longer = np.zeros(room)
                            longer[:number] = values[:number]
                            values = longer
                            longest = np.zeros(room)
                            longest[:number] = added[:number]
                            added = longest
                            table = _rebuilt(strings, number, 4 * room)
                            slot = _find(table, strings, new)
                        table[slot] = number
                        strings[number] = new
                        number += 1
                    added[table[slot]] += value * factor
            for k in range(width):
                touched[k] = np.uint64(0)
            for i in range(number):
                values[i] += added[i]
                added[i] = 0.0
                for k in range(width):
                    touched[k] |= strings[i, k]
            for k in range(width):
                ever[k] |= touched[k]
            most = max(most, number)
            if updates > most_updates:
                return np.nan, np.inf, most, ever, updates, number, np.inf
        if ends[p]:
            kept = 0
            for i in range(number):
                if abs(values[i]) >= smallest_coefficient:
                    strings[kept] = strings[i]
                    values[kept] = values[i]
                    kept += 1
                else:
                    dropped += abs(values[i])
                    squares += values[i] ** 2
            for i in range(kept, number):
                values[i] = 0.0
            number = kept
            table = _rebuilt(strings, number, table.size)
    mean = 0.0
    for i in range(number):
        value = values[i]
        for k in range(width):
            bits = strings[i, k]
            place = 32 * k
            while bits != np.uint64(0):
                letter = bits & three
                if letter != np.uint64(0):
                    value *= means[place, np.int64(letter)]
                bits >>= np.uint64(2)
                place += 1
        mean += value
    return mean, dropped, most, ever, updates, number, squares
