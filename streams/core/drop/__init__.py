"""The satisfaction-drop rule: when a fall of satisfaction is worth a page, and when it is over."""

from streams.core.drop.baseline import Baseline
from streams.core.drop.flow import Cause, Response, Rhythm, Silence, causes_of, is_survey_broken, silent_since
from streams.core.drop.level import Level
from streams.core.drop.rate import RateWatch, rated
from streams.core.drop.rating import Rating, Tally
from streams.core.drop.threshold import ThresholdError, Thresholds
from streams.core.drop.trend import Decline, declines
from streams.core.drop.verdict import Clearing, Episode, Evidence, FoundBy, State, Verdict
from streams.core.drop.watch import Watch, reads_from, verdict_of

__all__ = [
    "Baseline",
    "Cause",
    "Clearing",
    "Decline",
    "Episode",
    "Evidence",
    "FoundBy",
    "Level",
    "RateWatch",
    "Rating",
    "Response",
    "Rhythm",
    "Silence",
    "State",
    "Tally",
    "ThresholdError",
    "Thresholds",
    "Verdict",
    "Watch",
    "causes_of",
    "declines",
    "is_survey_broken",
    "rated",
    "reads_from",
    "silent_since",
    "verdict_of",
]
