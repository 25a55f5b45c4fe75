"""The contract: events, their encoding, the rows of the database and its migrations."""
