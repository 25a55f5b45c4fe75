"""Brings dashboards and alert rules into a Grafana through its API, and tells where that Grafana differs."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import cached_property, partial
from itertools import count
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote, urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import (
    GrafanaException,
    GrafanaTimeoutError,
    GrafanaUnauthorizedError,
    TokenAuth,
)
from niquests.exceptions import RequestException

from dashboards.alert.rule import INTERVAL_MS, KEPT_SINCE
from dashboards.alert.rules import GROUPS, Groups
from dashboards.dashboard import Dashboard
from dashboards.fault import GrafanaError
from dashboards.panel import DATASOURCE
from dashboards.render import DASHBOARDS
from dashboards.style import Json

FOLDER_UID: Final = "servicepulse"
FOLDER_TITLE: Final = "Service Pulse"
"""As `deploy/grafana` provisions it."""
_FOLDERS_A_PAGE: Final = 1_000
_PERHAPS_MISSING: Final = (403, 500)
"""What some versions answer an Editor who asks for something that is not there, instead of 404."""
_NEW_IN_GROUP_SINCE: Final = (11, 5, 2)
"""Before, a group could not be saved with rules that had a uid and were not there yet."""
TIMEOUT_SECONDS: Final = 15.0
_TEXT_CHARACTERS: Final = 60


class Change(StrEnum):
    """What happened to something, or would."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Step(NamedTuple):
    """One thing that was brought into Grafana: its kind, its uid, and what was done."""

    kind: str
    uid: str
    change: Change


class Difference(NamedTuple):
    """Where a Grafana is not what the code says: in which thing, and how."""

    uid: str
    what: str


