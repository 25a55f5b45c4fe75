"""The order in which several processes share the files of tests."""

from tests.order import LONG, seconds_of
from tests.space import ROOT


def test_every_file_that_is_listed_as_long_is_there() -> None:
    assert [name for name in LONG if not (ROOT / "tests" / name).is_file()] == []


def test_a_test_is_as_long_as_its_file() -> None:
    name, seconds = next(iter(LONG.items()))
    assert seconds_of(f"tests/{name}::test_anything[1::2]") == seconds > 0
    assert seconds_of("tests/unit/test_order.py::test_a_test_is_as_long_as_its_file") == 0
