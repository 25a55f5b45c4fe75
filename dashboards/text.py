"""Every word that a dashboard shows and the registry of metrics does not know; another language is another file."""

from typing import Final

from streams.core.drop import Cause
from streams.core.metrics import Metric

UNKNOWN: Final = "(unknown)"
"""Stands for a label that nobody gave."""

# Verdicts: style.py colours what begins with the first two
BETTER: Final = "better"
WORSE: Final = "worse"
UNCLEAR: Final = "no clear change"
CHANGED: Final = "changed"
NOTHING_BEFORE: Final = "nothing to compare with"

WAS: Final = "was"
SO_FAR: Final = "so far"
MATURE: Final = "% mature"
N: Final = "n"
NOT_REACHED: Final = "not reached"
OR_LONGER: Final = "or longer"
TO: Final = "to"

AT_LEAST: Final = "at least"
NOT_ENOUGH: Final = "not enough data"
TOO_FEW: Final = "–"
NO_TICKETS: Final = "No tickets in this range. Widen it, or publish events: servicepulse import, servicepulse demo."
NO_EVENTS: Final = "No event was stored in this range. Does a worker run? servicepulse status tells."
NO_SERIES: Final = "Too few observations at every point of this range: widen it, or choose more teams."
NOT_MATURED: Final = "not enough cases that are {days} days old"
NO_MATURED: Final = "No case was resolved in the range {days} days before this one."
NO_MATURED_SERIES: Final = "Too few cases that are {days} days old at every point of this range."

TICKETS_LINK: Final = "The tickets behind it"
TICKETS_OF_PART_LINK: Final = "The tickets behind ${__value.text}"

DEFINITIONS: Final = "How these numbers are defined"
LISTED: Final = (
    "Every number over the chosen range with its 95 % interval and n, and over the period of the same length before. "
    "Change where it is clear; green is better. Clear holds for the table as a whole: were nothing different, 5 % of "
    "such tables would claim that anything is."
)
METRIC: Final = "Metric"
DURATIONS_TITLE: Final = "How long everything took, by the calendar and in open hours"
DEFINITIONS_ABOUT: Final = (
    "What the numbers of this page mean, in the words of the registry that they are computed from."
)

# Columns
COLUMN_NAMES: Final = {
    "team": "Team",
    "agent_id": "Agent",
    "channel": "Channel",
    "product_line": "Product line",
    "reason": "Reason",
    "contact_type": "Contact type",
    "priority": "Priority",
    "region": "Region",
    "customer_segment": "Segment",
    "strategy": "Strategy",
}
VALUE: Final = "Value"
LOW: Final = "95 % from"
HIGH: Final = "95 % to"
RANK: Final = "Rank"
BEFORE: Final = "Before"
CHANGE: Final = "Change"

# Variables
ALL: Final = "All"
ZONE_LABEL: Final = "Time zone"
STEP_LABEL: Final = "Step"
METRIC_LABEL: Final = "Behind"
STEPS: Final = {"hour": "Hour", "day": "Day", "week": "Week", "month": "Month"}


_UNLESS: Final = ", unless the desk's policy asks for more or less"


def definition(metric: Metric) -> str:
    """Return how a metric is defined, as one paragraph of Markdown."""
    of = "" if metric.denominator.startswith("none") else f" / {metric.denominator}"
    least = f" Shown from n = {metric.n_min} on{_UNLESS}." if metric.is_sampled else ""
    return f"**{metric.title}** = {metric.numerator}{of}.{least} *Clock*: {metric.clock}. {metric.about}"


def description(metric: Metric, *more: str) -> str:
    """Return what the i of a panel says: the definition, and what this panel makes of it."""
    return "\n\n".join([definition(metric), *more])


COMPARED: Final = (
    "The small print says whether it is clearly better or worse than over the period of the same length before, what "
    "it was then, the 95 % interval and n. It is coloured only where the difference is clear: where the 95 % interval "
    "of the difference excludes 0."
)
ROLLING: Final = (
    "Each point is the number over a window as long as the chosen range that ends there: the last point is the number "
    "of now, the first one that of the period before. Points with too few observations are left out."
)
BUCKETED: Final = (
    "One point for each step, by the clocks of the chosen time zone; the last step is not over yet. The band is the "
    "95 % interval, n stands in the tooltip. Points with too few observations are left out."
)
MATURED: Final = "Of cases that were resolved {days} days before the chosen range, so that each had its {days} days."
STEPPED: Final = (
    "One point for each step, by the clocks of the chosen time zone; the last step is not over yet. Points with too "
    "few observations are left out."
)
RANKED: Final = (
    "The best first: by the bound of the 95 % interval on the bad side, so that a few lucky tickets do not lead. The "
    "rank says between which places the numbers cannot decide. Change is that from the period of the same length "
    "before, where it is clear. Both hold for the table as a whole: were all alike, 5 % of such tables would call any "
    "change clear, and 5 % would claim any rank."
)
RANKED_YOUNG: Final = (
    "Numbers of a range whose end is not {days} days old still move by waiting, and are compared with nothing."
)
LASTS: Final = "As the range ends; before: as it begins. A count is what it is and has no interval."

