"""How sure a share is when days have moods, and when what is usual is itself an estimate."""

from math import sqrt


def design_effect(n: int, squares: int, mood: float) -> float:
    """Return how many ratings of these say as much as one independent one; at least 1.

    Kish, L. (1965): Survey sampling. Wiley, for clusters of unequal sizes.

    Args:
        n: Ratings; at least one.
        squares: Sum of the squares of how many of them each day has.
        mood: Correlation of two ratings of one day.
    """
    return 1 + mood * (squares / n - 1)


def is_below(satisfied: int, n: int, usual: float, z: float, effect: float, spread: float) -> bool:
    """Say whether the upper bound of a share lies below the usual one; see `upper`, without its square root.

    Args:
        satisfied: Of the ratings.
        n: Ratings.
        usual: The usual share.
        z: How sure it must be, in standard deviations.
        effect: Design effect of the ratings.
        spread: Standard deviation of how wrong the usual share may be.
    """
    lacking = n * usual - satisfied
    return lacking > 0 and lacking * lacking > z * z * n * (usual * (1 - usual) * effect + n * spread * spread)


def upper(satisfied: int, n: int, z: float, effect: float, spread: float) -> float:
    """Return the upper bound of a share, by inversion of the score test.

    Wilson (1927) solves `(share - x)^2 = z^2 * x * (1 - x) / n`; here a design effect multiplies the variance, and the
    variance of what it is compared with is added. Without both it is Wilson's bound.
    """
    share, chance = satisfied / n, z * z * effect / n
    middle, wide = share + chance / 2, z * z * spread * spread
    return min(1.0, (middle + sqrt(middle * middle - (1 + chance) * (share * share - wide))) / (1 + chance))
