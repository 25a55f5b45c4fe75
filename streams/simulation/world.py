"""The furniture shop as numbers: every constant of the simulation, with the reason why it is so.

Shares are fractions of one, weights are relative to each other, durations carry their unit. Nothing here is measured;
the figures are chosen so that the metrics show what service desks of this size typically see.
"""

from typing import Final, NamedTuple

from schemas.events import ContactType, PromiseKind, Refusal
from streams.simulation.chance import Weighted

ZONE: Final = "Europe/Berlin"
CURRENCY: Final = "EUR"
DESK_SOURCE: Final = "/furniture-shop/help-desk"
SHOP_SOURCE: Final = "/furniture-shop/web-shop"
TELEPHONE_SOURCE: Final = "/furniture-shop/telephone"
PORTAL_SOURCE: Final = "/furniture-shop/help-pages"
SOURCES: Final = (DESK_SOURCE, SHOP_SOURCE, TELEPHONE_SOURCE, PORTAL_SOURCE)
"""The systems that publish."""

TICKETS_PER_DAY: Final = 400
"""With 30 days: about 12,000 tickets and 100,000 events, a month that plays in less than a minute."""
LIVE_TICKETS_PER_DAY: Final = 40_000
"""A few events a second, so that somebody who watches sees the numbers move."""
ORDERS_PER_TICKET: Final = 0.8

# When people get in touch ---------------------------------------------------------------------------------------------

HOUR_WEIGHTS: Final = (
    0.3, 0.2, 0.15, 0.15, 0.2, 0.4, 1.0, 2.2,  # night, first mails before work
    5.0, 8.0, 9.0, 8.0, 5.4, 5.0, 6.5, 6.8,    # the morning peak, the lunch dip, a lower afternoon
    6.3, 5.6, 4.6, 3.8, 3.0, 2.2, 1.3, 0.7,    # evening on the sofa
)  # fmt: skip
"""Contacts by local hour."""
WEEKDAY_FACTORS: Final = (1.35, 1.20, 1.15, 1.10, 1.00, 0.75, 0.45)
"""Contacts by weekday from Monday on; seven days add up to seven."""
OPENING_HOURS: Final = ((8, 20), (8, 20), (8, 20), (8, 20), (8, 20), (9, 16), None)
"""When somebody answers, by weekday, in local hours. Sunday's mail waits for Monday."""

# Teams, reasons, products ---------------------------------------------------------------------------------------------


class Reason(NamedTuple):
    """Why people get in touch.

    Attributes:
        name: The label that events carry.
        weight: How often, relative to the other reasons of its team.
        tone: Which kind of contact it tends to be, a key of `CONTACT_TYPES`.
        after_sales: The contact is about something that was bought already and went wrong.
    """

    name: str
    weight: float
    tone: str
    after_sales: bool = False


class Team(NamedTuple):
    """One team of the desk.

    Attributes:
        name: The label that events carry.
        weight: Its share of all contacts.
        agents: The ids of its people.
        pace: How long its answers take, relative to the others: a warranty case needs looking into.
        reasons: What people ask it.
    """

    name: str
    weight: float
    agents: tuple[str, ...]
    pace: float
    reasons: tuple[Reason, ...]


TEAMS: Final = (
    Team(
        "delivery", 0.40, ("anke", "bilal", "carla", "dimitri", "elif", "frank", "greta", "hannes"), 1.0,
        (
            # 0.40 * 0.72: one question makes up near 30 % of all contacts. A tracking page would remove it.
            Reason("delivery-date", 0.72, "asking"),
            Reason("change-of-address", 0.10, "asking"),
            Reason("delivery-slot", 0.06, "asking"),
            Reason("missing-parts", 0.07, "needing", after_sales=True),
            Reason("damaged-in-transit", 0.05, "needing", after_sales=True),
        ),
    ),
    Team(
        "assembly", 0.18, ("ines", "jonas", "katja", "leo", "mirjam"), 1.2,
        (
            Reason("assembly-instructions", 0.42, "asking"),
            Reason("spare-part-order", 0.30, "asking"),
            Reason("part-does-not-fit", 0.28, "needing", after_sales=True),
        ),
    ),
    Team(
        "warranty", 0.14, ("nadja", "ole", "petra", "quirin"), 1.6,
        (
            Reason("claim-status", 0.45, "asking"),
            Reason("defect", 0.40, "needing", after_sales=True),
            Reason("wear-and-tear", 0.15, "needing", after_sales=True),
        ),
    ),
    Team(
        "sales-advice", 0.18, ("rosa", "samir", "tanja", "uwe", "vera"), 0.7,
        (
            Reason("availability", 0.35, "asking"),
            Reason("measurements", 0.25, "asking"),
            Reason("materials", 0.20, "asking"),
            Reason("showroom", 0.12, "asking"),
            Reason("feedback", 0.08, "telling"),
        ),
    ),
    Team(
        "billing", 0.10, ("willi", "xenia", "yusuf"), 1.3,
        (
            Reason("invoice-copy", 0.38, "asking"),
            Reason("refund-status", 0.32, "asking"),
            Reason("payment-failed", 0.20, "needing"),
            Reason("wrong-amount", 0.10, "needing", after_sales=True),
        ),
    ),
)  # fmt: skip

