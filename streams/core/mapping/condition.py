"""Conditions: whether the cells of a row are what a rule asks for."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final, Literal, TypeAlias

from streams.core.mapping.document import Condition, Conditions
from streams.core.mapping.fault import RowError
from streams.core.mapping.number import number_of
from streams.core.mapping.template import Row

Predicate: TypeAlias = Callable[[Row], bool]

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {"above": gt, "at_least": ge, "below": lt, "at_most": le}


def predicate_of(conditions: Conditions, decimal: Literal[".", ","]) -> Predicate:
    """Return the function that says whether all conditions hold on a row.

    It raises `RowError` when a cell that is to be compared with a number holds something else. An empty cell is neither
    above nor below anything.
    """
    tests = [test for column, condition in conditions.items() for test in _tests(column, condition, decimal)]
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _tests(column: str, condition: Condition, decimal: Literal[".", ","]) -> Iterable[Predicate]:
    if condition.one_of is not None:
        yield _membership(column, condition.one_of, wanted=True)
    if condition.none_of is not None:
        yield _membership(column, condition.none_of, wanted=False)
    if condition.empty is not None:
        wanted = condition.empty
        yield lambda row: (row[column] == "") is wanted
    for name in _COMPARISONS:
        bound = getattr(condition, name)
        if bound is not None:
            yield _comparison(column, name, Decimal(str(bound)), decimal)


def _membership(column: str, words: Iterable[str], *, wanted: bool) -> Predicate:
    known = frozenset(words)
    return lambda row: (row[column] in known) is wanted


def _comparison(column: str, name: str, bound: Decimal, decimal: Literal[".", ","]) -> Predicate:
    compare = _COMPARISONS[name]

    def holds(row: Row) -> bool:
        cell = row[column]
        if not cell:
            return False
        try:
            return compare(number_of(cell, decimal), bound)
        except RowError as error:
            raise RowError(f"column {column}: {error}") from None

    return holds
