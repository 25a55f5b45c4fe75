"""A shop's orders and reviews and the figures that follow from them: true ones where they are, else by simulation."""

import atexit
import csv
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from statistics import fmean, median
from typing import Any, Final

from tests.helpdesk import folder_of

FORMAT: Final = "%Y-%m-%d %H:%M:%S"
ORDERS: Final = 2_000
CALLED_OFF: Final = ("canceled", "unavailable")
PURCHASE, DELIVERY = "order_purchase_timestamp", "order_delivered_customer_date"
TRUE: Final = {"orders": 6_887, "reviews": 6_877, "review_mean": 4.073142, "share_le2": 0.150502}
"""What is known of the true shop, so that damaged files are no reference."""
COLUMNS: Final = {
    "orders": ["order_id", "customer_id", "order_status", PURCHASE, DELIVERY],
    "customers": ["customer_id", "customer_unique_id", "customer_state"],
    "items": ["order_id", "order_item_id", "price", "freight_value"],
    "reviews": [
        *("review_id", "order_id", "review_score", "review_comment_message"),
        *("review_creation_date", "review_answer_timestamp"),
    ],
}


def is_true_shop_here() -> bool:
    """Tell whether the true files are here."""
    return folder_of("olist").is_dir()


def folder() -> Path:
    """Return the folder of orders.csv, customers.csv, items.csv and reviews.csv."""
    return folder_of("olist") if is_true_shop_here() else _simulated()


@cache
def reference() -> dict[str, Any]:
    """Return the figures of the shop: those that others computed from the true one, else ours, by plain counting."""
    if not is_true_shop_here():
        return figures_of(folder())
    figures: dict[str, Any] = json.loads((folder() / "reference.json").read_text())
    assert {name: figures[name] for name in TRUE} == TRUE
    return figures


@cache
def sold() -> int:
    """Return how many orders have items."""
    return len({row["order_id"] for row in _rows(folder(), "items")})


# Figures of any such shop ---------------------------------------------------------------------------------------------


def figures_of(files: Path) -> dict[str, Any]:
    """Return the figures of a shop, in the shape of the published ones."""
    reviews = _rows(files, "reviews")
    scores = [int(row["review_score"]) for row in reviews]
    hours = [(_at(row["review_answer_timestamp"]) - _at(row["review_creation_date"])) / _HOUR for row in reviews]
    customers = {row["customer_id"]: row for row in _rows(files, "customers")}
    orders = {row["order_id"]: row for row in _rows(files, "orders")}
    states = _parted(reviews, lambda row: customers[orders[row["order_id"]]["customer_id"]]["customer_state"])
    return {
        "orders": len(orders),
        "reviews": len(reviews),
        "review_mean": round(fmean(scores), 6),
        "score_counts": dict(Counter(map(str, scores))),
        "share_le2": round(fmean(score <= 2 for score in scores), 6),
        "share_ge4_csat": round(fmean(score >= 4 for score in scores), 6),
        "answer_hours": {
            "median": round(median(hours), 4),
            "mean": round(fmean(hours), 4),
            "max": round(max(hours), 2),
        },
        "by_month": _parted(reviews, lambda row: row["review_creation_date"][:7]),
        "by_state_top5": dict(sorted(states.items(), key=lambda pair: -int(pair[1]["n"]))[:5]),
        "repurchase": _repurchases(
            list(orders.values()), customers, {row["order_id"] for row in _rows(files, "items")}
        ),
    }


_HOUR: Final = timedelta(hours=1)


