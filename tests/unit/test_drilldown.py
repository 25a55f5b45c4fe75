"""What a list of observations amounts to is the number that it stands behind."""

import pytest

from streams.core.ask.drilldown import Seen, total
from streams.core.metrics import METRICS


def seen(*measures: float, customers: str = "") -> list[Seen]:
    ids = customers or "abcdefgh"
    return [
        Seen(at=0, ticket_id=id, dimensions={}, counts_once=id, measure=one)
        for id, one in zip(ids, measures, strict=False)
    ]


def test_a_quantile_lies_between_two_neighbours_in_proportion() -> None:
    n, value = total(METRICS["first_response_p90"], seen(10, 1, 2, 4, 3))
    assert n == 5
    assert value == pytest.approx(4 + 0.6 * (10 - 4))
    assert total(METRICS["first_response_p50"], seen(7)) == (1, 7)


def test_a_customer_counts_once_by_the_best_case() -> None:
    assert total(METRICS["repurchase_30d"], seen(0, 1, 0, customers="aab")) == (2, 0.5)


def test_a_count_is_how_many_there_are_and_a_rate_has_no_value() -> None:
    assert total(METRICS["tickets"], seen(1, 1)) == (2, 2.0)
    assert total(METRICS["complaints_per_1000_orders"], seen(1, 1)) == (2, None)
    assert total(METRICS["csat_share"], []) == (0, None)
