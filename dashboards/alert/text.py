"""Every word that an alert tells; `{{ }}` is filled in by Grafana when it tells it."""

from typing import Final

_PLACE: Final = '{{{{ with $values.{0} }}}}{{{{ printf "{1}" .Value }}}}{{{{ else }}}}unknown{{{{ end }}}}'


def share(name: str) -> str:
    """Return the place of a share in a text; the query gives it in per cent. It reads as the watch writes shares."""
    return _PLACE.format(name, "%.1f %%")


def count(name: str) -> str:
    """Return the place of a count in a text."""
    return _PLACE.format(name, "%.0f")


FELL_TITLE: Final = "Satisfaction fell"
FELL: Final = (
    "Satisfaction of {{ $labels.segment_kind }} {{ $labels.segment }} fell: "
    f"{share('V')} of {count('N')} ratings, usual is {{{{ $labels.baseline }}}}"
)
FELL_ABOUT: Final = (
    f"Now: {share('V')} satisfied (95 % interval {share('L')} to {share('H')}, n {count('N')}); "
    "usual: {{ $labels.baseline }}.\n"
    "Since: {{ $labels.since }}. Opened: {{ $labels.opened }}, found by {{ $labels.found_by }}, then at "
    "{{ $labels.value }} ({{ $labels.interval }}, n {{ $labels.n }}).\n"
    "Contributes most (points of the fall, bad of all): {{ $labels.slices }}.\n"
    "Read first: {{ $labels.tickets }}.\n"
    "{{ $labels.clears }}"
)

DECLINES_TITLE: Final = "Satisfaction declines"
DECLINES: Final = (
    "Satisfaction of {{ $labels.segment_kind }} {{ $labels.segment }} declines slowly: "
    f"{share('V')} of {count('N')} ratings in four weeks, before it was {{{{ $labels.baseline }}}}"
)
DECLINES_ABOUT: Final = (
    f"The last four weeks: {share('V')} satisfied (95 % interval {share('L')} to {share('H')}, n {count('N')}); "
    "before the decline: {{ $labels.baseline }}.\n"
    "Since about: {{ $labels.since }}. Found: {{ $labels.opened }}, then at {{ $labels.value }} "
    "({{ $labels.interval }}, n {{ $labels.n }}).\n"
    "Contributes most (points of the decline, bad of all): {{ $labels.slices }}.\n"
    "Read first: {{ $labels.tickets }}.\n"
    "{{ $labels.clears }}"
)

_OF_RATE: Final = (
    "Since: {{ $labels.since }}. Opened: {{ $labels.opened }}, found by {{ $labels.found_by }}, then at "
    "{{ $labels.value }} ({{ $labels.interval }}, n {{ $labels.n }}).\n"
    "Contributes most (points, of all): {{ $labels.slices }}.\n"
    "Read first: {{ $labels.tickets }}.\n"
    "{{ $labels.clears }}"
)

PLAIN_TITLE: Final = "Satisfaction is low, usual level unknown"
PLAIN: Final = f"Only {share('V')} of the last {count('N')} ratings of team {{{{ $labels.team }}}} are satisfied"
PLAIN_ABOUT: Final = (
    f"{share('V')} of n {count('N')} in 24 hours (95 % interval {share('L')} to {share('H')}). The team has too few "
    "ratings for its usual level to be known, so this is a plain threshold. Resolved once it is 70 % again."
)

BROKEN_TITLE: Final = "Survey broken"
BROKEN: Final = "Surveys of {{ $labels.segment_kind }} {{ $labels.segment }} go out, and answers have stopped"
BROKEN_ABOUT: Final = (
    f"{share('V')} of {count('N')} surveys of the 24 hours before {{{{ $labels.opened }}}} were answered, usual are "
    "{{ $labels.baseline }}. The last answer: {{ $labels.since }}. This says nothing of how satisfied customers are.\n"
    "{{ $labels.clears }}"
)

SUSPECTED_TITLE: Final = "Fault suspected"
SUSPECTED: Final = (
    f"{count('N')} customers came about {{{{ $labels.segment_kind }}}} {{{{ $labels.segment }}}} since "
    "{{ $labels.since }}, usual are {{ $labels.baseline }}"
)
SUSPECTED_ABOUT: Final = (
    "Found: {{ $labels.opened }}, by {{ $labels.n }} customers in as long as usually brings {{ $labels.baseline }}: "
    "{{ $labels.customers }}.\n"
    "Their tickets: {{ $labels.tickets }}.\n"
    "One fault may be behind them: declare it, and tell them until when it is expected to be fixed.\n"
    "{{ $labels.clears }}"
)

