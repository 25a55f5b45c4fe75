"""Scopes: a rule that looks at each element of a list names its fields as if they were columns of the row.

Inside such a rule `{id}` is the element's; for the rest of the engine it gets a name of its own, `comments[].id`,
beside the row's `id`, which the rule calls `{$parent.id}`.
"""

import re
from typing import Any, Final

from streams.core.mapping.document import Condition, Conditions, Document, Rule, Value
from streams.core.mapping.path import DOCUMENT, HEADER, PARENT
from streams.core.mapping.template import FILE, ID, ROW, columns_of

_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_EVERYWHERE: Final = (DOCUMENT, HEADER)

Names = dict[str, tuple[str, str]]
"""By the name of a column: the list that it lies in, and its path within an element."""


def scoped(document: Document, names: Names) -> Document:
    """Return a mapping whose rules name what lies in lists by names of their own; the names are noted."""
    rules = [_Scope(rule.for_each, names).rule(rule) if rule.for_each else rule for rule in document.rule]
    return document.model_copy(update={"rule": rules})


class _Scope:
    def __init__(self, each: str, names: Names) -> None:
        self._each = each
        self._names = names

    def rule(self, rule: Rule) -> Rule:
        time = rule.time
        if time and time.from_:
            time = time.model_copy(update={"from_": [self._template(text) for text in time.from_]})
        return rule.model_copy(
            update={
                "when": self._conditions(rule.when),
                "id": rule.id and [self._template(text) for text in rule.id],
                "time": time,
                "data": {name: self._value(value) for name, value in rule.data.items()},
            }
        )

    def _conditions(self, conditions: Conditions) -> Conditions:
        return {self._column(column): self._condition(condition) for column, condition in conditions.items()}

    def _condition(self, condition: Condition) -> Condition:
        asked: dict[str, Any] = {name: getattr(condition, name) for name in condition.model_fields_set}
        changed = {
            name: self._template(told)
            for name, told in asked.items()
            if isinstance(told, str)  # lists are words, not templates
        }
        return condition.model_copy(update=changed)

    def _value(self, value: Value) -> Value:
        changed: dict[str, Any] = {"from_": value.from_ and [self._template(text) for text in value.from_]}
        if isinstance(value.decimals, str):
            changed["decimals"] = self._template(value.decimals)
        return value.model_copy(update=changed)

    def _template(self, template: str) -> str:
        return _PLACE.sub(lambda found: f"{{{self._place(found[1])}}}", template)

    def _place(self, place: str) -> str:
        """Return a place of a template with its column renamed; the spellings behind the column stay."""
        column = columns_of(f"{{{place}}}")[0]
        return self._column(column) + place[place.index(column) + len(column) :]

    def _column(self, column: str) -> str:
        if column in (ROW, FILE, ID) or column.startswith(_EVERYWHERE):
            return column
        if column.startswith(PARENT):
            return column.removeprefix(PARENT)
        name = f"{self._each}[].{column}"
        self._names[name] = (self._each, column)
        return name
