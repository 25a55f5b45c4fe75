"""What a report says: each metric over its window beside the period before, as a whole, by part and by bucket."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from schemas.policy import Policy
from schemas.rows import Ms
from streams.core.ask.figure import Change, Figure, change_of
from streams.core.ask.maturity import maturity
from streams.core.ask.together import bounds_at, clear_among, deviations, pairs_of, surely
from streams.core.interval import Interval, of_difference
from streams.core.metrics import Dimension, Direction, Kind, Metric
from streams.core.policy.published import BUILT_IN, versions_within
from streams.core.window import Bucket, Window

Key: TypeAlias = tuple[str, str | None, Window]
"""Name of the metric, part (a value of the dimension, None for the whole), window."""
Figures: TypeAlias = Mapping[Key, Figure]


class Rank(Struct, frozen=True):
    """A place among parts: from `best` to `worst`, as far as the numbers can tell. All of a table hold at once."""

    best: int
    worst: int


class Line(Struct, frozen=True, kw_only=True):
    """One line of a report.

    Attributes:
        part: A value of the dimension; None for the whole.
        is_partial: Only a part of the bucket lies within what was asked for, or within what is known.
        maturity: How much of the window is old enough that its figure no longer moves by waiting, from 0 to 1.
        change: Against the line's `before`; None when the two cannot be compared.
    """

    metric: Metric
    part: str | None
    window: Window
    is_partial: bool = False
    maturity: float = 1.0
    rank: Rank | None = None
    figure: Figure
    before: Figure | None = None
    change: Change | None = None

    @property
    def is_provisional(self) -> bool:
        """Whether the figure still moves by waiting."""
        return self.maturity < 1

    @property
    def lacks_comparison(self) -> bool:
        """Whether all is well with the figure, and there is nothing to compare it with."""
        return self.figure.is_enough and self.change is None and not (self.is_provisional or self.is_partial)


class Report(Struct, frozen=True, kw_only=True):
    """A report, ready to be shown.

    Attributes:
        window: What it is about.
        before: What it is compared with; None when nothing is known of the time before, or when it has buckets.
        by: What it is divided by.
        bucket: The step of time of its lines; None for one line a metric and part.
        zone: By whose clocks.
        known: From the first event to the last.
        followed_until: Until when it is known what became of tickets.
        policy: All versions of the policy that counts; none where what is built in does.
        policy_now: The version that says from which n on figures are shown and when they are settled.
    """

    window: Window
    before: Window | None
    by: Dimension | None
    bucket: Bucket | None
    zone: ZoneInfo
    known: Window
    followed_until: Ms
    policy: Sequence[Policy]
    policy_now: Policy = BUILT_IN
    lines: Sequence[Line]

    def measured_by(self, line: Line) -> list[Policy]:
        """Return the versions of the policy that a line is measured by; none where no policy decides what counts."""
        is_by_policy = line.metric.is_by_policy
        return versions_within(self.policy, line.window.start_at, line.window.end_at) if is_by_policy else []


def compared(
    metrics: Sequence[Metric],
    window: Window,
    before: Window | None,
    figures: Figures,
    known: Window,
    followed_until: Ms,
) -> list[Line]:
    """Return a line for each metric, and one for each part, beside the period before.

    The parts are one table: what is said of their changes and ranks holds for all of them at once. The whole is judged
    by itself, as where it stands alone.

    Args:
        metrics: In this order.
        window: What is reported.
        before: What it is compared with.
        figures: Of both windows.
        known: From the first event to the last: a count over a period that begins before is compared with nothing.
        followed_until: Until when it is known what became of tickets.
    """
    parts = {
        metric.name: {
            part: figures[metric.name, part, window] for part in parts_of(figures, metric) if part is not None
        }
        for metric in metrics
    }
    apart = surely(sum(pairs_of(len(_in_order(of_metric))) for of_metric in parts.values()))
    ranks = {name: ranked(of_metric, apart) for name, of_metric in parts.items()}
    lines = [
        line
        for metric in metrics
        for line in _compared(metric, window, before, figures, ranks[metric.name], known, followed_until)
    ]
    return _together(lines, lambda line: line.part is not None)


def _together(lines: Sequence[Line], is_row: Callable[[Line], bool]) -> list[Line]:
    """Return the lines, with changes of those that are rows of one table called clear only where all of them hold.

    Changes that no number tells, from or to what was not reached, are judged among themselves.
    """
    rows = [(line, line.before, line.change) for line in lines if is_row(line) and line.before and line.change]
    held: dict[int, bool] = {}
    for is_told in (True, False):
        table = [
            (line, before, change)
            for line, before, change in rows
            if change.is_clear is not None and (change.points is not None) is is_told
        ]
        # What is not clear by itself is not clear among others, however far it is from nothing.
        apart = [deviations(line.figure, before) if change.is_clear else 0.0 for line, before, change in table]
        held |= {id(line): holds for (line, *_), holds in zip(table, clear_among(apart), strict=True)}
    return [
        replace(line, change=replace(line.change, is_clear=False))
        if line.change and line.change.is_clear and not held.get(id(line), True)
        else line
        for line in lines
    ]


def _compared(
    metric: Metric,
    window: Window,
    before: Window | None,
    figures: Figures,
    ranks: Mapping[str, Rank | None],
    known: Window,
    followed_until: Ms,
) -> Iterator[Line]:
    age = maturity(metric, window, followed_until)
    lacks_past = metric.kind is Kind.COUNT and before is not None and before.start_at < known.start_at
    for part in [None, *ranks]:
        figure = figures[metric.name, part, window]
        earlier = figures[metric.name, part, before] if before else None
        yield Line(
            metric=metric,
            part=part,
            window=window,
            maturity=age,
            rank=ranks.get(part) if part is not None else None,
            figure=figure,
            before=earlier,
            change=change_of(figure, earlier) if earlier and not (age < 1 or lacks_past) else None,
        )


def in_sequence(
    metrics: Sequence[Metric], buckets: Sequence[Window], figures: Figures, known: Window, followed_until: Ms
) -> list[Line]:
    """Return lines of each metric and part over consecutive buckets, each one beside the bucket before.

    Those of the whole are one table, those of the parts another, as in `compared`.

    Args:
        metrics: In this order.
        buckets: In order of time.
        figures: Of all buckets.
        known: What was asked for and is known: a bucket that reaches beyond is partial and compared with nothing.
        followed_until: Until when it is known what became of tickets.
    """
    lines = [
        line
        for metric in metrics
        for part in parts_of(figures, metric)
        for line in _sequence(metric, part, buckets, figures, known, followed_until)
    ]
    wholes = _together(lines, lambda line: line.part is None)
    return _together(wholes, lambda line: line.part is not None)


def _sequence(
    metric: Metric,
    part: str | None,
    buckets: Sequence[Window],
    figures: Figures,
    known: Window,
    followed_until: Ms,
) -> Iterator[Line]:
    before: Line | None = None
    for bucket in buckets:
        figure = figures[metric.name, part, bucket]
        is_partial = bucket.start_at < known.start_at or bucket.end_at > known.end_at
        age = maturity(metric, bucket, followed_until)
        comparable = before if before and not (is_partial or before.is_partial or age < 1) else None
        before = Line(
            metric=metric,
            part=part,
            window=bucket,
            is_partial=is_partial,
            maturity=age,
            figure=figure,
            before=before.figure if before else None,
            change=change_of(figure, comparable.figure) if comparable else None,
        )
        yield before


def parts_of(figures: Figures, metric: Metric) -> list[str | None]:
    """Return the parts of a metric that occur: first the whole, then the others by name."""
    return [None, *sorted({part for name, part, _ in figures if name == metric.name and part is not None})]


def ranked(figures: Mapping[str, Figure], apart: float | None = None) -> dict[str, Rank | None]:
    """Return parts, the best first, with the places that they can claim; those with too few observations come last.

    Best is who is surely good: the bound of the interval on the bad side decides, so that three lucky ratings do not
    lead the list. A part shares its place with all parts from which it does not differ clearly.

    Args:
        figures: By part.
        apart: How many standard deviations differ clearly; None for as many as the pairs of these parts ask for.
    """
    enough = [part for part, figure in figures.items() if figure.is_enough]
    order = sorted(enough, key=lambda part: (-_worth(figures[part]), part))
    rest = sorted(figures.keys() - set(enough), key=lambda part: (-figures[part].n, part))
    ranks = _ranks(
        [figures[part] for part in order], surely(pairs_of(len(_in_order(figures)))) if apart is None else apart
    )
    return dict(zip(order, ranks, strict=True)) | dict.fromkeys(rest)


def _in_order(figures: Mapping[str, Figure]) -> list[str]:
    """Return the parts that have places: none where none is best."""
    return [part for part, figure in figures.items() if figure.is_enough and _has_best(figure.metric)]


def _has_best(metric: Metric) -> bool:
    return metric.direction is not Direction.NEITHER and metric.kind is not Kind.COUNT


def _ranks(figures: Sequence[Figure], apart: float) -> list[Rank | None]:
    """Return the places left to each by those that are surely better and surely worse."""
    if not figures or not _has_best(figures[0].metric):
        return [None] * len(figures)
    told = [(figure.value or 0.0, bounds_at(figure, apart)) for figure in figures]
    above = [[_is_above(one, other) for other in told] for one in told]
    wins = [sum(row) for row in above]
    losses = [sum(column) for column in zip(*above, strict=True)]
    if figures[0].metric.direction is Direction.DOWN:
        wins, losses = losses, wins
    return [Rank(1 + lost, len(figures) - won) for won, lost in zip(wins, losses, strict=True)]


def _is_above(one: tuple[float, Interval], other: tuple[float, Interval]) -> bool:
    if one[0] <= other[0]:
        return False
    low, _ = of_difference(*one, *other)
    return low is not None and low > 0


def _worth(figure: Figure) -> float:
    value = figure.value or 0.0
    if figure.metric.direction is Direction.DOWN and figure.metric.kind is not Kind.COUNT:
        return -(value if figure.interval.high is None else figure.interval.high)
    return value if figure.interval.low is None else figure.interval.low