CONTACT_TYPES: Final = {
    # Together 70-80 % inquiries and about 7 % complaints: most people only want to know something.
    "asking": Weighted({
        ContactType.INQUIRY: 0.92, ContactType.QUESTION: 0.03, ContactType.HELP_REQUEST: 0.02,
        ContactType.COMPLAINT: 0.025, ContactType.OTHER: 0.005,
    }),
    "needing": Weighted({
        ContactType.HELP_REQUEST: 0.59, ContactType.INQUIRY: 0.26, ContactType.COMPLAINT: 0.12,
        ContactType.QUESTION: 0.03,
    }),
    "telling": Weighted({
        ContactType.SUGGESTION: 0.45, ContactType.PRAISE: 0.35, ContactType.OTHER: 0.12, ContactType.COMPLAINT: 0.08,
    }),
}  # fmt: skip

PRODUCT_LINES: Final = Weighted({"sofas": 0.27, "kitchens": 0.20, "beds": 0.19, "wardrobes": 0.22, "lighting": 0.12})
MEDIAN_PRICES: Final = {"sofas": 109_900, "kitchens": 389_000, "beds": 64_900, "wardrobes": 74_900, "lighting": 8_900}
"""In cents."""
REGIONS: Final = Weighted({"north": 0.21, "west": 0.31, "south": 0.26, "east": 0.16, "austria": 0.06})
LANGUAGES: Final = Weighted({"de": 0.82, "en": 0.09, "tr": 0.05, "pl": 0.04})
PRIORITIES: Final = Weighted({"normal": 0.84, "low": 0.08, "high": 0.08})
COMPLAINT_PRIORITIES: Final = Weighted({"normal": 0.45, "high": 0.43, "urgent": 0.12})
PRIORITY_PACE: Final = {"low": 1.5, "normal": 1.0, "high": 0.6, "urgent": 0.35}

# Channels -------------------------------------------------------------------------------------------------------------


class Channel(NamedTuple):
    """One way to reach the desk.

    Attributes:
        reply_seconds: Median of a first answer in opening hours; zero where somebody stands at the counter.
        next_reply_seconds: Median of every further answer: on the phone both sides talk at once.
        customer_seconds: Median until the customer answers back.
        survey_seconds: Median until a survey is answered: at once after a call, some day from a mailbox.
        scale: How a survey on this channel asks, a key of `SCALES`.
    """

    reply_seconds: float
    next_reply_seconds: float
    customer_seconds: float
    survey_seconds: float
    scale: str


CHANNELS: Final = {
    "phone": Channel(75, 40, 30, 90, "stars"),
    "chat": Channel(100, 50, 60, 60, "thumbs"),
    "reception": Channel(0, 60, 45, 120, "stars"),
    "email": Channel(7_500, 5_400, 14_000, 18_000, "zero-to-ten"),
    "self-service": Channel(6_600, 5_400, 14_000, 18_000, "zero-to-ten"),
    "forum": Channel(15_000, 11_000, 20_000, 30_000, "zero-to-ten"),
}
OPEN_CHANNELS: Final = Weighted(
    {"phone": 0.29, "email": 0.37, "chat": 0.14, "self-service": 0.12, "forum": 0.04, "reception": 0.04}
)
CLOSED_CHANNELS: Final = Weighted({"email": 0.52, "chat": 0.20, "self-service": 0.21, "forum": 0.07})
"""While the desk is closed nobody picks up and nobody stands at the counter."""
IMMEDIATE: Final = frozenset({"phone", "chat", "reception"})
"""Channels on which the agent stays until it is done."""

