"""A peer: a loop by hand, of confluent-kafka, a dictionary and clickhouse-connect.

Five thousand events are read, folded and written at once; offsets are committed after writing, so that no event is
lost. The dictionary is: a process that ends forgets its tickets, and the next one goes on with empty ones. It is the
least that anybody can write, and so the fastest that Python with these clients is likely to be in one thread.
"""

from confluent_kafka import Consumer

from tests.race.desk import ROWS_AT_ONCE, Run, Store, Ticket, decode, event_row, fold, given, ticket_row


def main() -> None:
    run = given()
    store = Store(run)
    consumer = Consumer(options(run))
    consumer.subscribe([run.topic])
    tickets: dict[str, Ticket] = {}
    done = 0
    while done < run.events:
        records = consumer.consume(min(ROWS_AT_ONCE, run.events - done), timeout=0.5)
        if not records:
            continue
        store.begin()
        rows, changed = [], {}
        for record in records:
            if record.error():
                raise RuntimeError(str(record.error()))
            event = decode(record.value())
            at_ms = event.at_ms()
            ticket = tickets.get(event.subject)
            if ticket is None:
                ticket = tickets[event.subject] = Ticket()
            fold(ticket, event, at_ms)
            rows.append(event_row(event, at_ms))
            changed[event.subject] = ticket
        store.write(rows, (ticket_row(subject, ticket) for subject, ticket in changed.items()))
        consumer.commit(asynchronous=False)
        done += len(records)
    consumer.close()


def options(run: Run) -> dict[str, str | int | bool]:
    """Return what its consumer needs."""
    return {
        "bootstrap.servers": run.kafka,
        "group.id": run.group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 10_000,
    }


if __name__ == "__main__":
    main()
