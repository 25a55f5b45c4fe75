"""Money of several currencies as one sum, as the policy in force says, in SQL. What has no rate is never added."""

from typing import Final

from streams.core.metrics.policy import in_force

_NO_CENTS: Final = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF"),
    "XPF",
)
_MILS: Final = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
"""Currencies without minor units, and with a thousand of them, by ISO 4217; all others have a hundred."""

NAMES: Final = (
    f"{in_force('worth')} AS worth",
    "if(worth.1 != '', worth.1, ifNull((SELECT topK(1)(currency)[1] FROM orders), '')) AS unit",
    f"multiIf(has({list(_NO_CENTS)}, unit), 1, has({list(_MILS)}, unit), 1000, 100) AS minor",
)
"""What the queries of worth name: how money is added up, in which currency, and how many minor units it has."""


def converted(amount: str, currency: str) -> str:
    """Return an amount in minor units of `unit`; null where nobody says what its currency is worth in it."""
    place = f"indexOf(worth.3.1, {currency})"
    return f"multiIf({currency} = unit, toFloat64({amount}), {place} > 0, {amount} * worth.3.2[{place}], NULL)"


def digits_of(currency: str) -> int:
    """Return how many decimals an amount of a currency has."""
    return 0 if currency in _NO_CENTS else 3 if currency in _MILS else 2