REPLY_SPREAD: Final = 0.8
CUSTOMER_SPREAD: Final = 1.0
SURVEY_SPREAD: Final = 1.7
"""So wide that one answer in a hundred to a mailed survey comes more than a week later."""
PICK_UP_SECONDS: Final = 240
"""Median between taking a ticket and sending the answer, where it takes any time at all."""
USUAL_QUEUE_HOURS: Final = 2.0
"""A team that has more people waiting than two average hours bring feels pressed and gets slower."""

# How tickets go -------------------------------------------------------------------------------------------------------

SPAM_SHARE: Final = 0.012
SPAM_ERROR_SHARE: Final = 0.12
"""Of what the filter marks, so much turns out to be a customer."""
TEST_SHARE: Final = 0.004
DUPLICATE_SHARE: Final = 0.03
"""Somebody who waits gets in touch once more; the second ticket is merged into the first."""
DELETED_SHARE: Final = 0.004
DELETED_BY_MISTAKE_SHARE: Final = 0.15
NEGLECTED_SHARE: Final = 0.012
"""Never answered. Every desk has them, and a metric that skips them flatters."""
OPENED_BY_AGENT_SHARE: Final = 0.02
KNOWN_CUSTOMER_SHARE: Final = 0.75
"""Contacts of somebody whose order the shop remembers."""
UNKNOWN_CUSTOMER_SHARE: Final = 0.12
"""Of the others: withheld numbers, names on the forum."""

BOT_GREETS_SHARE: Final = 0.6
BOT_SOLVES_SHARE: Final = 0.3
ROUTED_AT_ONCE_SHARE: Final = 0.85
WRONG_TEAM_SHARE: Final = 0.04
COLLEAGUE_TAKES_OVER_SHARE: Final = 0.03
MODEL_ERROR_SHARE: Final = 0.08
"""The model that classifies mail errs so often; the agent who answers puts it right."""
NOTE_SHARE: Final = 0.12
POSTED_BY_MISTAKE_SHARE: Final = 0.003
ON_HOLD_SHARE: Final = 0.12
STATUS_SHARE: Final = 0.35
"""Not every agent sets a status when it becomes the customer's turn."""
ANOTHER_ROUND_SHARE: Final = {"inquiry": 0.16, "case": 0.42}
ESCALATED_SHARE: Final = 0.10
"""Of complaints."""
REOPENED_SHARE: Final = 0.05
"""Of well-solved inquiries; what annoys raises it."""
MOST_CYCLES: Final = 3
CLOSED_AFTER_HOURS: Final = 72
CLOSED_SHARE: Final = 0.7
"""The rest stays resolved: somebody switched the automatic closing off for their queue."""

# Two ways of handling a case ------------------------------------------------------------------------------------------

SOLVE: Final = "solve"
"""Ask what the customer needs, and see that it happens."""
JUDGE: Final = "judge"
"""Find out who is right, and tell the customer."""


class Strategy(NamedTuple):
    """What a way of handling does to customers with a case.

    Attributes:
        satisfied: Probability that an average agent leaves the customer satisfied.
        turns_to_complaint: Probability that a request for help ends as a complaint.
        compensated: Probability of a compensation.
        reopened: Probability that the customer comes back with the same case.
        repurchase: Probability of another order within the next weeks.
        replacement: Probability of a replacement or an exchange for a faulty piece.
        asked_in_vain: Probability that a compensation is refused, where none is granted.
        returned: Probability that the goods come back, unless a wish was refused or cut.
    """

    satisfied: float
    turns_to_complaint: float
    compensated: float
    reopened: float
    repurchase: float
    replacement: float
    asked_in_vain: float
    returned: float