# Pages: title, and the question that it answers -----------------------------------------------------------------------

PAGES: Final = {
    "service-pulse": ("Service pulse", "The four numbers of now, against the period before."),
    "complaints": ("Complaints", "How many complain, about what, and where it gets better or worse."),
    "satisfaction": (
        "Satisfaction",
        "What customers say by three clocks, how far they differ, how many answer; NPS and CES.",
    ),
    "contacts": ("Contacts", "Who waited in a queue and who gave up, by channel, and who needed nobody."),
    "in-time": ("In time", "Which targets of the desk's policy are kept, and whose passes next."),
    "promises": ("Promises", "What customers were told until when, whether it was done, and what falls due next."),
    "faults": ("Faults", "What may be broken, what is, who was told and until when, and whether fixes hold."),
    "known-issues": ("Known issues", "What customers will ask, what helps them, until when, and how soon it was told."),
    "prevention": ("Prevention", "Which question another department can remove, what it did, and how many stay away."),
    "response-time": ("Response time", "How long customers wait for a person, and who waits now."),
    "after-sales": ("After-sales and repurchase", "How many buy again after a case, by cohort and by age."),
    "worth": ("Worth", "What a solved case changes, what each way of solving earns, and what a cap costs."),
    "continuity": ("Continuity", "Whom returning customers meet, who had read their story, and what they remember."),
    "integrity": ("Integrity", "Whether the numbers come about as they should: who is asked, what is repeated."),
    "teams": ("Teams and agents", "Who does best as far as the numbers can tell, and between which ranks."),
    "interventions": ("Interventions", "What was done for teams and about reasons, and what it changed."),
    "reasons": ("Reasons", "Why customers come, and which reason somebody else could remove."),
    "pipeline": ("Pipeline health", "Whether the numbers can be trusted: lateness, silence, dead letters."),
    "pages": ("Pages and their price", "What was paged, and what fewer or more false pages would cost."),
    "tickets": ("Tickets", "The tickets behind a number."),
}

# Panels that are no metric of the registry ----------------------------------------------------------------------------

NEWEST_TITLE: Final = "Newest event, ago"
NEWEST: Final = (
    "How long ago the newest event happened that was stored within the range, by the clocks of the chosen time zone. "
    "Red from ten minutes on: all other numbers are then as old."
)
STORED: Final = "events stored in this range"

CLOCKS_TITLE: Final = "Satisfied, by three clocks"
CLOCKS: Final = (
    "The same ratings put into time by three clocks, which are never mixed: when they were given, when the case was "
    "resolved, when the ticket was created. The last two still move for two weeks, while ratings come in."
)
WHEN_RATED: Final = "when rated"
WHEN_RESOLVED: Final = "when resolved"
WHEN_CREATED: Final = "when created"
DISTRIBUTION_TITLE: Final = "Scores given"
DISTRIBUTION: Final = (
    "How many valid ratings by customers lie in each part of the scale from 0 to 100: of five stars each has its own. "
    "Those of {satisfied} and more count as satisfied."
)
SCORE_NAME: Final = "{low} to {high}"
RATINGS: Final = "Ratings"
SPREAD_TITLE: Final = "Spread of the scores"
SPREAD: Final = (
    "How far ratings lie apart: their standard deviation, and the distance from the score that a tenth is below to "
    "the one that a tenth is above. A mean says nothing of it, and less of it is a desk that customers can rely on."
)
DEVIATION: Final = "standard deviation"
TAILS: Final = "p90 - p10"

