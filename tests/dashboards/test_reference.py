"""The metric reference: up to date, and about every metric."""

import pytest

from dashboards.reference import PAGE, page
from streams.core.metrics import METRICS, Metric


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: servicepulse dashboards render"


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_page_tells_what_a_metric_means(metric: Metric) -> None:
    text = PAGE.read_text()
    assert f"[{metric.title}](#{metric.name})" in text
    section = text[text.index(f'<a id="{metric.name}">') :].split("\n### ")[0]
    assert metric.about in section
    assert f"| numerator | {metric.numerator} |" in section
    assert f"| clock | {metric.clock} |" in section
