"""How Grafana turns the SQL of a panel into what ClickHouse gets: first the browser, then the plugin.

Follows version 4.20.0 of the ClickHouse data source, with one difference: a value never leaves its quotes. Grafana
escapes less, and a backslash before the closing quote gets through there.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

ALL: Final = "$__all"
"""The value of a variable of which everything is chosen."""

Value = str | Sequence[str]
"""A text is one value, put in as it is; a sequence is the choice of a variable that takes several, put in quoted."""


class MacroError(Exception):
    """The SQL cannot be expanded: a macro has the wrong arguments, or a value stands where it could do harm."""


# Text -----------------------------------------------------------------------------------------------------------------

Kind = Literal["code", "literal", "identifier", "comment"]

_TOKEN: Final = re.compile(
    r"""(?P<literal>'(?:[^'\\]|\\.|'')*')
      | (?P<identifier>"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)
      | (?P<comment>--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    """,
    re.VERBOSE | re.DOTALL,
)


def _tokens(sql: str) -> Iterator[tuple[Kind, str]]:
    end = 0
    for match in _TOKEN.finditer(sql):
        if match.start() > end:
            yield "code", sql[end : match.start()]
        kind: Kind = "literal" if match["literal"] else "identifier" if match["identifier"] else "comment"
        yield kind, match[0]
        end = match.end()
    if end < len(sql):
        yield "code", sql[end:]


def _without_comments(sql: str) -> str:
    return "".join(" " if kind == "comment" else text for kind, text in _tokens(sql))


def _arguments(sql: str, opening: int) -> tuple[list[str], int]:
    """Return the arguments of the call whose bracket opens there, and where the text goes on behind it.

    Raises:
        MacroError: When the bracket is not closed.
    """
    depth, begin, position = 0, opening + 1, opening
    arguments: list[str] = []
    while position < len(sql):
        if token := _TOKEN.match(sql, position):
            position = token.end()
            continue
        letter = sql[position]
        depth += (letter == "(") - (letter == ")")
        if depth == 0 or (depth == 1 and letter == ","):
            arguments.append(sql[begin:position].strip())
            begin = position + 1
        if depth == 0:
            return ([] if arguments == [""] else arguments), begin
        position += 1
    raise MacroError(f"a bracket is not closed: {sql[opening : opening + 60]!r}")


# In the browser -------------------------------------------------------------------------------------------------------

_CONDITIONAL: Final = "$__conditionalAll("
_REFERENCE: Final = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<format>[\w:]*))?\}|\$(?P<bare>\w+)")
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_.]+")
_ESCAPES: Final = {"\\": r"\\", "'": r"\'", '"': r"\"", "`": r"\`", "$": r"\x24", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def interpolate(sql: str, variables: Mapping[str, Value]) -> str:
    """Return the SQL with variables and `$__conditionalAll` replaced, as the browser sends it to the plugin.

    What is not among the variables stays as it is: it may be a macro of the plugin. Comments stay as they are.

    Raises:
        MacroError: When a value could break out of the place where it stands, when "all" would reach the engine, or
            when `$__conditionalAll` has the wrong arguments.
    """
    filled = (_filled(kind, text, variables) for kind, text in _tokens(_conditions(sql, variables)))
    return "".join(filled)


def built_in(*, from_ms: int, to_ms: int, interval_seconds: float) -> dict[str, str]:
    """Return the variables that a dashboard has without declaring them."""
    return {
        "__from": str(from_ms),
        "__to": str(to_ms),
        "__interval": interval_text(interval_seconds),
        "__interval_ms": str(round(interval_seconds * 1000)),
        "__range": f"{(to_ms - from_ms) // 1000}s",
        "__range_s": str((to_ms - from_ms) // 1000),
        "__range_ms": str(to_ms - from_ms),
    }


def is_all(value: Value | None) -> bool:
    """Tell whether a variable stands for everything: all of it is chosen, or nothing."""
    return not value or value == ALL or list(value) == [ALL]


def _conditions(sql: str, variables: Mapping[str, Value]) -> str:
    before, found, _ = sql.partition(_CONDITIONAL)
    if not found:
        return sql
    arguments, end = _arguments(sql, len(before) + len(_CONDITIONAL) - 1)
    if len(arguments) != 2:
        raise MacroError(f"$__conditionalAll takes a condition and a variable, it got {len(arguments)} arguments")
    condition, variable = arguments
    name = variable.removeprefix("$").removeprefix("{").removesuffix("}")
    if not variable.startswith("$") or not name.isidentifier():
        raise MacroError(f"the second argument of $__conditionalAll must be a plain variable, it is {variable!r}")
    chosen = "1=1" if is_all(variables.get(name)) else _conditions(condition, variables)
    return before + chosen + _conditions(sql[end:], variables)


def _filled(kind: Kind, text: str, variables: Mapping[str, Value]) -> str:
    if kind == "comment":
        return text

    def fill(reference: re.Match[str]) -> str:
        name = reference["braced"] or reference["bare"]
        if name not in variables:
            return reference[0]
        if variables[name] != "" and is_all(variables[name]):
            raise MacroError(
                f"all of ${name} is chosen, or nothing: the query needs $__conditionalAll around {reference[0]}"
            )
        return _inserted(kind, reference[0], variables[name], reference["format"])

    return _REFERENCE.sub(fill, text)


def _inserted(kind: Kind, reference: str, value: Value, wanted: str | None) -> str:
    """Return what stands for a reference; only what is quoted, or inside of quotes, may hold any letter."""
    values = [value] if isinstance(value, str) else list(value)
    quotes = {"singlequote": "'", "sqlstring": "'", "doublequote": '"'}
    quote = quotes.get(wanted or "") or ("'" if not wanted and not isinstance(value, str) else None)
    if quote and kind == "code":
        return ",".join(f"{quote}{escaped(each)}{quote}" for each in values)
    if quote:
        raise MacroError(f"{reference} brings its own quotes and must not stand inside of others")
    if wanted not in {None, "", "raw", "csv", "pipe"}:
        raise MacroError(f"{reference}: the format {wanted} is not known here, use singlequote")
    return ("|" if wanted == "pipe" else ",").join(map(escaped if kind != "code" else _harmless, values))


def escaped(value: str) -> str:
    """Return the text between the quotes of a literal that means this value.

    A `$` is written by its number, so that no macro is found in a value.
    """
    return "".join(_ESCAPES.get(letter) or (letter if letter >= " " else f"\\x{ord(letter):02x}") for letter in value)


def _harmless(value: str) -> str:
    if not _HARMLESS.fullmatch(value):
        raise MacroError(f"{value[:40]!r} may not stand in SQL without quotes: the query needs the format singlequote")
    return value


# In the plugin --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Range:
    """What macros know of a request."""

    from_ms: int
    to_ms: int
    interval_seconds: float

    @property
    def ends(self) -> tuple[str, str]:
        return f"toDateTime({self.from_ms // 1000})", f"toDateTime({self.to_ms // 1000})"

    @property
    def ends_ms(self) -> tuple[str, str]:
        return f"fromUnixTimestamp64Milli({self.from_ms})", f"fromUnixTimestamp64Milli({self.to_ms})"

    @property
    def days(self) -> tuple[str, str]:
        first, last = (datetime.fromtimestamp(at // 1000, UTC).date() for at in (self.from_ms, self.to_ms))
        return f"toDate('{first}')", f"toDate('{last}')"

    @property
    def step(self) -> int:
        return max(1, int(self.interval_seconds))

    @property
    def step_ms(self) -> int:
        return max(1, int(self.interval_seconds * 1000))


def expand(sql: str, *, from_ms: int, to_ms: int, interval_seconds: float) -> str:
    """Return the SQL with the macros of the plugin replaced, as ClickHouse gets it.

    Args:
        sql: What `interpolate` returned.
        from_ms: Begin of the range, milliseconds since 1970.
        to_ms: Its end; macros include it.
        interval_seconds: Width of the steps of a series; the plugin rounds it down, to 1 at least.

    Raises:
        MacroError: When a macro has the wrong number of arguments, or a duration is none.
    """
    return _expanded(_without_comments(sql), _Range(from_ms, to_ms, interval_seconds))


def _expanded(sql: str, span: _Range) -> str:
    written: list[str] = []
    end = 0
    for match in re.finditer(r"\$__(\w+)", sql):
        if match.start() < end or match[1] not in _MACROS:
            continue
        count, write = _MACROS[match[1]]
        takes_brackets = sql.startswith("(" if count else "()", match.end())
        arguments, after = _arguments(sql, match.end()) if takes_brackets else ([], match.end())
        if len(arguments) != count:
            raise MacroError(f"{match[0]} takes {count} arguments, it got {len(arguments)}")
        written += sql[end : match.start()], write(span, [_expanded(argument, span) for argument in arguments])
        end = after
    return "".join(written) + sql[end:]


def _between(column: str, ends: tuple[str, str]) -> str:
    return f"{column} >= {ends[0]} AND {column} <= {ends[1]}"


def _date_and_time(span: _Range, arguments: Sequence[str]) -> str:
    return f"({_between(arguments[0], span.days)}) AND ({_between(arguments[1], span.ends)})"


def _grouped(column: str, step: int) -> str:
    return f"toStartOfInterval(toDateTime({column}), INTERVAL {step} second)"


def _grouped_ms(column: str, step: int) -> str:
    return f"toStartOfInterval(toDateTime64({column}, 3), INTERVAL {step} millisecond)"


_Writer = Callable[[_Range, Sequence[str]], str]

_MACROS: Final[Mapping[str, tuple[int, _Writer]]] = {
    "timeFilter": (1, lambda span, given: _between(given[0], span.ends)),
    "timeFilter_ms": (1, lambda span, given: _between(given[0], span.ends_ms)),
    "dateFilter": (1, lambda span, given: _between(given[0], span.days)),
    "dateTimeFilter": (2, _date_and_time),
    "dt": (2, _date_and_time),
    "fromTime": (0, lambda span, _: span.ends[0]),
    "toTime": (0, lambda span, _: span.ends[1]),
    "fromTime_ms": (0, lambda span, _: span.ends_ms[0]),
    "toTime_ms": (0, lambda span, _: span.ends_ms[1]),
    "timeFrom": (1, lambda span, given: f"{given[0]} >= {span.ends[0]}"),
    "timeTo": (1, lambda span, given: f"{given[0]} <= {span.ends[1]}"),
    "timeInterval": (1, lambda span, given: _grouped(given[0], span.step)),
    "timeInterval_ms": (1, lambda span, given: _grouped_ms(given[0], span.step_ms)),
    "timeGroup": (2, lambda _, given: _grouped(given[0], int(_go_seconds(given[1])))),
    "interval_s": (0, lambda span, _: str(span.step)),
    "interval": (0, lambda span, _: interval_text(span.interval_seconds)),
    "interval_ms": (0, lambda span, _: str(span.step_ms)),
}
"""Name: how many arguments, and what is written for them."""

_GO_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def _go_seconds(text: str) -> float:
    """Return the seconds of a duration as Go reads it: 90s, 5m, 1h30m; it knows no days."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise MacroError(f"$__timeGroup needs a duration such as 30s, 5m or 1h, it got {text!r}")
    return sum(float(number) * _GO_SECONDS[unit] for number, unit in parts)


def interval_text(seconds: float) -> str:
    """Return a step as Grafana writes it: 30s, 5m, 1h, 2d; it rounds down to the largest unit that fits."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds * 1000)}ms"