STRATEGIES: Final = {
    SOLVE: Strategy(0.93, 0.03, 0.30, 0.05, 0.22, 0.30, 0.10, 0.03),
    JUDGE: Strategy(0.66, 0.40, 0.08, 0.14, 0.06, 0.12, 0.30, 0.35),
}
PROMISED_SHARE: Final = 0.3
"""Of cases that are no inquiry."""
PROMISES: Final = Weighted(
    {PromiseKind.REPAIR: 0.35, PromiseKind.DELIVERY: 0.25, PromiseKind.CALL_BACK: 0.25, PromiseKind.REFUND: 0.15}
)
PROMISED_HOURS: Final = {
    PromiseKind.REPAIR: 12,
    PromiseKind.DELIVERY: 20,
    PromiseKind.CALL_BACK: 1,
    PromiseKind.REFUND: 16,
}
"""Of work, until it is due."""
PROMISE_FATES: Final = {
    True: Weighted({"kept": 0.84, "moved": 0.08, "late": 0.05, "forgotten": 0.02, "given up": 0.01}),
    False: Weighted({"kept": 0.68, "moved": 0.07, "late": 0.16, "forgotten": 0.07, "given up": 0.02}),
}
"""What becomes of one, by whether the desk solves rather than judges."""
COMPENSATIONS: Final = Weighted({"voucher": 0.5, "refund": 0.35, "gift": 0.15})
COMPENSATION_MEDIAN: Final = 2_500
COMPENSATION_SPREAD: Final = 0.7
CAPS: Final = {"agent": 5_000, "supervisor": 20_000}
"""In cents: what somebody may grant without asking. The wish is cut to it, which shows as a hit cap."""
REFUSALS: Final = Weighted({Refusal.CAP: 0.5, Refusal.POLICY: 0.3, Refusal.OTHER: 0.2})
RETURNED_SHARE: Final = 0.45
"""Of orders whose customer was refused what was asked for, or got less."""
RETURN_LOSS: Final = 12_000
RETURN_LOSS_SPREAD: Final = 0.4
WORK_SECONDS: Final = {SOLVE: 600, JUDGE: 840}
"""Who proves customers wrong writes more often."""
WORK_SPREAD: Final = 0.6
OUTCOME_TOLD_SHARE: Final = 0.4
WANTED: Final = Weighted({"repair": 0.45, "replacement": 0.3, "refund": 0.15, "return": 0.1})
"""With what customers want an after-sales case to be settled."""
RETURN: Final = "return"
PUSHED_SHARE: Final = {SOLVE: 0.04, JUDGE: 0.25}
"""Of after-sales cases those that end with a return, whatever was wanted."""
PREPARED_BASE: Final = 0.1
PREPARED_RANGE: Final = 0.5
"""Whoever solves problems reads the story first: by how much more often than who never does."""
COST_PER_HOUR: Final = 3_200
"""Of work on tickets, in cents."""

# Satisfaction ---------------------------------------------------------------------------------------------------------

SATISFIED_BASE: Final = 0.91
"""Of inquiries, answered by an average agent in the usual time."""
QUALITY_RANGE: Final = 0.06
"""How far the best and the worst agent lie from the average."""
SLOW_PENALTY: Final = 0.03
"""For each doubling of the wait beyond twice the usual one."""
MOST_SLOW_PENALTY: Final = 0.12
COMPLAINT_PENALTY: Final = 0.06
REOPENED_PENALTY: Final = 0.08

OFFERED_SHARE: Final = 0.85
ANSWERED_SHARE: Final = 0.35
REVISED_SHARE: Final = 0.03
WITHDRAWN_SHARE: Final = 0.01
MORE_ASKED_SHARE: Final = 0.3
"""So many are asked one question more some day: whether they would recommend the shop, or how easy it was."""
RECOMMENDATION_SHARE: Final = 0.6
"""So many of those are asked the former."""
SELF_RATED_SHARE: Final = 0.04
"""Agents may enter what a customer told them; it comes out flattering, so metrics keep it apart."""
COMMENTED_SHARE: Final = 0.2


class Scale(NamedTuple):
    """How a survey asks; what the satisfied answer has a score that metrics count as satisfied, all else none."""

    lowest: float
    highest: float
    satisfied: Weighted[float]
    dissatisfied: Weighted[float]


SCALES: Final = {
    "stars": Scale(1, 5, Weighted({5: 0.72, 4: 0.28}), Weighted({3: 0.55, 2: 0.24, 1: 0.21})),
    "thumbs": Scale(0, 1, Weighted({1: 1.0}), Weighted({0: 1.0})),
    "zero-to-ten": Scale(
        0, 10, Weighted({10: 0.45, 9: 0.30, 8: 0.25}),
        Weighted({7: 0.25, 6: 0.20, 5: 0.15, 4: 0.10, 3: 0.10, 2: 0.08, 1: 0.05, 0: 0.07}),
    ),
}  # fmt: skip
RECOMMENDATION: Final = Scale(
    0,
    10,
    Weighted({10: 0.38, 9: 0.27, 8: 0.20, 7: 0.11, 6: 0.04}),
    Weighted({8: 0.06, 7: 0.13, 6: 0.16, 5: 0.23, 4: 0.12, 3: 0.11, 2: 0.07, 1: 0.04, 0: 0.08}),
)
"""Who is satisfied need not recommend the shop, and some do who are not."""
EASE: Final = Scale(
    1, 7, Weighted({7: 0.46, 6: 0.31, 5: 0.16, 4: 0.07}), Weighted({5: 0.10, 4: 0.22, 3: 0.25, 2: 0.24, 1: 0.19})
)
"""How much a customer agrees that it was made easy: 7 is very much."""
ENTERED_SCALE: Final = Scale(1, 5, Weighted({5: 1.0}), Weighted({4: 0.45, 3: 0.30, 2: 0.13, 1: 0.12}))
"""How agents put down what a customer told them: the best, and where even they saw that it was not, hardly less."""
COMMENTS: Final = {
    True: Weighted({"Quick and friendly.": 3, "Solved at once.": 2, "Exactly what I needed.": 2, "Thanks!": 4}),
    False: Weighted({
        "Nobody could tell me a date.": 3, "I had to explain it three times.": 2, "Took far too long.": 3,
        "I was told it is my fault.": 1,
    }),
}  # fmt: skip

