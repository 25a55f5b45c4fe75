"""How far a simulation is, trial by trial."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")


def watched(trials: Iterable[T], total: int, named: Callable[[T], str], what: str = "trials") -> Iterator[T]:
    """Yield trials as they are done, with a bar on a terminal.

    Args:
        trials: Each is done as it is asked for.
        total: How many there are.
        named: What the bar says of the last one.
        what: They are.
    """
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(f"{what}, {{task.description}}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total)
        for trial in trials:
            bars.update(task, advance=1, description=named(trial))
            yield trial
