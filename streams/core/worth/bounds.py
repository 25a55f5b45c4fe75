"""Wilson's interval of a share in SQL, as `streams.core.interval.wilson` has it."""

from streams.core.interval import Z95


def wilson(share: str, n: str) -> tuple[str, str]:
    """Return SQL of both ends.

    Args:
        share: SQL of the share.
        n: SQL of how many observations there are, or stand for.
    """
    z2 = Z95 * Z95
    margin = f"{Z95!r} * sqrt({share} * (1 - {share}) / {n} + {z2 / 4!r} / ({n} * {n}))"
    low, high = (f"({share} + {z2 / 2!r} / {n} {sign} {margin}) / (1 + {z2!r} / {n})" for sign in "-+")
    return f"if({share} = 0, 0, {low})", f"if({share} = 1, 1, {high})"
