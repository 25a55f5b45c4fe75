"""`policies`: the desk's own definitions go from a file to everyone who measures by them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from schemas.events import PolicyPublished
from schemas.instant import zone_of
from schemas.policy import TARGETS, Important, Policy, Worth
from schemas.rows import Ms
from schemas.version import in_force
from streams.cli.connection import open_client, resolve
from streams.cli.signs import shown
from streams.cli.stated_file import read_stated
from streams.cli.wording import policy_text, rule_text, settled_text
from streams.clock import SystemClock
from streams.core.policy.policy_file import policy_of
from streams.core.policy.published import BUILT_IN, Change, change_of
from streams.core.window import local_of
from streams.core.worth.money import digits_of
from streams.settings import Settings, load_settings
from streams.sinks.policy import standing

app = typer.Typer(
    help="The desk's own definitions, satisfied and in time: publish them, look at those that count.",
    no_args_is_help=True,
)
console = Console(soft_wrap=True)

SOURCE: Final = "urn:servicepulse:policies"
_NOW: Final = (
    "from which n on figures are shown, the line, and settled when: by the version in force now, for all times"
)
_TITLES: Final = {"first_response": "first response", "response": "any response", "resolution": "resolution"}


@app.command()
def publish(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="TOML; not given: the file of the setting `policy`.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and publish nothing.")] = False,
) -> None:
    """Publish the policy of a file, unless it counts already.

    All faults of the file are told at once, and then nothing is published. The past is measured by the version that
    was in force then, as soon as a worker has stored the policy: nothing needs to be folded again.

    Example: `servicepulse policies publish policy.toml --dry-run`
    """
    settings = resolve(load_settings(), needs=("clickhouse",) if dry_run else ("kafka", "clickhouse"))
    wanted = read_stated(
        file or settings.policy, policy_of, "name a file with a policy, or set SERVICEPULSE_POLICY to one"
    )
    change = change_of(wanted, standing(open_client(settings)), SystemClock().now_ms())
    _show(wanted)
    if change is None:
        console.print("unchanged: this policy counts already", highlight=False)
        return
    console.print(f"what happened from {_date(change.differs_at)} UTC on is measured otherwise", highlight=False)
    console.print(_NOW, style="dim", highlight=False)
    if not dry_run:
        _publish(settings, change)
        console.print("the policy is published", highlight=False)


@app.command()
def withdraw() -> None:
    """Take the policy back: what is built in counts again, of the past too.

    Example: `servicepulse policies withdraw`
    """
    settings = resolve(load_settings())
    change = change_of((), standing(open_client(settings)), SystemClock().now_ms())
    if change is None:
        raise typer.BadParameter("no policy counts: there is none to take back")
    _publish(settings, change)
    console.print("the policy is withdrawn: what is built in counts", highlight=False)


@app.command()
def show() -> None:
    """Show the policy that counts: every version, and which of them is in force.

    Example: `servicepulse policies show`
    """
    stands = standing(open_client(load_settings()))
    versions = stands.versions if stands else ()
    if not stands or not versions:
        console.print(
            "No policy counts, so that what is built in does. Yours: [bold]servicepulse policies publish FILE[/]"
        )
        _show((BUILT_IN,))
        return
    console.print(f"published {_date(stands.published_at)} UTC", highlight=False)
    _show(versions)


def _publish(settings: Settings, change: Change) -> None:
    from streams.publisher import Publisher  # takes longer to import than showing a policy takes

    with Publisher.from_settings(settings, source=SOURCE) as publisher:
        content = PolicyPublished(versions=change.versions)
        publisher.publish(content, id=change.id, time=local_of(change.published_at, zone_of("UTC")))


def _show(versions: Sequence[Policy]) -> None:
    now = in_force(versions, SystemClock().now_ms())
    table = Table(box=None, header_style="dim")
    for heading in ("from", "", "says"):
        table.add_column(heading, overflow="fold")
    for version in versions:
        since = policy_text(version)
        for number, line in enumerate(_lines(version)):
            marks = ("", "") if number else (since, "in force" if version is now else "")
            table.add_row(*marks, shown(line))
    console.print(table)


def _lines(version: Policy) -> Iterator[str]:
    yield f"satisfied from {version.satisfied_from:g} of 100"
    for one in version.scales:
        yield f"satisfied from {one.satisfied_from:g} on the scale from {one.scale_min:g} to {one.scale_max:g}"
    for target in TARGETS:
        rules = getattr(version, target)
        if not rules:
            yield f"{_TITLES[target]}: no target"
        for rule in rules:
            yield f"{_TITLES[target]} {rule_text(rule)}"
    yield _important(version.important)
    yield f"figures are shown from n = {version.least_n} on"
    yield f"a reason is above the line from {100 * version.reason_share:g} % on"
    for reason, department in sorted(version.departments.items()):
        yield f"{department} can remove the cause of {reason}"
    if version.worth:
        yield f"money is added up in {version.worth.currency}{_cost(version.worth)}"
    yield f"figures are settled after {settled_text(version)}"


def _important(said: Important) -> str:
    if not said.priorities:
        return "no contact in a queue is important"
    who = " or ".join(one or "none" for one in said.priorities)
    return f"important contacts (priority {who}) are missed after {said.within} in a queue, or when they are given up"


def _cost(worth: Worth) -> str:
    rates = ", ".join(f"1 {code} is {rate:g}" for code, rate in sorted(worth.rates.items()))
    digits = digits_of(worth.currency)
    hour = f", an hour of work costs {worth.cost_per_hour / 10**digits:,.{digits}f}" if worth.cost_per_hour else ""
    return hour + (f", {rates}" if rates else "")


def _date(at: Ms) -> str:
    return f"{local_of(at, zone_of('UTC')):%Y-%m-%d %H:%M}"