WHERE_TIME_GOES_TITLE: Final = "Where the time until a resolution goes"
WHERE_TIME_GOES: Final = (
    "Mean times of the cases resolved in each step, by their status until then; together they are the mean time to a "
    "resolution."
)
PERCENTILES_TITLE: Final = "First response, percentiles"
PERCENTILES: Final = (
    "Time to first response is that of all who began to wait in a step, those included who wait still; a point that "
    "was not reached is left out. First response is that of those who were answered in a step. Where the second stays "
    "low and the first rises, a queue grows."
)
HEATMAP_TITLE: Final = "First responses, by how long they took"
HEATMAP: Final = (
    "How many first answers took how long, by when they were given. A second dark stripe is a second kind of "
    "customer: those whom a percentile hides."
)
LONGEST_TITLE: Final = "Waiting longest"
LONGEST: Final = "Customers who wait for a person's answer as the range ends, the longest wait first; at most 100."
NOBODY_WAITS: Final = "No event tells of anybody who waits for an answer."
SINCE: Final = "Waits since"
WAITED: Final = "Waited"
DUE_TITLE: Final = "Due next"
DUE: Final = (
    "Customers who wait, and whose target by the policy passes within a day after the end of the range, the next one "
    "first; at most 100. Of a ticket the sooner of its targets for the first and for any response. Targets that have "
    "passed are misses already: Waiting longest has them."
)
NOTHING_DUE: Final = "Nobody waits whose target passes within a day."
BREACHES: Final = "Will breach in"
DUE_WHAT: Final = "Of what"
DUE_AT: Final = "Due at"
FIRST_RESPONSE: Final = "first response"
ANY_RESPONSE: Final = "any response"
RESOLUTION: Final = "resolution"
TARGETS_TITLE: Final = "Targets in force"
TARGETS: Final = (
    "The rules of the desk's policy as the range ends, in their order: a ticket's target is the first one that it "
    "meets, of the version that was in force when it was created. `servicepulse policies` publishes another version."
)
NO_TARGETS: Final = "The policy states no targets."
TICKETS_OF_RULE: Final = "Tickets"
ALL_TICKETS: Final = "all"
ALL_OTHERS: Final = "all others"
OR: Final = " or "
TARGET: Final = "Target"
OF_OPEN_HOURS: Final = " of open hours"
PAUSED: Final = {"customer": ", not while the customer has to answer", "hold": ", not while on hold"}
IN_FORCE_SINCE: Final = "In force since"
BUILT_IN: Final = "built in"
WAITS_TITLE: Final = "Customers waiting over time"
WAITS: Final = "How many customers waited for a person's answer at the end of each step, by today's knowledge."

