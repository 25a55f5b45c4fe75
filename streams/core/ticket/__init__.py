"""Tickets: events become facts, facts a ticket, a ticket the rows that state it."""