class Grafana:
    """A Grafana behind its API; leaving the `with` block closes its connections.

    The alert rules and dashboards that it is to have are those that are checked in, unless others are given.
    """

    def __init__(
        self, url: str, token: str | None, groups: Groups = GROUPS, dashboards: Sequence[Dashboard] = DASHBOARDS
    ) -> None:
        self._groups = groups
        self._dashboards = dashboards
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaError("give Grafana as http://host:port or https://host:port")
        if parts.username or parts.password:
            raise GrafanaError("give the login as a token, not in the address")
        self._address = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        credential = TokenAuth(token) if token else None  # type: ignore[no-untyped-call]  # theirs has no types
        self._api = GrafanaApi.from_url(self._address, credential=credential, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.client.s.close()

    def differences(self) -> list[Difference]:
        """Return where Grafana differs from the code; what it adds by itself is no difference.

        Raises:
            GrafanaError: When it cannot be asked.
        """
        folder = self._folder()
        return [
            *(Difference(FOLDER_UID, what) for what in _folder_differences(folder)),
            *(
                Difference(one.uid, what)
                for one in self._dashboards
                for what in self._dashboard_differences(one.to_json(), folder)
            ),
            *(Difference(name, what) for name in self._groups for what in self._rules_differences(name)),
        ]

    def apply(self, data_source: Json | None = None) -> Iterator[Step]:
        """Create or update what differs, and say what was done. A second time in a row changes nothing.

        Args:
            data_source: What `data_source_of` returned, to be brought in too; None leaves data sources alone.

        Raises:
            GrafanaError: When it cannot be done; what was yielded before is done.
        """
        if data_source:
            yield self._apply_data_source(data_source)
        found = self._folder()
        yield self._apply_folder(found)
        folder = found or {"uid": FOLDER_UID, "title": FOLDER_TITLE}
        for one in self._dashboards:
            yield self._apply_dashboard(one.to_json(), folder)
        for name in self._groups:
            yield self._apply_rules(name, folder)

    def query(self, body: Json) -> Json:
        """Return the answer of `/api/ds/query`: what a panel would get.

        Raises:
            GrafanaError: When there is none.
        """
        answer: Json = self._ask("run a query", lambda: self._api.client.POST("/ds/query", json=body))
        return answer

    def _apply_data_source(self, wanted: Json) -> Step:
        uid = wanted["uid"]
        found = self._found(
            lambda: self._api.datasource.get_datasource_by_uid(uid),
            f"read the data source {uid}",
            lambda: any(one["uid"] == uid for one in self._api.datasource.list_datasources()),
        )
        if found is None:
            self._ask(f"create the data source {uid}", lambda: self._api.datasource.create_datasource(wanted))
            return Step("data source", uid, Change.CREATED)
        told = {key: value for key, value in wanted.items() if key != "secureJsonData"}
        if not list(_differing(told, found, "")):
            return Step("data source", uid, Change.UNCHANGED)
        self._ask(f"update the data source {uid}", lambda: self._api.datasource.update_datasource_by_uid(uid, wanted))
        return Step("data source", uid, Change.UPDATED)

    def _apply_folder(self, found: Json | None) -> Step:
        if found is None:
            self._ask("create the folder", lambda: self._api.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID))
            return Step("folder", FOLDER_UID, Change.CREATED)
        if found["title"] == FOLDER_TITLE:
            return Step("folder", found["uid"], Change.UNCHANGED)
        self._ask(
            "rename the folder",
            lambda: self._api.folder.update_folder(FOLDER_UID, title=FOLDER_TITLE, overwrite=True),
        )
        return Step("folder", FOLDER_UID, Change.UPDATED)

    def _folder(self) -> Json | None:
        """Return our folder: the one with our uid, else the one with our title.

        Alerting makes it under a uid of its own where rules are provisioned from files before anything else is.
        """
        listed = list(self._folders())
        by_uid = [one for one in listed if one["uid"] == FOLDER_UID]
        return next(iter(by_uid + [one for one in listed if one["title"] == FOLDER_TITLE]), None)

    def _folders(self) -> Iterator[Json]:
        for page in count(1):
            ask = partial(self._api.client.GET, f"/folders?limit={_FOLDERS_A_PAGE}&page={page}")
            found: list[Json] = self._ask("list the folders", ask)
            yield from found
            if len(found) < _FOLDERS_A_PAGE:
                return

    def _dashboard_differences(self, wanted: Json, folder: Json | None) -> list[str]:
        found = self._dashboard(wanted["uid"])
        if found is None:
            return ["the dashboard is missing"]
        place, home = found["meta"].get("folderUid", ""), folder["uid"] if folder else FOLDER_UID
        misplaced = [] if place == home else [f"it is in the folder {place!r}, not in {home!r}"]
        return misplaced + list(_differing(wanted, found["dashboard"], ""))

    def _apply_dashboard(self, wanted: Json, folder: Json) -> Step:
        uid = wanted["uid"]
        exists = self._dashboard(uid)
        if exists and not self._dashboard_differences(wanted, folder):
            return Step("dashboard", uid, Change.UNCHANGED)
        if exists and exists["meta"].get("provisioned"):
            raise _provisioned(uid)
        body = {
            "dashboard": wanted,
            "folderUid": folder["uid"],
            "overwrite": True,
            "message": "servicepulse dashboards apply",
        }
        self._ask(f"save the dashboard {uid}", lambda: self._api.dashboard.update_dashboard(body))
        return Step("dashboard", uid, Change.UPDATED if exists else Change.CREATED)

    def _dashboard(self, uid: str) -> Json | None:
        return self._found(
            lambda: self._api.dashboard.get_dashboard(uid),
            f"read the dashboard {uid}",
            lambda: bool(self._api.client.GET(f"/search?type=dash-db&dashboardUIDs={uid}")),
        )

    def _rules_differences(self, name: str) -> list[str]:
        place = self._place_of(name)
        if place is None:
            return ["the alert rules are missing"]
        return list(_differing(self._group(name, place), self._rules(name, place), ""))

    def _apply_rules(self, name: str, folder: Json) -> Step:
        place = self._place_of(name)
        home = place or folder["uid"]
        wanted = self._group(name, home)
        found = self._rules(name, home) if place else None
        if found and not list(_differing(wanted, found, "")):
            return Step("alert rules", name, Change.UNCHANGED)
        if found and any(rule.get("provenance") == "file" for rule in found["rules"]):
            raise _provisioned(f"the rule group {name!r}")
        self._ask(f"save the alert rules {name!r}", lambda: self._save_rules(wanted, found))
        return Step("alert rules", name, Change.UPDATED if found else Change.CREATED)

    def _save_rules(self, wanted: Json, found: Json | None) -> None:
        known = {rule["uid"] for rule in found["rules"]} if found else set()
        if self._version < _NEW_IN_GROUP_SINCE:
            for rule in wanted["rules"]:
                if rule["uid"] not in known:
                    self._api.alertingprovisioning.create_alertrule(rule)
        self._api.alertingprovisioning.update_rule_group(wanted["folderUid"], quote(wanted["title"]), wanted)

    def _place_of(self, name: str) -> str | None:
        """Return the folder in which a Grafana has rules of a group of ours, wherever that is; None where it has none.

        A rule is known by its uid: saved into another folder it would be a conflict.
        """
        listed = self._ask("list the alert rules", self._api.alertingprovisioning.get_alertrules_all)
        uids = {rule.uid for rule in self._groups[name]}
        places = [one["folderUID"] for one in listed if one["uid"] in uids and one["ruleGroup"] == name]
        return next(iter(places), None)

    def _rules(self, name: str, folder_uid: str) -> Json:
        get = self._api.alertingprovisioning.get_rule_group
        found: Json = self._ask(f"read the rule group {name!r}", lambda: get(folder_uid, quote(name)))
        return found

    def _group(self, name: str, folder_uid: str) -> Json:
        """Return a group of alert rules as the API of this version takes it."""
        rules = [rule.to_api(name, folder_uid, keeps=self._version >= KEPT_SINCE) for rule in self._groups[name]]
        return {"title": name, "folderUid": folder_uid, "interval": INTERVAL_MS // 1000, "rules": rules}

    @cached_property
    def _version(self) -> tuple[int, ...]:
        """Return the version there; one that does not say so is taken for new."""
        said = self._ask("ask for the version", lambda: self._api.version)
        return tuple(int(part) for part in re.findall(r"\d+", str(said))[:3]) or (1_000,)

    def _found(self, ask: Callable[[], Any], what: str, is_listed: Callable[[], bool]) -> Json | None:
        """Return what Grafana has, None when it has no such thing; a listing decides where the answer may mean both."""
        try:
            with self._named_errors(what):
                found: Json = ask()
        except GrafanaError as error:
            status = error.__cause__.status_code if isinstance(error.__cause__, GrafanaException) else None
            if status == 404 or (status in _PERHAPS_MISSING and not self._ask(what, is_listed)):
                return None
            raise
        return found

    def _ask(self, what: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever that call answers
        with self._named_errors(what):
            return ask()

    @contextmanager
    def _named_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except GrafanaUnauthorizedError as error:
            raise GrafanaError(
                f"{self._address} refuses the token: make one for a service account with the role Editor (Admin for "
                "the data source), and set SERVICEPULSE_GRAFANA_TOKEN to it"
            ) from error
        except (GrafanaTimeoutError, RequestException, OSError) as error:
            raise GrafanaError(
                f"{self._address} does not answer: is it up, and is SERVICEPULSE_GRAFANA its address?"
            ) from error
        except GrafanaException as error:
            raise GrafanaError(f"could not {what}: {_reason(error)}") from error


def _folder_differences(found: Json | None) -> list[str]:
    if found is None:
        return ["the folder is missing"]
    return list(_differing({"title": FOLDER_TITLE}, found, ""))


def _provisioned(what: str) -> GrafanaError:
    return GrafanaError(
        f"{what} is provisioned from a file of that Grafana, which the API cannot change: render the files and bring "
        "them there, or remove that provisioning"
    )


def _reason(error: GrafanaException) -> str:
    """Return why, as Grafana says it, with what usually helps."""
    hints = {
        403: "; the token's role must be Editor, for the data source Admin",
        409: "; another change came in between, try again",
        412: "; another dashboard has this name or was changed meanwhile, try again or rename it there",
    }
    return f"{error.message}{hints.get(error.status_code, '')}"


# What differs ---------------------------------------------------------------------------------------------------------

_RISING: Final = "schemaVersion"
"""Grafana brings an older schema up to date when it reads a dashboard."""


def _differing(wanted: Any, found: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield where what was found lacks or contradicts what is wanted; more keys than wanted are fine."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key == _RISING and isinstance(found.get(key), int) and found[key] >= value:
                continue
            yield from _differing(value, found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for i, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differing(one, other, f"{path}[{i}]")
    elif wanted != found and not (_is_nothing(wanted) and _is_nothing(found)):
        yield f"{path}: {_brief(found)} there, {_brief(wanted)} here"


def _is_nothing(value: Any) -> bool:  # noqa: ANN401
    """Tell whether Grafana may have left it out: what is empty and what is absent are the same to it."""
    return value is None or value in ("", [], {})


def _brief(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[:_TEXT_CHARACTERS]}…"


# The data source ------------------------------------------------------------------------------------------------------


def data_source_of(url: str, username: str, password: str, database: str) -> Json:
    """Return the data source of a ClickHouse over HTTP, as Grafana's API takes it.

    Args:
        url: As Grafana reaches it, `http[s]://host:port`.
        username: Of a user that may only read.
        password: Its password.
        database: Where the tables are.

    Raises:
        GrafanaError: When it is no such address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.port:
        raise GrafanaError("give ClickHouse for the data source as http://host:port or https://host:port")
    return {
        "name": "ClickHouse",
        "uid": DATASOURCE["uid"],
        "type": DATASOURCE["type"],
        "access": "proxy",
        "isDefault": True,
        "jsonData": {
            "version": "4.20.0",
            "host": parts.hostname,
            "port": parts.port,
            "protocol": "http",
            "secure": parts.scheme == "https",
            "username": username,
            "defaultDatabase": database,
            "dialTimeout": "10",
            "queryTimeout": "20",
            "enableRowLimit": False,
        },
        "secureJsonData": {"password": password},
    }


def query_body(target: Json, sql: str, *, seconds: int, step_seconds: float) -> Json:
    """Return the body of `/api/ds/query` that a panel's target becomes.

    Args:
        target: Of the panel.
        sql: Its SQL once the browser has filled in the variables.
        seconds: The length of the range, which ends now.
        step_seconds: The width of a step.
    """
    query = target | {"rawSql": sql, "intervalMs": int(step_seconds * 1000), "maxDataPoints": 1_000}
    return {"queries": [query], "from": f"now-{seconds}s", "to": "now"}


def kinds_of(steps: Sequence[Step]) -> Mapping[Change, int]:
    """Return how many things were created, updated and left as they were."""
    return {change: sum(step.change is change for step in steps) for change in Change}
