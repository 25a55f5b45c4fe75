"""Load: how much there is to do."""

from typing import Final

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit
from streams.core.metrics.observation import OPEN_TICKETS, TICKETS

TICKETS_CREATED: Final = Metric(
    name="tickets",
    title="Tickets",
    topic=Topic.LOAD,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=TICKETS,
    numerator="tickets created in the window",
    denominator="none: it is a count",
    n_min=0,
    about="Spam, tests, deleted tickets and those merged into another are left out. A ticket whose creation is not "
    "known yet counts at its first event.",
)

INQUIRY_SHARE: Final = Metric(
    name="inquiry_share",
    title="Inquiries",
    topic=Topic.LOAD,
    unit=Unit.SHARE,
    direction=Direction.NEITHER,
    kind=Kind.SHARE,
    observations=TICKETS,
    numerator="of them those whose latest classification is inquiry",
    denominator="tickets created in the window",
    hit="contact_type = 'inquiry'",
    is_main=False,
    about="Seven to eight of ten contacts usually only ask. More than that is work that a clearer page, an earlier "
    "notice or another department could remove: see the reasons.",
)

BACKLOG: Final = Metric(
    name="backlog",
    title="Backlog",
    topic=Topic.LOAD,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=OPEN_TICKETS,
    numerator="tickets that are neither resolved nor closed as the window ends",
    denominator="none: it is a count",
    n_min=0,
    about="Of a window that ends now: the backlog now. Of an earlier one it is what today's knowledge says of that "
    "instant, for the team that was in charge then.",
)