UNANNOUNCED_TITLE: Final = "Fault unannounced"
UNANNOUNCED: Final = (
    "Customers come about {{ $labels.segment_kind }} {{ $labels.segment }} since {{ $labels.opened }}, and nobody has "
    "announced why"
)
UNANNOUNCED_ABOUT: Final = (
    "Their tickets: {{ $labels.tickets }}.\n"
    "Declare a fault or announce a known issue, with cause, expected end and workaround: whoever answers them says the "
    "same then, and nobody looks for it anew. Resolved once that is done, or the rush is over."
)

OF_FAULT: Final = "fault"
OF_ISSUE: Final = "known issue"
ETA_PASSED_TITLE: Final = "Expected end has passed"
ETA_PASSED: Final = (
    "{{ $labels.kind }} {{ $labels.id }} ({{ $labels.about }}) was expected to be over by {{ $labels.expected }}"
)
ETA_PASSED_ABOUT: Final = (
    "Customers were told that instant, and it is over by "
    "{{ with $values.A }}{{ humanizeDuration .Value }}{{ else }}an unknown time{{ end }}. Say that it is over, or "
    "publish another expected end and tell those who wait: an instant that has passed in silence costs more trust than "
    "a late one that was told. Resolved by either."
)

DOMINATES_TITLE: Final = "Reason dominates"
DOMINATES: Final = (
    f"{share('V')} of {count('N')} contacts of a week come for {{{{ $labels.segment }}}}; the line is "
    "{{ $labels.baseline }}"
)
DOMINATES_ABOUT: Final = (
    "Passed the line: {{ $labels.opened }}, then at {{ $labels.value }} ({{ $labels.interval }}, n {{ $labels.n }}). "
    "Responsible by the policy: {{ if $labels.department }}{{ $labels.department }}{{ else }}nobody named{{ end }}.\n"
    "Each of these customers had to ask: remove what makes them. Say `rootcause.acknowledged` once you know what you "
    "will do, and `rootcause.fixed` when it is done: *Prevention* measures how many stay away since.\n"
    "{{ $labels.clears }}"
)

MISSED_TITLE: Final = "Important contacts missed"
MISSED: Final = f"Team {{{{ $labels.team }}}} has missed {count('A')} important contacts within an hour"
MISSED_ABOUT: Final = (
    "Calls and chats that the policy calls important (without a word on it: of high or urgent priority) and that were "
    "given up before anybody answered, or have waited for longer than they may (2 minutes). {most} within an hour are "
    "told of; *Contacts* has them by channel. Resolved once there are fewer in an hour."
)

SILENT_TITLE: Final = "Source silent"
SILENT: Final = "{{ $labels.segment }} has sent nothing since {{ $labels.since }}"
SILENT_ABOUT: Final = (
    "In a span as long, at this time of the week, it usually sends {{ $labels.baseline }}. All numbers stand still "
    "meanwhile: neither better nor worse.\n{{ $labels.clears }}"
)

SURGE_TITLE: Final = "Complaints surge"
SURGE: Final = (
    f"Complaint rate of team {{{{ $labels.team }}}} is {share('V')} of {count('N')} tickets, usual is "
    "{{ $labels.baseline }}"
)
SURGE_ABOUT: Final = (
    f"The last 24 hours: {share('V')} of n {count('N')} tickets are complaints (95 % interval {share('L')} to "
    f"{share('H')}); usual at these hours: {{{{ $labels.baseline }}}}.\n" + _OF_RATE
)

LATE_TITLE: Final = "First responses late"
LATE: Final = (
    f"Team {{{{ $labels.team }}}} answers {share('V')} of {count('N')} first waits in time, usual is "
    "{{ $labels.baseline }}"
)
LATE_ABOUT: Final = (
    f"The last 24 hours: {share('V')} of n {count('N')} first waits were answered in time (95 % interval {share('L')} "
    f"to {share('H')}); usual at these hours: {{{{ $labels.baseline }}}}.\n" + _OF_RATE
)

BREACH_TITLE: Final = "Will breach"
BREACH: Final = (
    f"Team {{{{ $labels.team }}}}, unanswered and due soon: {count('A')}"
    "{{ with $values.T }}{{ with .Labels.tickets }} ({{ . }}){{ end }}{{ end }}"
)
AND: Final = " and "
MORE: Final = " more"
INSTANT: Final = "%Y-%m-%d %H:%i UTC"


def breach_about(lead_minutes: float) -> str:
    """Return what else is told of targets that pass soon."""
    return (
        "{{ with $values.T }}{{ if .Labels.tickets }}The first falls due {{ .Labels.first }}, in "
        "{{ humanizeDuration .Value }}. {{ end }}{{ end }}"
        f"Told when {lead_minutes:g} minutes are left of a target by the policy, or half of one shorter than "
        f"{2 * lead_minutes:g}, in the hours that it counts. Resolved once all are answered or resolved; a target that "
        "has passed is a miss."
    )