PROMISES_OPEN_TITLE: Final = "Due next, and overdue"
PROMISES_OPEN: Final = (
    "Promises that are neither kept nor given up and fell due in the four weeks before the end of the range, or fall "
    "due within a day after it, the earliest first; at most 100. Below zero it is overdue: call the customer. Older "
    "ones stand in the number of those overdue."
)
NO_PROMISES_OPEN: Final = "No promise is overdue or falls due within a day."
DUE_IN: Final = "Due in"
PROMISED: Final = "Promised"
PROMISED_BY: Final = "By"
TIMES_MOVED: Final = "Moved"
KEPT_BY_KIND_TITLE: Final = "Promises kept, by what was promised"
KEPT_BY_KIND: Final = "Of the promises that fell due in each step, by kind, those that were kept by then."
PROMISE_KINDS: Final = {
    "call_back": "call back",
    "repair": "repair",
    "delivery": "delivery",
    "answer": "answer",
    "refund": "refund",
    "other": "other",
}
SUSPECTED_TITLE: Final = "Suspected"
SUSPECTED: Final = (
    "Assets, and product lines with a reason, about which more customers came at once than chance brings together: "
    "those that are open, whatever the range, and those that were open within it. Declare the fault, or find that "
    "there is none."
)
NO_SUSPICION: Final = "Nothing is suspected, and nothing was in this range."
WHO: Final = "Who came first"
FAULTS_TITLE: Final = "Faults"
FAULTS: Final = (
    "Faults that were declared in the range, and those that are not fixed, whenever that was; at most 50, the newest "
    "first. *Suspected* and *Declared* tell how long after the first ticket. *Customers told* counts who was told "
    "something in public since the declaration. Below zero, *Due in* has passed."
)
NO_FAULTS: Final = "No fault was declared in this range, and none is left to fix."
FAULT_ID: Final = "Fault"
CAUSE: Final = "Cause"
SUSPECTED_AFTER: Final = "Suspected after"
DECLARED_AFTER: Final = "Declared after"
EXPECTED: Final = "Expected until"
SLIPPED: Final = "Slipped"
FIXED: Final = "Fixed"
NOT_FIXED: Final = "not yet"
FALSE_FIXES: Final = "False fixes"
CUSTOMERS_TOLD: Final = "Customers told"
OF: Final = "of"
ISSUES_TITLE: Final = "Known issues"
ISSUES: Final = (
    "Those that are not over, whenever they were announced, the next one to end first; then those that were announced "
    "or went on in the range; at most 50. Below zero, *Due in* has passed: say another instant. Tickets are those that "
    "the desk linked within two weeks of the announcement."
)
NO_ISSUES: Final = "No known issue is open, and none was in this range."
ANNOUNCED: Final = "Announced"
WORKAROUND: Final = "Workaround"
RESPONSIBLE: Final = "Responsible"
OVER: Final = "Over"
NOT_OVER: Final = "not yet"
HELPED: Final = "By the workaround"
MATRIX_TITLE: Final = "By channel"
MATRIX: Final = (
    "What each channel brings, how long customers wait on it, and how often it helps. Tickets know the channel on "
    "which they began; queues and self-service tell theirs. Numbers with too few observations are left out."
)
NO_CONTACTS: Final = "No ticket, no contact in a queue and no session of self-service in this range."
CAUSES_TITLE: Final = "Reasons that others can remove"
CAUSES: Final = (
    "Reasons of which a department was told, by an event or because they passed the policy's line: those of the range, "
    "and those whose cause is not removed, whenever that was; at most 50. *Gone* is the share of their contacts that "
    "stay away in the 28 days after the fix against the 28 before, beyond what other reasons did meanwhile, with its "
    "95 % interval; with fewer than four untouched reasons nothing is told. A reason is told of because it rose, and "
    "some of what rose would have fallen by itself."
)
NO_CAUSES: Final = "No department was told of a reason in this range, and none has one left to remove."
DEPARTMENT: Final = "Department"
STAGE: Final = "Stage"
REPORTED: Final = "reported"
ACKNOWLEDGED: Final = "acknowledged"
FIXED_STAGE: Final = "fixed"
REPORTED_AT: Final = "Told"
ACKNOWLEDGED_AFTER: Final = "Answered after"
FIXED_AFTER: Final = "Removed after"
ACTION: Final = "What is done"
NOBODY_RESPONSIBLE: Final = "nobody named"
GONE: Final = "Gone"
AVOIDED: Final = "Contacts avoided"
EFFECTS_TITLE: Final = "What was done, and what it changed"
EFFECTS: Final = (
    "Interventions of the range, each held against what changed anyway. For a team: the share of satisfied ratings and "
    "of complaints in the 28 days after it minus the 28 before, in points, less the same for teams nobody touched. "
    "About a reason: the share of its contacts that stay away, in per cent, less the same for other reasons. The 95 % "
    "interval holds how far such parts go their own ways. With fewer than four untouched ones nothing is told, nor of "
    "what was done for all. Before 28 days have passed it is so far."
)
NO_INTERVENTIONS: Final = "No intervention was recorded in this range."
WHEN: Final = "When"
DONE: Final = "What was done"
FOR: Final = "For"
FOR_TEAM: Final = "team"
FOR_REASON: Final = "reason"
FOR_ALL: Final = "all"
MEASURED: Final = "Measured"
SATISFIED_MEASURED: Final = "satisfied, points"
COMPLAINTS_MEASURED: Final = "complaints, points"
CONTACTS_MEASURED: Final = "contacts gone, %"
EFFECT: Final = "Effect"
VERDICT: Final = "Verdict"
CANNOT_BE_TOLD: Final = "cannot be told"
N_BEFORE: Final = "n before"
N_AFTER: Final = "n after"
BESIDE: Final = "Untouched"
DAYS_AFTER: Final = "Days after"
INTERVENTIONS: Final = {
    "training": "training",
    "notice": "notice",
    "process": "process",
    "product": "product",
    "other": "other",
}
TRIANGLE_TITLE: Final = "Repurchase by cohort"
TRIANGLE: Final = (
    "Whatever the range, the last 5 months. Each line is a cohort: customers whose after-sales case was resolved for "
    "the first time in that month. A share is shown once the whole cohort is that old, so that no column compares a "
    "ripe number with a young one."
)
COHORT: Final = "Resolved in"
CUSTOMERS: Final = "Customers"
STILL_YOUNG: Final = "maturing or too few"
WITHIN: Final = "within {days} days"
MATURING_TITLE: Final = "Repurchase within {days} days, weekly cohorts"
MATURING: Final = (
    "Whatever the range, the last 5 months. The share of each week's cohort. Matured: the whole week is {days} days "
    "old, and the share stays. Maturing: so far, and still rising; compare it with nothing."
)
MATURED_LINE: Final = "matured"
MATURING_LINE: Final = "maturing, so far"

