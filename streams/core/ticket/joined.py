"""Outcomes of batches that were folded one after the other, as one outcome to be written."""

from collections.abc import Sequence

from schemas.rows import TicketRow
from streams.core.ticket.batch import Outcome


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return one outcome that says what several say together, each folded on what the ones before it remembered.

    Of a ticket the last row is left, which knows all that the earlier ones know. Writing it amounts to writing the
    outcomes in their order.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    rows: dict[str, TicketRow] = {}
    whole = Outcome([], [], [], {})
    for outcome in outcomes:
        stated = {row.ticket_id: row for row in outcome.rows}
        # One that could not be stated this time stays as it could be before.
        whole.tickets |= {id: ticket for id, ticket in outcome.tickets.items() if id in stated or id not in rows}
        rows |= stated
        whole.events.extend(outcome.events)
        whole.dead.extend(outcome.dead)
        whole.beside.extend(outcome.beside)
        whole.schedules.extend(outcome.schedules)
        whole.statements.extend(outcome.statements)
        whole.left_out.extend(outcome.left_out)
        whole.kept |= outcome.kept
        whole.records |= outcome.records
    whole.rows = list(rows.values())
    return whole
