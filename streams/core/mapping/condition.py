"""Conditions: whether the cells of a row are what a rule asks for."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final, TypeAlias

from streams.core.mapping.document import Bound, Condition, Conditions
from streams.core.mapping.fault import RowError
from streams.core.mapping.instant import Reader
from streams.core.mapping.number import number_of
from streams.core.mapping.setting import Setting
from streams.core.mapping.template import Row, Text, filled_by

Predicate: TypeAlias = Callable[[Row], bool]

_NUMBERS: Final[dict[str, Callable[[Any, Any], bool]]] = {"above": gt, "at_least": ge, "below": lt, "at_most": le}
_TIMES: Final[dict[str, Callable[[Any, Any], bool]]] = {"after": gt, "before": lt}


def predicate_of(conditions: Conditions, setting: Setting) -> Predicate:
    """Return the function that says whether all conditions hold on a row.

    It raises `RowError` when a cell that is to be compared holds something else than a number, or a time. What is empty
    is neither above nor below anything, neither after nor before.

    Raises:
        ValueError: When times are to be compared and the mapping does not say how they are written.
    """
    tests = [test for column, condition in conditions.items() for test in _tests(column, condition, setting)]
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _tests(column: str, condition: Condition, setting: Setting) -> Iterable[Predicate]:
    if condition.one_of is not None:
        yield _membership(column, condition.one_of, wanted=True)
    if condition.none_of is not None:
        yield _membership(column, condition.none_of, wanted=False)
    if condition.empty is not None:
        wanted = condition.empty
        yield lambda row: (row[column] == "") is wanted
    if condition.equals is not None:
        yield _likeness(column, filled_by(condition.equals, setting.spellings), wanted=True)
    if condition.differs is not None:
        yield _likeness(column, filled_by(condition.differs, setting.spellings), wanted=False)
    for name, compare in _NUMBERS.items():
        if (bound := getattr(condition, name)) is not None:
            yield _of_numbers(column, compare, bound, setting)
    for name, compare in _TIMES.items():
        if (other := getattr(condition, name)) is not None:
            yield _of_times(column, compare, filled_by(other, setting.spellings), setting.read_time)


def _membership(column: str, words: Iterable[str], *, wanted: bool) -> Predicate:
    known = frozenset(words)
    return lambda row: (row[column] in known) is wanted


def _likeness(column: str, other: Text, *, wanted: bool) -> Predicate:
    return lambda row: (row[column] == other(row)) is wanted


def _of_numbers(column: str, compare: Callable[[Any, Any], bool], bound: Bound, setting: Setting) -> Predicate:
    other = filled_by(bound if isinstance(bound, str) else _text(bound, setting), setting.spellings)
    return _comparison(column, compare, other, lambda text: number_of(text, setting.decimal, setting.thousands))


def _text(bound: float, setting: Setting) -> str:
    return f"{Decimal(str(bound)):f}".replace(".", setting.decimal)


def _of_times(column: str, compare: Callable[[Any, Any], bool], other: Text, read: Reader | None) -> Predicate:
    if read is None:
        raise ValueError("to compare times needs [time], which says how they are written")
    return _comparison(column, compare, other, read)


def _comparison(column: str, compare: Callable[[Any, Any], bool], other: Text, read: Callable[[str], Any]) -> Predicate:
    def holds(row: Row) -> bool:
        cell, bound = row[column], other(row)
        if not cell or not bound:
            return False
        try:
            return compare(read(cell), read(bound))
        except RowError as error:
            raise RowError(f"column {column}: {error}") from None

    return holds