PROMISE_DUE_TITLE: Final = "Promise falls due"
PROMISE_DUE: Final = (
    f"Team {{{{ $labels.team }}}}, promised and due soon: {count('A')}"
    "{{ with $values.T }}{{ with .Labels.tickets }} ({{ . }}){{ end }}{{ end }}"
)
PROMISE_BROKEN_TITLE: Final = "Promise not kept"
PROMISE_BROKEN: Final = (
    f"Team {{{{ $labels.team }}}}, promised and overdue: {count('A')}"
    "{{ with $values.T }}{{ with .Labels.tickets }} ({{ . }}){{ end }}{{ end }}"
)
PROMISE_BROKEN_ABOUT: Final = (
    "{{{{ with $values.T }}}}{{{{ if .Labels.tickets }}}}The first fell due {{{{ .Labels.first }}}}. "
    "{{{{ end }}}}{{{{ end }}}}"
    "Call these customers: a new instant that they agree to is worth more than silence, although the promise stays a "
    "broken one. Resolved once all are kept or given up, or {hours} hours after they fell due."
)


def promise_due_about(lead_minutes: float) -> str:
    """Return what else is told of promises that fall due soon."""
    return (
        "{{ with $values.T }}{{ if .Labels.tickets }}The first falls due {{ .Labels.first }}, in "
        "{{ humanizeDuration .Value }}. {{ end }}{{ end }}"
        f"Told {lead_minutes:g} minutes before, or half of the time for which a shorter one was given. Keep it, or "
        "agree on another instant before it falls due: then it is no broken promise. Resolved once all are."
    )


STALLED_TITLE: Final = "Nothing is stored"
STALLED: Final = "No event was stored for 15 minutes, at a time that is usually busy"
STALLED_ABOUT: Final = (
    f"In the same 15 minutes of the four weeks before there were {count('A')} events together. Sources, Kafka or all "
    "workers are down; no dashboard shows anything new, and nothing else can page. Resolved by the next event."
)

BLIND_TITLE: Final = "Watch is blind"
BLIND: Final = (
    "For {{ with $values.A }}{{ humanizeDuration .Value }}{{ else }}an unknown time{{ end }} nobody has judged whether "
    "satisfaction fell or a source is silent"
)
BLIND_ABOUT: Final = (
    "Falls, broken surveys and silent sources are told of only while a worker looks, every few seconds. None runs, or "
    "the one that watches says in its log what holds it up. Resolved by the next look."
)

LETTERS_TITLE: Final = "Dead letters grow"
LETTERS: Final = f"{count('A')} records of topic {{{{ $labels.topic }}}} were no events within 30 minutes"
LETTERS_ABOUT: Final = (
    "The reason of most: {{ $labels.reason }}. What they say is in no number until they are mended and sent again. "
    "Resolved once fewer than ten came within 30 minutes."
)

DIFFERED_TITLE: Final = "Rows differed from events"
DIFFERED: Final = "Rows of tickets lacked stored events: workers mended them"
DIFFERED_ABOUT: Final = (
    "Workers hold what they stated lately against the stored events. What lacked any within the last 30 minutes was "
    "folded anew, and numbers are right again; it should not happen. "
    "`servicepulse dead-letters list --reason ticket-mended` names tickets, `servicepulse verify` compares all others."
)

LOST_TITLE: Final = "Records were lost"
LOST: Final = "Kafka removed records of topic {{ $labels.topic }} before they were read"
LOST_ABOUT: Final = (
    f"Ranges within 24 hours: {count('A')}; `servicepulse dead-letters list --reason records-lost` names them. What "
    "lay there is in no number until its source publishes it again. Resolved after a day without another."
)

LAG_TITLE: Final = "Workers lag"
LAG: Final = (
    "Events are stored {{ with $values.A }}{{ humanizeDuration .Value }}{{ else }}long{{ end }} after they happened"
)
LAG_ABOUT: Final = (
    f"The median of {count('N')} events of the last 10 minutes; replayed history is left out. Dashboards and signals "
    "are as late. Resolved once the median is below 5 minutes."
)

AWAY_TITLE: Final = "ClickHouse away"
AWAY: Final = "Grafana has not been able to read ClickHouse for five minutes"
AWAY_ABOUT: Final = (
    "Dashboards show nothing, and no other rule can fire or be resolved: what fires goes on as it was last seen. "
    "Resolved by the next answer."
)
