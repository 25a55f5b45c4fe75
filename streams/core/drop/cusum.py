"""The Bernoulli CUSUM: what bad ratings add up beyond what is usual."""

from math import log
from typing import NamedTuple


class Steps(NamedTuple):
    """What one rating adds to the sum."""

    bad: float
    satisfied: float

    def of(self, n: int, satisfied: int) -> float:
        """Return what several add together."""
        return satisfied * self.satisfied + (n - satisfied) * self.bad


def steps_of(bad_share: float, bad_share_of_fall: float) -> Steps:
    """Return the log-likelihood ratios of a bad and of a satisfied rating: fallen against usual.

    Page, E. S. (1954): Continuous inspection schemes. Biometrika 41, 100-115; for single good and bad items Reynolds,
    M. R. and Stoumbos, Z. G. (1999): A CUSUM chart for monitoring a proportion when inspecting continuously. Journal
    of Quality Technology 31, 87-108.

    Args:
        bad_share: The usual share of bad ratings, q0.
        bad_share_of_fall: That of a fall worth a page, q1.

    Raises:
        ValueError: Unless 0 < q0 < q1 < 1.
    """
    if not 0 < bad_share < bad_share_of_fall < 1:
        raise ValueError(f"no fall leads from {bad_share} to {bad_share_of_fall} bad ratings")
    return Steps(
        bad=log(bad_share_of_fall / bad_share),
        satisfied=log((1 - bad_share_of_fall) / (1 - bad_share)),
    )


def advanced(total: float, step: float, cap: float) -> float:
    """Return the sum after one more rating: `max(0, S + step)`, at most `cap`."""
    return min(cap, max(0.0, total + step))
