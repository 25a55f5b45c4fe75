"""A backtest for programs, and for its page."""

from collections.abc import Sequence
from typing import Any

from schemas.rows import BacktestRow, Ms
from streams.core.backtest.budget import Outcome, Told, by_chance
from streams.core.backtest.past import Page
from streams.core.signal import sentence
from streams.core.signal.message import time_of
from streams.core.signal.slices import Contribution


def record_of(
    done: Sequence[Outcome], sources: Sequence[Sequence[Sequence[Contribution]]], now: Ms, weeks: int
) -> list[dict[str, Any]]:
    """Return one object for each budget and segment; instants by RFC 3339, shares from 0 to 1, falls in points.

    Args:
        done: The first ones, as many as there are `sources`, by the budget that was asked for or is set.
        sources: Where the pages of those came from.
        now: When the weeks ended.
        weeks: How many they are.
    """
    return [
        {
            "until": time_of(now),
            "weeks": weeks,
            "is_chosen": i < len(sources),
            "false_pages_per_90_days": one.thresholds.false_pages_per_90_days,
            "paging_segments": one.thresholds.paging_segments,
            "segment_kind": one.segment.kind,
            "segment": one.segment.name,
            "ratings_per_day": one.ratings_per_day,
            "usual": one.usual,
            "mood_points": one.mood_points,
            "pages": [_page(told, sources[i][j] if i < len(sources) else None) for j, told in enumerate(one.told)],
            "falls": [
                {"points": fall.points, "median_hours": fall.median_hours, "missed": fall.missed, "trials": fall.trials}
                for fall in one.delays
            ],
        }
        for i, one in enumerate(done)
    ]


def rows_of(
    done: Sequence[Outcome], sources: Sequence[Sequence[Sequence[Contribution]]], now: Ms, weeks: int
) -> list[BacktestRow]:
    """Return a backtest as the rows from which its page is made; arguments as of `record_of`."""
    return [_row(one, sources[i] if i < len(sources) else None, now, weeks) for i, one in enumerate(done)]


def _row(of: Outcome, sources: Sequence[Sequence[Contribution]] | None, now: Ms, weeks: int) -> BacktestRow:
    episodes = [told.page.episode for told in of.told]
    return BacktestRow(
        segment_kind=of.segment.kind,
        segment=of.segment.name,
        false_pages=of.thresholds.false_pages_per_90_days,
        made_at=now,
        weeks=weeks,
        is_chosen=sources is not None,
        accepted=by_chance([of], weeks),
        ratings_per_day=of.ratings_per_day,
        usual=of.usual,
        mood_points=of.mood_points,
        pages_opened_at=[episode.opened_at for episode in episodes],
        pages_resolved_at=[episode.closed_at for episode in episodes],
        pages_told=[_told_line(told.page) for told in of.told],
        pages_slices=[sentence.slices(one) for one in sources] if sources is not None else [""] * len(episodes),
        pages_note=[told.note for told in of.told],
        falls_points=[fall.points for fall in of.delays],
        falls_hours=[fall.median_hours for fall in of.delays],
        falls_missed=[fall.missed for fall in of.delays],
    )


def _told_line(page: Page) -> str:
    window = page.window
    usual = sentence.percent(window.usual)
    return f"{sentence.percent(window.value)} (n {window.n}), usual {usual}, by {page.episode.found_by}"


def _page(told: Told, slices: Sequence[Contribution] | None) -> dict[str, Any]:
    episode, window = told.page
    record = {
        "opened_at": time_of(episode.opened_at),
        "resolved_at": None if episode.closed_at is None else time_of(episode.closed_at),
        "since_at": time_of(episode.since_at),
        "found_by": episode.found_by,
        "n": window.n,
        "value": window.value,
        "usual": window.usual,
        "note": told.note,
    }
    if slices is None:
        return record
    keys = ("reason", "product_line")
    return record | {
        "slices": [
            dict(zip(keys, one.key, strict=True)) | {"n": one.n, "bad": one.bad, "points": one.points} for one in slices
        ]
    }
