"""One look after the other at everything that can be wrong with a desk, and what is to be stated of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.rows import Ms, SignalRow
from streams.agents.bursts import Bursts
from streams.agents.dominant import Dominant
from streams.agents.rates import Rates
from streams.core.drop import (
    Cause,
    Decline,
    Episode,
    Response,
    State,
    Verdict,
    causes_of,
    is_survey_broken,
    reads_from,
    silent_since,
)
from streams.core.drop.baseline import hour_of
from streams.core.signal import sentence, statement
from streams.core.signal.segment import (
    CALM_SECONDS,
    DESK,
    LATE_MINUTES,
    RatedTicket,
    Segment,
    SegmentKind,
    SignalState,
    ThresholdBook,
)
from streams.core.signal.slices import leading, to_read
from streams.core.signal.statement import Where
from streams.core.signal.watched import MOST_TEAMS, Finding, Segments, fall_of, touches, usual_of
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.ports import Answers, Heard, WatchStore

HELD_MOST_SECONDS: Final = 300
"""A history that is being read holds judgement up, and so does a worker that is behind; neither does for ever."""
INSERT_SECONDS: Final = 300
"""So late a row may be seen: an insert lasts as long as its client waits for it. Once a minute rows are read again from
so long ago, and otherwise only the latest ones."""
REFRESH_SECONDS: Final = 60
"""The numbers of an open signal are stated anew so often at most."""
SILENCE_EVERY_SECONDS: Final = 60
WARM_SECONDS: Final = 30
"""So long after it began the watch calls no source silent: events that waited for a worker come in first."""
RETIRED_DAYS: Final = 28
"""A source that has been silent for so long is taken for gone."""


class _Judged(NamedTuple):
    """What was told of a segment, and when."""

    spans: tuple[tuple[Ms, Ms | None], ...]
    evidence: tuple[object, ...]
    at: Ms


class Look:
    """All that the watch remembers; it can be made anew from what is stored at any time."""

    def __init__(self, store: WatchStore, book: ThresholdBook, most_teams: int = MOST_TEAMS) -> None:
        self._store = store
        self._book = book
        self._segments = Segments(book, most_teams)
        self._known: dict[str, SignalRow] = {}
        self._mark: Ms | None = None
        self._began_at: Ms = 0
        self._history_at: Ms = 0
        self._replay_at: Ms = 0
        self._replay_since: Ms = 0
        self._held_since: Ms | None = None
        self.judged_at: Ms | None = None
        """When it last said how things stand; None before it ever did."""
        self._judged: dict[Segment, _Judged] = {}
        self._above_at: Ms = 0
        self._heard: dict[str, Heard] = {}
        self._heard_until: Ms = 0
        self._silences_at: Ms = 0
        self._silent: dict[str, Ms] = {}
        self._surveyed_hour: Ms = 0
        self._declined_hour: Ms = 0
        self._rates = Rates(store, book)
        self._bursts = Bursts(store, book)
        self._dominant = Dominant(store)

    @property
    def teams(self) -> int:
        """How many teams are under watch."""
        return len(self._segments)

    def left_out(self, most: int) -> tuple[int, list[str]]:
        """Return how many teams are left out because they are too many, and the names of the busiest of them."""
        return self._segments.left_out(most)

    def look(self, now: Ms, *, is_behind: bool = False) -> list[SignalRow]:
        """Return what is to be stated now, as new versions.

        Args:
            now: The clock.
            is_behind: Workers are still folding what came some time ago: nobody is called silent, and for some minutes
                nothing is judged.

        Raises:
            StoreUnavailableError: When ClickHouse is away.
            StoreRejectedError: When it refuses.
        """
        if self._mark is None:
            self._known = {row.signal_id: row for row in self._store.signals()}
            self._began_at = now
        if not self._read(now, is_behind=is_behind):
            return []
        of_ratings = [*self._falls(now), *self._declines(now), *self._rates.look(self._known, now)]
        rows = of_ratings
        if not is_behind:
            rows = [*self._silences(now), *rows, *self._surveys(now), *self._dominant.look(self._known, now)]
        rows += self._bursts.look(self._known, now)
        self.judged_at = now
        return list(statement.news(rows, self._known, now))

    def stated(self, rows: Iterable[SignalRow]) -> None:
        """Remember what was stated."""
        self._known.update({row.signal_id: row for row in rows})

    def open_by_kind(self) -> Mapping[str, int]:
        """Return how many signals of each kind are open."""
        counts = Counter(row.kind for row in self._known.values() if row.state == SignalState.OPEN)
        return {kind.value: counts[kind.value] for kind in Cause}

    def _read(self, now: Ms, *, is_behind: bool) -> bool:
        """Learn of new ratings, and say whether the time has come to judge."""
        since = reads_from(now, self._book.usual)
        is_refreshed = now - self._above_at >= REFRESH_SECONDS * 1000
        read = self._store.ratings(since, self._mark_from(is_refreshed=is_refreshed))
        self._note_history(read.tickets, since, now)
        self._segments.put(read.tickets)
        self._mark = read.mark
        if is_refreshed:
            self._segments.choose([segment.name for segment in self._open(Cause.SATISFACTION_FELL)])
            self._segments.above()
            self._above_at = now
        is_calm = read.is_settled or now - self._history_at >= CALM_SECONDS * 1000
        if is_calm and not is_behind:
            self._held_since = None
            return True
        self._held_since = self._held_since or now
        return now - self._held_since > HELD_MOST_SECONDS * 1000

    def _mark_from(self, *, is_refreshed: bool) -> Ms | None:
        if self._mark is None or not is_refreshed:
            return self._mark
        return max(0, self._mark - INSERT_SECONDS * 1000)

    def _note_history(self, tickets: Sequence[RatedTicket], since: Ms, now: Ms) -> None:
        """Note whether ratings of long ago have come: a ticket that is stated for another reason brings none.

        Those that are marked as replayed hold up nothing but what is told of themselves.
        """
        until = now - LATE_MINUTES * 60_000
        kinds = {rating.is_replayed for rating in self._segments.unknown(tickets) if since <= rating.at < until}
        if self._mark is None or False in kinds:
            self._history_at = now
        if self._mark is not None and True in kinds:
            self._replay_since = self._replay_since if self._is_replay_read(now) else now
            self._replay_at = now

    def _is_replay_read(self, now: Ms) -> bool:
        """Say whether history that pages nobody is being read: what it shows so far is half of it."""
        is_read = now - self._replay_at < CALM_SECONDS * 1000
        return is_read and now - self._replay_since <= HELD_MOST_SECONDS * 1000

    def _open(self, kind: Cause) -> dict[Segment, SignalRow]:
        return {
            statement.segment_of(row): row
            for row in self._known.values()
            if row.kind == kind and row.state == SignalState.OPEN
        }

    # Satisfaction fell ------------------------------------------------------------------------------------------------

    def _falls(self, now: Ms) -> Iterator[SignalRow]:
        is_live_only = self._is_replay_read(now)
        found = {
            segment: self._segments.findings(segment, now, is_live_only=is_live_only) for segment in self._segments
        }
        yield from self._left_alone(found, now)
        for segment, findings in found.items():
            verdict = self._segments.verdict(segment, now)
            if self._is_told(segment, findings, verdict, now):
                continue
            findings = [finding for finding in findings if self._may_be_told(segment, finding, verdict)]
            episodes = [finding.episode for finding in findings]
            same, gone = statement.matched(episodes, self._known.values(), segment, now)
            yield from (statement.withdrawn(row, now) for row in gone if not (is_live_only and _is_replayed(row)))
            for finding, row in zip(findings, same, strict=True):
                if not _is_over(row, finding.episode):
                    yield self._fall(segment, finding, row, found, now)

    def _left_alone(self, found: Collection[Segment], now: Ms) -> Iterator[SignalRow]:
        """Give up the falls of segments that have no rating left: nothing else would ever be found of them."""
        for row in self._known.values():
            is_left = row.kind in statement.OF_RATINGS and statement.is_gone(row, now)
            segment = statement.segment_of(row)
            if is_left and segment not in found and not self._segments.is_left_out(segment):
                yield statement.withdrawn(row, now)

    def _is_told(self, segment: Segment, findings: Sequence[Finding], verdict: Verdict, now: Ms) -> bool:
        """Say whether nothing changed since it was told, or too little to tell it again so soon."""
        spans = tuple((finding.episode.opened_at, finding.episode.closed_at) for finding in findings)
        window = verdict.window
        evidence = (
            window.n,
            window.satisfied,
            window.end_at,
            verdict.state is State.FIRING,
            min(self._silent, default=""),
        )
        before = self._judged.get(segment)
        if before and before.spans == spans:
            is_open = any(finding.episode.closed_at is None for finding in findings)
            if not is_open or before.evidence == evidence or now - before.at < REFRESH_SECONDS * 1000:
                return True
        self._judged[segment] = _Judged(spans, evidence, now)
        return False

    def _may_be_told(self, segment: Segment, finding: Finding, verdict: Verdict) -> bool:
        """Say whether a fall is one: in a silence nothing new is told, and what was told stays told."""
        if finding.is_replayed or finding.episode.closed_at is not None or verdict.open is None:
            return True
        told = self._open(Cause.SATISFACTION_FELL)
        causes = causes_of(verdict, self._silent_from(), is_survey_broken=False)
        return segment in told or Cause.SATISFACTION_FELL in causes

    def _fall(
        self,
        segment: Segment,
        finding: Finding,
        known: SignalRow | None,
        found: Mapping[Segment, Sequence[Finding]],
        now: Ms,
    ) -> SignalRow:
        episode, is_replayed = finding
        thresholds = self._book.of(segment)
        note = self._note(segment, finding, found, now)
        first = known
        if first is None or not first.told:
            before = self._segments.verdict(segment, episode.opened_at, is_replayed=is_replayed)
            where = self._where(segment, episode, episode.opened_at)
            first = statement.opening(segment, episode, before, where, thresholds, note=note)
        verdict = self._segments.verdict(segment, now, is_replayed=is_replayed)
        where_now = self._where(segment, episode, now) if episode.closed_at is None else None
        return statement.standing(first, episode, verdict, where_now, thresholds, note=note)

    def _where(self, segment: Segment, episode: Episode, until: Ms) -> Where:
        return self._where_between(segment, fall_of(episode, until), usual_of(episode))

    def _where_between(self, segment: Segment, fall: Window, usual: Window) -> Where:
        slices = leading(self._store.slices(segment, fall, usual))
        return Where(slices, to_read(self._store.bad_ratings(segment, fall), slices))

    def _note(self, segment: Segment, finding: Finding, found: Mapping[Segment, Sequence[Finding]], now: Ms) -> str:
        """Return why nobody is told of a fall; empty when somebody is."""
        if finding.is_replayed:
            return sentence.REPLAYED
        if segment != DESK:
            return ""
        fall = fall_of(finding.episode, finding.episode.closed_at or now)
        teams = [
            team
            for team, findings in found.items()
            if any(touches(one.episode, fall) for one in findings if not one.is_replayed)
        ]
        return self._told_by(teams, fall, usual_of(finding.episode))

    def _told_by(self, segments: Iterable[Segment], fall: Window, usual: Window) -> str:
        return sentence.told_by(segments, lambda: self._store.teams(fall, usual))

    # Satisfaction declines --------------------------------------------------------------------------------------------

    def _declines(self, now: Ms) -> Iterator[SignalRow]:
        """Yield slow declines, once an hour: they are judged when a week begins, and late ratings may change it."""
        hour = hour_of(now)
        if hour == self._declined_hour or self._is_replay_read(now):
            return
        self._declined_hour = hour
        found = {segment: self._segments.declines(segment, now) for segment in self._segments}
        for segment, declines in found.items():
            kind = Cause.SATISFACTION_DECLINES
            same, gone = statement.matched(declines, self._known.values(), segment, now, kind)
            yield from (statement.withdrawn(row, now) for row in gone)
            for decline, row in zip(declines, same, strict=True):
                if not _is_over(row, decline):
                    yield self._decline(segment, decline, row, found, now)

    def _decline(
        self,
        segment: Segment,
        decline: Decline,
        known: SignalRow | None,
        found: Mapping[Segment, Sequence[Decline]],
        now: Ms,
    ) -> SignalRow:
        note, first = self._note_of_decline(segment, decline, found, now), known
        if first is None or not first.told:
            where = self._where_between(segment, decline.weeks_before(decline.first.at), decline.usual_weeks)
            first = statement.declining(segment, decline, where, self._book.of(segment), note=note)
        where_now = None
        if decline.closed_at is None:
            where_now = self._where_between(segment, decline.weeks_before(decline.last.at), decline.usual_weeks)
        return statement.still_declining(first, decline, where_now, note=note)

    def _note_of_decline(
        self, segment: Segment, decline: Decline, found: Mapping[Segment, Sequence[Decline]], now: Ms
    ) -> str:
        if self._segments.is_history(segment, decline.opened_at):
            return sentence.REPLAYED
        fall = Window(decline.since_at, (decline.closed_at or now) + 1)
        teams = [team for team, own in found.items() if any(touches(one, fall) for one in own)]
        return self._told_by(teams, fall, decline.usual_weeks) if segment == DESK else ""

    # Survey broken ----------------------------------------------------------------------------------------------------

    def _surveys(self, now: Ms) -> Iterator[SignalRow]:
        hour = hour_of(now)
        if hour == self._surveyed_hour or not self._heard_until or self._silent_from() is not None:
            return
        usual = self._book.usual
        recent = Window(hour - DAY_MS, hour)
        ends_at = hour - round(usual.baseline_lag_hours * HOUR_MS)
        answers = self._store.responses(recent, Window(ends_at - round(usual.baseline_days * DAY_MS), ends_at))
        self._surveyed_hour = hour
        open_rows = self._open(Cause.SURVEY_BROKEN)
        newest_at = max((heard.newest_at for heard in self._heard.values()), default=0)
        if newest_at < recent.start_at:  # nothing but replayed history
            if hour - newest_at >= RETIRED_DAYS * DAY_MS:
                yield from (statement.resolved(row, hour) for row in open_rows.values())
            return
        broken = self._broken({DESK: _together(answers.values())}) or self._broken(
            {Segment(SegmentKind.TEAM, team): one for team, one in answers.items() if team}
        )
        for segment, one in broken.items():
            if segment not in open_rows:
                yield statement.survey_broken(segment, hour, one.last_at or hour, one.recent, one.usual)
        for segment, row in open_rows.items():
            if segment not in broken:
                yield statement.resolved(row, hour)

    def _broken(self, answers: Mapping[Segment, Answers]) -> dict[Segment, Answers]:
        return {
            segment: one
            for segment, one in answers.items()
            if is_survey_broken(one.recent, one.usual, self._book.of(segment))
        }

    # Source silent ----------------------------------------------------------------------------------------------------

    def _silences(self, now: Ms) -> Iterator[SignalRow]:
        if now - self._silences_at < SILENCE_EVERY_SECONDS * 1000 or now - self._began_at < WARM_SECONDS * 1000:
            return
        self._listen(now)
        self._silences_at = now
        open_rows = self._open(Cause.SOURCE_SILENT)
        self._silent = {}
        for source, heard in self._heard.items():
            segment = Segment(SegmentKind.SOURCE, source)
            known = open_rows.get(segment)
            if (
                known is not None
                and heard.newest_at <= known.since_at
                and now - heard.newest_at < RETIRED_DAYS * DAY_MS
            ):
                self._silent[source] = (
                    heard.newest_at
                )  # told, and not heard since: what is usual need not be asked again
                continue
            silence = self._silence(segment, heard.newest_at, now)
            if silence:
                self._silent[source] = heard.newest_at
            if silence and known is None:
                yield statement.source_silent(segment, now, heard.newest_at, *silence)
            elif known is not None and not silence:
                yield statement.resolved(known, heard.newest_at if heard.newest_at > known.opened_at else now)
        for segment, row in open_rows.items():
            if segment.name not in self._heard:  # not for so long that it is taken for gone
                yield statement.resolved(row, now)

    def _listen(self, now: Ms) -> None:
        """Learn what was heard of each source since the last time."""
        since = self._heard_until - 5 * 60_000 if self._heard_until else now - RETIRED_DAYS * DAY_MS
        for source, heard in self._store.newest_events(since).items():
            before = self._heard.get(source, heard)
            self._heard[source] = Heard(max(before.newest_at, heard.newest_at), before.rates or heard.rates)
        self._heard_until = now

    def _silence(self, segment: Segment, newest_at: Ms, now: Ms) -> tuple[int, int] | None:
        """Return (usual events, spans) of a source that is silent, None when nothing is wrong."""
        thresholds = self._book.of(segment)
        if not thresholds.silence_minutes * 60_000 <= now - newest_at < RETIRED_DAYS * DAY_MS:
            return None
        silence = self._store.silence(segment.name, newest_at, now)
        if silent_since(silence, thresholds, now) is None:  # nor with its rhythm, which is dearer to ask for
            return None
        rhythm = self._store.rhythm(segment.name, newest_at, now)
        return (silence.usual_events, silence.usual_spans) if silent_since(silence, thresholds, now, rhythm) else None

    def _silent_from(self) -> Ms | None:
        """Return since when a source of ratings is silent."""
        return min((at for source, at in self._silent.items() if self._heard[source].rates), default=None)


def _is_over(row: SignalRow | None, episode: Episode | Decline) -> bool:
    """Say whether a fall was told to its end."""
    return row is not None and row.state == SignalState.RESOLVED and row.resolved_at == episode.closed_at


def _is_retired(heard: Heard, now: Ms) -> bool:
    return now - heard.newest_at >= RETIRED_DAYS * DAY_MS


def _is_replayed(row: SignalRow) -> bool:
    return row.note == sentence.REPLAYED


def _together(answers: Iterable[Answers]) -> Answers:
    each = list(answers)
    return Answers(
        Response(sum(one.recent.offered for one in each), sum(one.recent.answered for one in each)),
        Response(sum(one.usual.offered for one in each), sum(one.usual.answered for one in each)),
        max((one.last_at for one in each), default=0),
    )