CURVE_TITLE: Final = "Bought again since a case of this range"
CURVE: Final = (
    "However young the cases are: customers whose after-sales case was resolved in the chosen range, once each, with "
    "their first one. The share that bought again within so many days is the Kaplan-Meier estimate: whoever was "
    "followed for a shorter time by the end of the range counts until then. Its 95 % interval is Greenwood's on the "
    "scale log(-log share). Shown while as many customers as a share needs were followed for so long."
)
AFTER_DAYS: Final = "Within days"
FOLLOWED: Final = "Followed so long"

FIRST_TITLE: Final = "Who is first, and how surely: {metric}, by {part}"
FIRST: Final = (
    "The chance that a part's true number is the best of all: in how many of 2,000 draws it would be, each from the "
    "normal distribution whose 95 % are its interval. 34 % means that two others are as good as far as anybody can "
    "tell. Parts with too few observations are left out."
)
CHANCE: Final = "Chance to be first"
MONTHS_TITLE: Final = "{metric}, month by month"
MONTHS: Final = (
    "Whatever the range, the last twelve months up to its end, by the clocks of the chosen time zone. Each month is "
    "held against the month before, and against what the choices above leave out: a team against all other teams. A "
    "verdict is told where the 95 % interval of the difference excludes 0."
)
MONTH: Final = "Month"
AGAINST_BEFORE: Final = "Against the month before"
OTHERS: Final = "All others"
AGAINST_OTHERS: Final = "Against all others"

