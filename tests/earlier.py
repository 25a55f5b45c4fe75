"""History that is made by repeating rows earlier, each column moved by SQL."""


def moved(name: str, type_: str, by: str) -> str:
    """Return SQL of a column of `tickets`, `events` or `orders` as it was earlier; ids stay as they are.

    What goes on ends with the last event, as it would at a desk that closed its tickets.

    Args:
        name: Of the column.
        type_: In words of ClickHouse.
        by: SQL of an interval of whole days.
    """
    column = f"`{name}`"
    if name == "open.until":
        return f"arrayMap(at -> ifNull(at, last_event_at) - {by}, {column})"
    if name == "days":
        return f"arrayMap(day -> day - {by}, {column})"
    if "DateTime64" not in type_:
        return column
    if type_.startswith("Array(Array("):
        parts = range(1, type_.count("DateTime64") + 1)
        ends = [f"least(at.{part}, last_event_at)" for part in parts] if "Tuple" in type_ else ["at"]
        return f"arrayMap(list -> arrayMap(at -> ({', '.join(f'{end} - {by}' for end in ends)}), list), {column})"
    if type_.startswith("Array("):
        return f"arrayMap(at -> at - {by}, {column})"
    return f"{column} - {by}"
