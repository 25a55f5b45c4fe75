"""A shop's reviews and orders, imported by mapping files, give the figures computed from them independently."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Servers
from tests.olist import folder, reference
from tests.space import ROOT, Space, new_space

pytestmark = pytest.mark.integration

IMPORTS = (
    ("reviews.csv", "olist_reviews.toml"),
    ("orders.csv", "olist_cases.toml"),
    ("orders.csv", "olist_orders.toml"),
)


@pytest.fixture(scope="module")
def shop(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Return a space with reviews as tickets, first deliveries as after-sales cases, and orders."""
    with new_space(servers.kafka, servers.clickhouse, tmp_path_factory.mktemp("olist")) as space:
        space.start_worker()
        sent = 0
        for file, mapping in IMPORTS:
            path, map_path = folder() / file, ROOT / "tests" / "mappings" / mapping
            done = space.run("import", str(path), "--mapping", str(map_path), "--allow-rejected")
            assert done.returncode == 0, done.stderr.decode()
            sent += _acknowledged((done.stdout + done.stderr).decode())
        space.wait_for_events(sent)
        yield space


def _acknowledged(output: str) -> int:
    found = re.search(r"([\d,]+) events acknowledged", output)
    assert found, output
    return int(found[1].replace(",", ""))


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return reference()


def test_the_ratings_equal_the_reference(shop: Space, figures: dict[str, Any]) -> None:
    n, mean, low, high = shop.query(
        "SELECT count(), avg(raw), avg(raw <= 2), avg(raw >= 4) FROM tickets FINAL ARRAY JOIN ratings.raw AS raw"
    )[0]
    assert n == figures["reviews"]
    assert mean == pytest.approx(figures["review_mean"], abs=5e-7)
    assert low == pytest.approx(figures["share_le2"], abs=5e-7)
    assert high == pytest.approx(figures["share_ge4_csat"], abs=5e-7)


def test_satisfied_are_four_and_five_stars(shop: Space, figures: dict[str, Any]) -> None:
    done = shop.run("report", "--all", "--format", "json", "--metric", "csat_share")
    assert done.returncode == 0, done.stderr.decode()
    (line,) = json.loads(done.stdout)["lines"]
    assert line["n"] == figures["reviews"]
    assert line["value"] == pytest.approx(figures["share_ge4_csat"], abs=5e-7)


def test_the_complaint_rate_is_the_share_of_low_scores(shop: Space, figures: dict[str, Any]) -> None:
    n, rate = shop.query(
        "SELECT count(), avg(contact_type = 'complaint') FROM tickets FINAL WHERE is_effective "
        "AND notEmpty(ratings.raw)"
    )[0]
    assert (n, rate) == (figures["reviews"], pytest.approx(figures["share_le2"], abs=5e-7))


def test_the_answer_time_equals_the_reference(shop: Space, figures: dict[str, Any]) -> None:
    median, mean, longest = shop.query(
        "SELECT quantileExactInclusive(0.5)(s) / 3600, avg(s) / 3600, max(s) / 3600 "
        "FROM (SELECT assumeNotNull(first_response_seconds) AS s FROM tickets FINAL WHERE notEmpty(ratings.raw))"
    )[0]
    assert median == pytest.approx(figures["answer_hours"]["median"], abs=5e-5)
    assert mean == pytest.approx(figures["answer_hours"]["mean"], abs=5e-5)
    assert longest == pytest.approx(figures["answer_hours"]["max"], abs=5e-3)


def test_the_months_equal_the_reference(shop: Space, figures: dict[str, Any]) -> None:
    rows = shop.query(
        "SELECT formatDateTime(created_at, '%Y-%m', 'Etc/GMT+3') AS month, count(), countIf(raw <= 2), avg(raw) "
        "FROM tickets FINAL ARRAY JOIN ratings.raw AS raw GROUP BY month"
    )
    assert {str(month): (n, low) for month, n, low, _ in rows} == {
        month: (row["n"], row["le2"]) for month, row in figures["by_month"].items()
    }
    for month, _, _, mean in rows:
        assert mean == pytest.approx(figures["by_month"][month]["mean"], abs=5e-7)


def test_the_repurchases_equal_the_reference(shop: Space, figures: dict[str, Any]) -> None:
    wanted = [f"repurchase_{days}d" for days in (30, 60, 90)]
    done = shop.run("report", "--all", "--format", "json", *[word for name in wanted for word in ("--metric", name)])
    assert done.returncode == 0, done.stderr.decode()
    lines = {line["metric"]: line for line in json.loads(done.stdout)["lines"]}
    known = [figures["repurchase"][f"first_delivered_order_purchase_ts_{days}d"] for days in (30, 60, 90)]
    assert [(lines[name]["hits"], lines[name]["n"]) for name in wanted] == [
        (one["rebuy"], one["base"]) for one in known
    ]


def test_the_lift_of_a_shop_where_hardly_anybody_buys_again_is_not_known(shop: Space, figures: dict[str, Any]) -> None:
    asked = ("worth", "--from", "2016-01-01", "--to", "2019-01-01", "--within", "90")
    done = shop.run(*asked, "--format", "json")
    assert done.returncode == 0, done.stderr.decode()
    lift = json.loads(done.stdout)["lift"]
    assert lift["customers"] == figures["repurchase"]["first_delivered_order_purchase_ts_90d"]["base"]
    assert lift["lift"] is None or lift["lift_low"] < 0 < lift["lift_high"]
    assert b"not known" in shop.run(*asked).stdout