# What cases are worth
WITHIN_LABEL: Final = "Within days"
CURRENCY: Final = "Currency"
POINTS: Final = "points"
NOT_KNOWN: Final = "not known"
NOT_COMPARABLE: Final = "not comparable: too few find somebody like them"
HIGHER: Final = "clearly higher"
LOWER: Final = "clearly lower"
NO_CASES: Final = "No after-sales case of a known customer was resolved so many days before this range."
BOUGHT_AGAIN: Final = "Bought again"
WITH_CASE: Final = "With a solved case"
WITHOUT_CASE: Final = "Comparable, without"
LIFT_LINE: Final = "Lift: the difference"
RATIO_LINE: Final = "The one over the other"
LIFT_TITLE: Final = "What a solved case changes"
LIFT: Final = (
    "Customers whose after-sales case was resolved, beside comparable ones without a case. Cases of the chosen range "
    "moved so many days back that each was followed long enough; of a customer the first one. Comparable: the last "
    "order was placed in the same month, of the same product line, into the same region, with as many orders by then "
    "(one, two, three to five, more), and for as long since then the customer had neither ordered nor had a case. "
    "Customers says how many of those with a case found somebody like them, and how many they are held against. "
    "Of many with a case, and of many orders, customers are drawn. The interval comes from what each customer adds to "
    "both shares."
)
BALANCE_TITLE: Final = "Were both alike before?"
BALANCE: Final = (
    "Means of customers with a case and of those they are held against, at the instant from which on orders count. "
    "Apart is the difference in standard deviations: below 0.1 nobody would notice, from 0.25 on the groups are not "
    "alike and the lift may come from that. By the last two nobody is matched: they show what matching leaves open."
)
BEFORE_CASE: Final = "Before"
APART: Final = "Apart, sd"
ALIKE: Final = "alike"
NOT_ALIKE: Final = "not alike"
BALANCE_MEASURES: Final = {
    "orders": "Orders until then",
    "days_since_last": "Days since the last order",
    "days_since_first": "Days since the first order",
    "cases_before": "After-sales cases before it",
}
CURVES_TITLE: Final = "Who bought again, by day"
CURVES: Final = (
    "Cases of the chosen range, however young: the Kaplan-Meier estimate of who ordered again within so many days, "
    "with a solved case and without one, each with its 95 % interval. Comparable customers are those of the lift."
)
STRATEGIES_TITLE: Final = "What each strategy is worth"
STRATEGY_PARTS_TITLE: Final = "The same, by product line and reason"
STRATEGIES: Final = (
    "The expectation of a strategy: what a case brings in beyond cases under other strategies - margin of the "
    "customer's orders within the chosen days, less the loss by returns - over what it costs: compensation, and "
    "clocked work at the policy's cost per hour. Above 1 it earns its cost. Held against cases of the same product "
    "line, for the same reason, of customers with as many orders; of a customer the first case counts, and of many "
    "customers some are drawn. The verdict needs an interval that excludes 1. Spread is the standard deviation of what "
    "a case brings in, and of its score."
)
NO_STRATEGIES: Final = "No case with a strategy was resolved so many days before this range."
EXPECTATION: Final = "Expectation"
EARNS: Final = "earns more than it costs"
COSTS: Final = "costs more than it earns"
MONEY_UNKNOWN: Final = "cannot be told: too much money without margin or rate"
GAIN: Final = "Brought in"
COST: Final = "Cost"
GAIN_SPREAD: Final = "Spread"
SCORE: Final = "Satisfaction"
SCORE_SPREAD: Final = "Spread of it"
CASES: Final = "Cases"
MATCHED: Final = "Matched"
LEFT_OUT: Final = "Left out"
GROUPS: Final = {"pace": "Took", "score": "Customers said"}
SCORE_GROUPS: Final = ("nothing", "below 25", "25 to 50", "50 to 75", "75 and more")
ORDERED_AGAIN: Final = "Ordered again"
AGAIN_LOW: Final = "Again from"
AGAIN_HIGH: Final = "Again to"
PACE_TITLE: Final = "By how long cases took"
PACE: Final = (
    "Cases in ten groups of equal size, the fastest first, by the calendar until the first resolution: mean "
    "satisfaction, and the share of known customers' cases that was followed by an order within the chosen days, each "
    "with its 95 % interval. Who waits longer may differ in other ways as well."
)
SCORES_TITLE: Final = "By what customers said"
SCORES: Final = "The same cases by the customer's score of 100, of several ratings their mean."
NO_RESOLVED: Final = "No case was resolved so many days before this range."
CHURN_TITLE: Final = "Who stays away, silently"
CHURN: Final = (
    "Customers with any contact that was resolved in the chosen range, by what it was like, beside comparable "
    "customers without one, as for the lift. Stayed away: no order within twice the usual interval - that between the "
    "customer's own orders, else the median of the shop, from 7 to 120 days. Customers who were not followed for so "
    "long are left out, so a range of lately shows little. Of many orders customers are drawn. A customer without a "
    "contact who has one later is compared until then, which makes the difference smaller where contacts are many."
)
CHURN_GROUPS: Final = {
    "rated_below_50": "rated below 50",
    "rated_from_50": "rated 50 to 75",
    "rated_from_75": "rated 75 and more",
    "not_rated": "not rated",
    "fastest_half": "resolved as fast as half of all",
    "slower": "slower than half",
    "slowest_tenth": "slower than nine of ten",
}
NO_CONTACTS_FOLLOWED: Final = "No contact of this range has been followed for twice a usual interval. Widen it."
CONTACT: Final = "The contact was"
STAYED_AWAY: Final = "Stayed away"
WITHOUT_CONTACT: Final = "Without a contact"
MORE_LEAVE: Final = "more leave"
FEWER_LEAVE: Final = "fewer leave"
OLD_TITLE: Final = "Open for longer than nine of ten cases took"
OLD: Final = (
    "Tickets that are open now, as far as is known, and have been for longer than nine of ten cases that were resolved "
    "in the chosen range took: the long ones that no average of solved cases shows."
)
OPEN_AND_OLD: Final = "Open tickets"
THAN_HOURS: Final = "Longer than"
CAP: Final = "Cap"
CAPS_TITLE: Final = "What the cap on compensation costs"
CAPS: Final = (
    "Of each case the first request for compensation that was decided. Cap hit: the share that was refused, or cut, "
    "because of a cap. Came back: how many of those became returns within the chosen days. Regret is what these lost "
    "beyond what was refused. The break-even is what a refusal costs in returns beyond a grant, on average: up to that "
    "amount a compensation pays. More grants, cost, saved and net: what the cap chosen above would have changed; what "
    "is saved counts the break-even for each."
)
OTHER_CAPS_TITLE: Final = "What other caps would have changed"
OTHER_CAPS: Final = (
    "The same for caps that would have granted a tenth of all requests, two tenths, and so on. A lower cap refuses "
    "what lies above it as a whole."
)
NO_REQUESTS: Final = "No request for compensation was decided so many days before this range."
REQUESTS: Final = "Requests"
CAP_HIT: Final = "Cap hit"
CAME_BACK: Final = "Came back"
REGRET: Final = "Regret"
BREAK_EVEN: Final = "Break-even"
BREAK_EVEN_LOW: Final = "Break-even from"
BREAK_EVEN_HIGH: Final = "Break-even to"
MORE: Final = "More grants"
WOULD_COST: Final = "Cost of them"
WOULD_SAVE: Final = "Saved by them"
NET: Final = "Net"
NET_LOW: Final = "Net from"
NET_HIGH: Final = "Net to"
PAYS: Final = "pays"
LOSES: Final = "does not pay"
NO_OTHER: Final = "changes nothing"
WORTH: Final = (
    "Teams, channels, product lines and contact types narrow by what the ticket says now. Orders that were cancelled, "
    "replacements and exchanges do not count, nor the order that the case is about.\n\n"
    "**Lift** = share of customers with a solved after-sales case who order again within the chosen days, less that "
    "of comparable customers without a case.\n\n"
    "**Expectation of a strategy** = (margin of later orders - loss by returns, beyond cases of other strategies) / "
    "(compensation + work).\n\n"
    "**Cap hit** = decided requests that a cap refused or cut / decided requests. **Regret** = loss by returns after "
    "such refusals - what was refused. **Break-even** = mean loss after refusals by the cap - mean loss after full "
    "grants.\n\n"
    "Money is added up in the policy's currency by its rates; without a policy, in the currency of most orders, and "
    "money in others is left out. What work costs comes from `ticket.worked` and the policy's cost per hour; without "
    "either it is left out. Time that passed is never taken for work."
)

