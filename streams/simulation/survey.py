"""Surveys and what comes back: mostly nothing, sometimes days later, now and then a change of mind."""

from random import Random

from schemas.events import RatingRevised, RatingSource, RatingSubmitted, RatingWithdrawn, SurveyKind, SurveyOffered
from streams.simulation import world
from streams.simulation.chance import around, happens
from streams.simulation.contact import Contact
from streams.simulation.desk import hours, seconds
from streams.simulation.rhythm import DAY, SECOND, instant
from streams.simulation.timeline import Tale
from streams.simulation.world import CHANNELS, SCALES, Scale

_EXPIRES_AFTER = 14 * DAY


def survey(rng: Random, contact: Contact, resolved_at: int, cycle: int, *, is_good: bool) -> Tale:
    """Tell of a survey and of its answer, on the scale of the channel."""
    ticket_id, way = contact.ticket.key, CHANNELS[contact.channel]
    survey_id, rating_id, scale = f"{ticket_id}-S{cycle}", f"{ticket_id}-R{cycle}", SCALES[way.scale]
    offered_at = resolved_at + 5 * SECOND
    expires_at = offered_at + _EXPIRES_AFTER
    yield (
        offered_at,
        SurveyOffered(
            ticket_id=ticket_id, survey_id=survey_id, channel=contact.channel, expires_at=instant(expires_at)
        ),
    )
    rated_at = offered_at + int(around(rng, way.survey_seconds, world.SURVEY_SPREAD) * SECOND) + SECOND
    if not happens(rng, world.ANSWERED_SHARE) or rated_at >= expires_at:
        return
    yield (
        rated_at,
        RatingSubmitted(
            ticket_id=ticket_id,
            rating_id=rating_id,
            raw=_raw(rng, scale, is_good=is_good),
            scale_min=scale.lowest,
            scale_max=scale.highest,
            source=RatingSource.CUSTOMER,
            survey_id=survey_id,
            comment=world.COMMENTS[is_good].draw(rng) if happens(rng, world.COMMENTED_SHARE) else None,
        ),
    )
    if happens(rng, world.REVISED_SHARE):
        raw = _raw(rng, scale, is_good=not is_good)
        yield rated_at + hours(rng, 3), RatingRevised(ticket_id=ticket_id, rating_id=rating_id, raw=raw)
    elif happens(rng, world.WITHDRAWN_SHARE):
        yield rated_at + seconds(rng, 600), RatingWithdrawn(ticket_id=ticket_id, rating_id=rating_id)


def other_survey(contact: Contact, resolved_at: int, cycle: int, *, is_good: bool) -> Tale:
    """Tell of one question more, asked of some a day later: of recommendation (NPS), else of effort (CES).

    It draws by itself, so that whether it is asked changes nothing else of the story.
    """
    ticket_id = contact.ticket.key
    rng = Random(f"{ticket_id}/{cycle}/{resolved_at}")
    if not happens(rng, world.MORE_ASKED_SHARE):
        return
    is_recommendation = happens(rng, world.RECOMMENDATION_SHARE)
    scale = world.RECOMMENDATION if is_recommendation else world.EASE
    offered_at = resolved_at + DAY + hours(rng, 4)
    survey_id, channel = f"{ticket_id}-Q{cycle}", "email"
    kind = SurveyKind.NPS if is_recommendation else SurveyKind.CES
    yield offered_at, SurveyOffered(ticket_id=ticket_id, survey_id=survey_id, channel=channel, kind=kind)
    if happens(rng, world.ANSWERED_SHARE):
        yield (
            offered_at + hours(rng, 9),
            RatingSubmitted(
                ticket_id=ticket_id,
                rating_id=f"{ticket_id}-N{cycle}",
                raw=_raw(rng, scale, is_good=is_good),
                scale_min=scale.lowest,
                scale_max=scale.highest,
                source=RatingSource.CUSTOMER,
                survey_id=survey_id,
                kind=kind,
            ),
        )


def self_rating(rng: Random, ticket_id: str, cycle: int) -> RatingSubmitted:
    """Return what an agent enters as the customer's opinion: almost always the best."""
    scale = world.ENTERED_SCALE
    return RatingSubmitted(
        ticket_id=ticket_id,
        rating_id=f"{ticket_id}-A{cycle}",
        raw=_raw(rng, scale, is_good=happens(rng, 0.97)),
        scale_min=scale.lowest,
        scale_max=scale.highest,
        source=RatingSource.AGENT,
    )


def _raw(rng: Random, scale: Scale, *, is_good: bool) -> float:
    return (scale.satisfied if is_good else scale.dissatisfied).draw(rng)