def _rows(files: Path, name: str) -> list[dict[str, str]]:
    with (files / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _at(text: str) -> datetime:
    return datetime.strptime(text, FORMAT)  # noqa: DTZ007 - the shop names no zone


def _parted(reviews: Iterable[Mapping[str, str]], part_of: Any) -> dict[str, dict[str, float]]:
    parts: dict[str, list[int]] = defaultdict(list)
    for row in reviews:
        parts[part_of(row)].append(int(row["review_score"]))
    return {
        part: {
            "n": len(scores),
            "le2": sum(score <= 2 for score in scores),
            "share_le2": round(fmean(score <= 2 for score in scores), 6),
            "mean": round(fmean(scores), 6),
        }
        for part, scores in parts.items()
    }


def _repurchases(
    orders: Sequence[Mapping[str, str]], customers: Mapping[str, Mapping[str, str]], with_items: set[str]
) -> dict[str, dict[str, int]]:
    """Return who bought again within days of the first delivered order, from its purchase and from its delivery."""
    of_customer: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in sorted(orders, key=lambda row: row[PURCHASE]):
        of_customer[customers[row["customer_id"]]["customer_unique_id"]].append(row)
    found: dict[str, dict[str, int]] = {}
    for name, column in (("purchase_ts", PURCHASE), ("delivery_ts", DELIVERY)):
        for days in (30, 60, 90):
            came_back = [
                _is_back(mine, _at(first[column]), timedelta(days=days), with_items)
                for mine in of_customer.values()
                if (first := next((row for row in mine if row["order_status"] == "delivered"), None))
            ]
            found[f"first_delivered_order_{name}_{days}d"] = {"base": len(came_back), "rebuy": sum(came_back)}
    return found


def _is_back(orders: Iterable[Mapping[str, str]], since: datetime, within: timedelta, with_items: set[str]) -> bool:
    return any(
        since < _at(row[PURCHASE]) <= since + within
        for row in orders
        if row["order_status"] not in CALLED_OFF and row["order_id"] in with_items
    )


# By simulation --------------------------------------------------------------------------------------------------------


@cache
def _simulated() -> Path:
    files = Path(tempfile.mkdtemp(prefix="servicepulse-olist-"))
    atexit.register(shutil.rmtree, files)
    return simulate(files, orders=ORDERS, seed=4)


def simulate(files: Path, *, orders: int, seed: int) -> Path:
    """Write files with the columns that matter of the true ones and their traps: comments of several lines, orders that
    were never sold, called off or have two reviews, customers with another id in every order, who seldom come back.
    """
    draw = Random(seed)
    tables: dict[str, list[list[str]]] = {name: [] for name in COLUMNS}
    for number in range(orders):
        for name, rows in _order(number, draw):
            tables[name].extend(rows)
    for name, rows in tables.items():
        with (files / f"{name}.csv").open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([COLUMNS[name], *rows])
    return files


def _order(number: int, draw: Random) -> Iterator[tuple[str, list[list[str]]]]:
    order, bought = f"order-{number}", datetime(2016, 10, 4) + timedelta(seconds=draw.randrange(690 * 86_400))  # noqa: DTZ001 - as above
    status = draw.choices(("delivered", "shipped", "canceled", "unavailable"), (970, 20, 7, 5))[0]
    delivered = f"{bought + timedelta(days=draw.uniform(1, 40)):{FORMAT}}" if status == "delivered" else ""
    yield "orders", [[order, f"buyer-{number}", status, f"{bought:{FORMAT}}", delivered]]
    state = draw.choices(("SP", "RJ", "MG", "RS", "PR", "SC", "BA"), (42, 13, 12, 5, 5, 4, 3))[0]
    yield "customers", [[f"buyer-{number}", f"person-{draw.randrange(1, 1 + number // 2 * 2 + 1)}", state]]
    if status != "unavailable":
        prices = [f"{draw.uniform(3, 300):.2f}" for _ in range(draw.choice((1, 1, 1, 1, 2, 3)))]
        yield "items", [[order, str(place), price, "12.50"] for place, price in enumerate(prices, start=1)]
    for copy in range(draw.choices((0, 1, 2), (2, 980, 18))[0]):
        yield "reviews", [_review(f"review-{number // 2 if copy else number}", order, bought, draw)]


def _review(review: str, order: str, bought: datetime, draw: Random) -> list[str]:
    created = datetime(bought.year, bought.month, bought.day) + timedelta(days=draw.randrange(60))  # noqa: DTZ001 - as above
    answered = created + timedelta(hours=0.5 + draw.expovariate(1 / 72))
    score = draw.choices("12345", (12, 3, 8, 19, 58))[0]
    comment = draw.choices(("", "Chegou antes do prazo", 'Não recebi,\n"até agora" nada'), (58, 38, 4))[0]
    return [review, order, score, comment, f"{created:{FORMAT}}", f"{answered:{FORMAT}}"]