SHARES_TITLE: Final = "Reasons of the last 7 days"
SHARES: Final = (
    "The share of each reason among the tickets that were created in the 7 days up to the end of the range, with its "
    "95 % interval, beside the 7 days before. Above the line is by how much its share of at least 50 tickets exceeds "
    "the line, 30 % unless the desk's policy says another: the department that can remove its cause should know. "
    "Change is told where it is clear for the table as a whole."
)
ABOVE: Final = "Above the line"
LINE: Final = "the line"
"""By this name the line goes through the shares of reasons."""
BARS: Final = (
    "The share of each reason among the tickets that were created in the 7 days up to the end of the range. Which of "
    "them lie above the line is said beside them."
)
SHARE: Final = "Share"
SHARES_OVER_TIME_TITLE: Final = "Share of the most frequent reasons, over 7 days each"
SHARES_OVER_TIME: Final = (
    "Each point is the share over the 7 days up to it; of the eight reasons that were most frequent in the whole "
    "range. Points with fewer than 50 tickets are left out. Above the line, at 30 % unless the desk's policy says "
    "another, a reason is a matter for the department that can remove its cause."
)
TOO_FEW_TICKETS: Final = "Fewer than 50 tickets within any 7 days of this range."

PER_MINUTE_TITLE: Final = "Events a minute, by source"
PER_MINUTE: Final = "Events stored a minute, by the source that published them; heartbeats and replays included."
EVENTS: Final = "events"
LATENESS_TITLE: Final = "Lateness"
LATENESS: Final = (
    "From when an event happened to when it was stored, by when it was stored. Replayed history is left out. The "
    "median, what one in ten exceeds, and what one in a hundred exceeds."
)
SETTLE_TITLE: Final = "Settle delay"
SETTLE: Final = (
    "So long after it has happened 99 of 100 events are stored: a window that ended longer ago hardly changes any "
    "more. Replayed history is left out. An event that is said to happen after it was stored counts as stored at once; "
    "how many did is said below: the clock of a source is ahead."
)
LETTERS_TITLE: Final = "Dead letters waiting"
LETTERS: Final = (
    "Records that were no events and that nobody has mended and sent again; all of them, whatever the range. "
    "`servicepulse dead-letters list` shows them."
)
LETTERS_OVER_TIME_TITLE: Final = "Dead letters, by reason"
LETTERS_OVER_TIME: Final = "Records that were no events, by why and by when they were received."
LETTERS_LIST_TITLE: Final = "Newest dead letters"
LETTERS_LIST: Final = "What their producers need to know: where the fault is, and in which record. At most 50."
NO_LETTERS: Final = "No dead letters in this range."
SILENCE_TITLE: Final = "Silence, by source"
SILENCE: Final = (
    "For each source that was heard within the range: how long ago its newest event and its newest heartbeat "
    "happened, up to the end of the range. Red from ten minutes on."
)
SILENT: Final = "Silent for"
HEARTBEAT: Final = "Heartbeat ago"
AHEAD: Final = "ahead of our clock"
NEGATIVE: Final = (
    "By when they were created, whatever the range of storing: choose the days of an imported log. "
    "`servicepulse report --all --metric negative_durations --tickets` lists them."
)
CREATED: Final = "of those created in this range"
STORED_TITLE: Final = "Events stored"
STORED_ABOUT: Final = "Events that were stored within the range, replays and heartbeats included."
PIPELINE: Final = (
    "**Lateness** is `ingested_at - at` of events that are no replay. **Settle delay** is its 99th percentile. "
    "**Silence** is the time since a source's newest event; a source that has nothing to tell says so by a heartbeat. "
    "**Dead letters** are records that are no events; they are kept with their bytes and the reason.\n\nThe **lag of "
    "workers** - records that are published and not yet folded - is not known to ClickHouse. Workers report it to "
    "Prometheus as `servicepulse_lag_records` on `/metrics` of their web port (6066); when lateness rises and the "
    "sources are on time, look there first."
)