# Orders ---------------------------------------------------------------------------------------------------------------

REMEMBERED_CUSTOMERS: Final = 4_000
"""People who ordered lately: they get in touch, and they order again."""
NEW_CUSTOMER_SHARE: Final = 0.90
REFERRED_SHARE: Final = 0.08
"""Of new customers somebody sent."""
CANCELLED_SHARE: Final = 0.04
CANCEL_MEDIAN_HOURS: Final = 14
PRICE_SPREAD: Final = 0.5
MARGIN_SHARE: Final = 0.34
REPURCHASE_MEAN_DAYS: Final = 9
REPLACED_AFTER_MEDIAN_HOURS: Final = 20

# The faulty delivery week ---------------------------------------------------------------------------------------------

FAULTY_TEAM: Final = "delivery"
FAULTY_REASON: Final = "missing-parts"
FAULT_EXTRA_CONTACTS: Final = 0.25
"""A carrier loses boxes: so many more contacts reach the delivery team."""
FAULT_SHARE: Final = 0.20
"""So many of them are about a lost box ..."""
FAULT_COMPLAINT_SHARE: Final = 0.55
"""... and so many of those are complaints, which makes about three times as many as usual."""
FAULT_PACE: Final = 3.0
"""Nobody knows where the boxes are, so that every answer takes longer."""
FAULT_PENALTY: Final = 0.21
"""Off the probability to satisfy, for everybody who asks the delivery team in that week."""

# The cable that is dug through ----------------------------------------------------------------------------------------

CABLE_ASSET: Final = "kitchen-studio-2"
CABLE_FAULT: Final = "FAULT-1"
CABLE_TEAM: Final = "sales-advice"
CABLE_AGENTS: Final = ("rosa", "samir", "tanja")
CABLE_REASON: Final = "studio-offline"
CABLE_CALLS: Final = (2, 5, 9, 12, 14, 19, 23, 31, 40, 52, 66, 85, 104, 130, 170, 215, 270, 330, 396, 411)
"""Minutes after nine at which somebody calls; the last two after the first repair, which was none."""
CABLE_TOLD_SHARE: Final = 0.75
CABLE_LINKED_SHARE: Final = 0.7

# The leaflet that is of another wardrobe ------------------------------------------------------------------------------

LEAFLET_ISSUE: Final = "ISSUE-1"
LEAFLET_TEAM: Final = "assembly"
LEAFLET_AGENTS: Final = ("ines", "jonas", "katja", "leo", "mirjam")
LEAFLET_PRODUCT: Final = "wardrobes"
LEAFLET_REASON: Final = "assembly-instructions"
LEAFLET_DEPARTMENT: Final = "product documentation"
LEAFLET_SHARE: Final = 0.55
"""So many ask about it at most, as a part of those who come anyway: every third contact is about one page of paper."""
LEAFLET_LINKED_SHARE: Final = 0.8
LEAFLET_HELPED_SHARE: Final = 0.75
TRACKING_REASON: Final = "delivery-date"
TRACKING_DEPARTMENT: Final = "logistics"

# Before there is a ticket ---------------------------------------------------------------------------------------------

QUEUE_SECONDS: Final = 35
"""Half of the calls and chats are taken within so long."""
GIVEN_UP_SHARE: Final = 0.11
PATIENCE_SECONDS: Final = 70
SESSIONS_PER_TICKET: Final = 0.3
SESSION_SOLVED_SHARE: Final = 0.7
SESSION_KNOWN_SHARE: Final = 0.6
SESSION_CALLS_SHARE: Final = 0.6
"""Of those whom the help pages did not help: the others write, or let it be."""
SESSION_REASONS: Final = Weighted(
    {"delivery-date": 0.5, "invoice-copy": 0.2, "assembly-instructions": 0.2, "measurements": 0.1}
)
