"""Draws that the simulation needs beside those of the standard library."""

import math
from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Choices by weight. Weights need not add up to anything."""

    __slots__ = ("_bounds", "choices")

    def __init__(self, weights: Mapping[T, float]) -> None:
        self.choices = tuple(weights)
        self._bounds = tuple(accumulate(weights.values()))

    def draw(self, rng: Random) -> T:
        """Return one choice; consumes one random number."""
        # min: rounding may put a draw on the upper bound itself.
        at = bisect(self._bounds, rng.random() * self._bounds[-1])
        return self.choices[min(at, len(self.choices) - 1)]


def around(rng: Random, median: float, spread: float) -> float:
    """Return a log-normal draw: half lie below `median`; 68 % lie within a factor of exp(`spread`)."""
    return median * math.exp(rng.gauss(0.0, spread))


def happens(rng: Random, probability: float) -> bool:
    """Return True with the given probability."""
    return rng.random() < probability