NO_BACKTEST: Final = "Nothing was kept yet: `servicepulse alerts backtest --keep`."
_OF_BACKTEST: Final = (
    "As the newest `servicepulse alerts backtest --keep` found it, whatever the range: the same rule over the ratings "
    "of the weeks before, replayed ones included."
)
BUDGETS_TITLE: Final = "What each budget would have paged"
BUDGETS: Final = (
    f"{_OF_BACKTEST} A budget is how many false pages are accepted in 90 days. Beside the pages: how many the budget "
    "allows in these weeks without any fall. Choose one where the pages that you want to see are there, and the others "
    "are not: `false_pages_per_90_days`. Once a week a timer does it again; an age in red says that none does."
)
BUDGET: Final = "False pages in 90 days"
CHOSEN: Final = "chosen"
PAGED: Final = "Pages"
ALLOWED: Final = "Allowed without a fall"
OF_WHOM: Final = "Of whom"
WEEKS: Final = "Weeks"
UP_TO: Final = "Up to"
AGE: Final = "Age"
DELAYS_TITLE: Final = "How late a fall would be told"
DELAYS: Final = (
    f"{_OF_BACKTEST} The median of falls that begin at any time, drawn from the segment's own weeks, so with its "
    "volume, weekdays and moods; in columns the budgets. Not told: half of them or more were not within 30 days."
)
FALL: Final = "Fall, points"
PER_DAY: Final = "Ratings a day"
MOODS: Final = "Moods, points"
AS_CHOSEN: Final = "As chosen"
NOT_TOLD: Final = "not told"
AT_BUDGET: Final = "At {budget:g}"
PAGED_TITLE: Final = "Paged in these weeks, at the budget that is chosen"
PAGED_ABOUT: Final = f"{_OF_BACKTEST} What is noted pages nobody: teams tell it already."
NO_PAGES: Final = "Nothing was paged, or nothing was kept yet: `servicepulse alerts backtest --keep`."
OPENED: Final = "Opened"
RESOLVED: Final = "Resolved"
TOLD: Final = "Told"
NOTE: Final = "Note"
STILL_OPEN: Final = "open"

SIGNALS_TITLE: Final = "Signals"
SIGNALS: Final = (
    "What the watch found: falls of satisfaction that are too deep or too long to be chance, slow declines over weeks, "
    "complaints that surge, first responses that come late, surveys that nobody answers any more, sources that fell "
    "silent, faults that are suspected. Those that are open, whatever the range, and those that were open within it. "
    "`servicepulse signals` tells what would resolve them."
)
NO_SIGNALS: Final = "No signal is open, and none was in this range."
STATE: Final = "State"
OPEN_NO_PAGE: Final = "open, pages nobody"
WHAT: Final = "What"
WHOSE: Final = "Whose"
BEGAN: Final = "Since"
NOW: Final = "Value"
USUAL: Final = "Usual"
CONTRIBUTES: Final = "Contributes most"


def told_line(name: str) -> str:
    """Return what a signal told when it was opened, as an expression: value, interval, n and what is usual.

    A source that is silent, and a fault that is suspected, has no value, only what is usual.
    """
    usual = "'usual ', told['baseline']"
    silent = f"kind IN ('{Cause.SOURCE_SILENT}', '{Cause.FAULT_SUSPECTED}'), concat({usual})"
    return f"if({silent}, concat(told['{name}'], ' (', told['interval'], ', {N} ', told['n'], '), ', {usual}))"


TICKETS_TITLE: Final = "Behind: ${metric:text}"
TICKETS: Final = (
    "The single observations that the chosen number is made of, the newest first; at most 1,000. What lasts, such as "
    "open waits, is shown as it is when the range ends. Repurchase shows cases that were resolved 30, 60 or 90 days "
    "before the range."
)
COUNTS: Final = "counts"
COUNTS_AGAINST: Final = "counts against"
AT: Final = "At"
TICKET: Final = "Ticket"
SAYS: Final = "Says"

TICKETS_OF_REASON: Final = "Tickets"
BARS_TITLE: Final = "Most frequent reasons of the last 7 days"
NEWEST_LETTER: Final = "newest"
REPLAYED: Final = "of them replayed history"
SOURCE: Final = "Source"
RECORDS: Final = "records"
RECEIVED: Final = "Received"
FAULT: Final = "Where"
MESSAGE: Final = "What is wrong"
RECORD: Final = "Topic/partition/offset"
REPLAYS: Final = "Sent again"
