"""Brings dashboards and alert rules into a Grafana through its API, and tells where that Grafana differs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote, urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import (
    GrafanaClientError,
    GrafanaException,
    GrafanaTimeoutError,
    GrafanaUnauthorizedError,
    TokenAuth,
)
from niquests.exceptions import RequestException

from dashboards.alert.rule import INTERVAL_MS
from dashboards.alert.rules import GROUPS
from dashboards.fault import GrafanaError
from dashboards.panel import DATASOURCE
from dashboards.render import DASHBOARDS
from dashboards.style import Json

FOLDER_UID: Final = "servicepulse"
FOLDER_TITLE: Final = "Service Pulse"
"""As `deploy/grafana` provisions it."""
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
    """A Grafana behind its API; leaving the `with` block closes its connections."""

    def __init__(self, url: str, token: str | None) -> None:
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
        return [
            *(Difference(FOLDER_UID, what) for what in self._folder_differences()),
            *(Difference(one.uid, what) for one in DASHBOARDS for what in self._dashboard_differences(one.to_json())),
            *(Difference(name, what) for name in GROUPS for what in self._rules_differences(_group(name))),
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
        yield self._apply_folder()
        for one in DASHBOARDS:
            yield self._apply_dashboard(one.to_json())
        for name in GROUPS:
            yield self._apply_rules(_group(name))

    def query(self, body: Json) -> Json:
        """Return the answer of `/api/ds/query`: what a panel would get.

        Raises:
            GrafanaError: When there is none.
        """
        answer: Json = self._ask("run a query", lambda: self._api.client.POST("/ds/query", json=body))
        return answer

    def _apply_data_source(self, wanted: Json) -> Step:
        uid = wanted["uid"]
        found = self._found(lambda: self._api.datasource.get_datasource_by_uid(uid), f"read the data source {uid}")
        if found is None:
            self._ask(f"create the data source {uid}", lambda: self._api.datasource.create_datasource(wanted))
            return Step("data source", uid, Change.CREATED)
        told = {key: value for key, value in wanted.items() if key != "secureJsonData"}
        if not list(_differing(told, found, "")):
            return Step("data source", uid, Change.UNCHANGED)
        self._ask(f"update the data source {uid}", lambda: self._api.datasource.update_datasource_by_uid(uid, wanted))
        return Step("data source", uid, Change.UPDATED)

    def _folder_differences(self) -> list[str]:
        found = self._folder()
        if found is None:
            return ["the folder is missing"]
        return list(_differing({"title": FOLDER_TITLE}, found, ""))

    def _apply_folder(self) -> Step:
        found = self._folder()
        if found is None:
            self._ask("create the folder", lambda: self._api.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID))
            return Step("folder", FOLDER_UID, Change.CREATED)
        if found["title"] == FOLDER_TITLE:
            return Step("folder", FOLDER_UID, Change.UNCHANGED)
        self._ask(
            "rename the folder",
            lambda: self._api.folder.update_folder(FOLDER_UID, title=FOLDER_TITLE, overwrite=True),
        )
        return Step("folder", FOLDER_UID, Change.UPDATED)

    def _folder(self) -> Json | None:
        return self._found(lambda: self._api.folder.get_folder(FOLDER_UID), "read the folder")

    def _dashboard_differences(self, wanted: Json) -> list[str]:
        found = self._dashboard(wanted["uid"])
        if found is None:
            return ["the dashboard is missing"]
        place = found["meta"].get("folderUid", "")
        misplaced = [] if place == FOLDER_UID else [f"it is in the folder {place!r}, not in {FOLDER_UID!r}"]
        return misplaced + list(_differing(wanted, found["dashboard"], ""))

    def _apply_dashboard(self, wanted: Json) -> Step:
        uid = wanted["uid"]
        exists = self._dashboard(uid)
        if exists and not self._dashboard_differences(wanted):
            return Step("dashboard", uid, Change.UNCHANGED)
        if exists and exists["meta"].get("provisioned"):
            raise _provisioned(uid)
        body = {
            "dashboard": wanted,
            "folderUid": FOLDER_UID,
            "overwrite": True,
            "message": "servicepulse dashboards apply",
        }
        self._ask(f"save the dashboard {uid}", lambda: self._api.dashboard.update_dashboard(body))
        return Step("dashboard", uid, Change.UPDATED if exists else Change.CREATED)

    def _dashboard(self, uid: str) -> Json | None:
        return self._found(lambda: self._api.dashboard.get_dashboard(uid), f"read the dashboard {uid}")

    def _rules_differences(self, wanted: Json) -> list[str]:
        found = self._rules(wanted["title"])
        return ["the alert rules are missing"] if found is None else list(_differing(wanted, found, ""))

    def _apply_rules(self, wanted: Json) -> Step:
        name = wanted["title"]
        found = self._rules(name)
        if found and not list(_differing(wanted, found, "")):
            return Step("alert rules", name, Change.UNCHANGED)
        if found and any(rule.get("provenance") == "file" for rule in found["rules"]):
            raise _provisioned(f"the rule group {name!r}")
        update = self._api.alertingprovisioning.update_rule_group
        self._ask(f"save the alert rules {name!r}", lambda: update(FOLDER_UID, quote(name), wanted))
        return Step("alert rules", name, Change.UPDATED if found else Change.CREATED)

    def _rules(self, name: str) -> Json | None:
        get = self._api.alertingprovisioning.get_rule_group
        return self._found(lambda: get(FOLDER_UID, quote(name)), f"read the rule group {name!r}")

    def _found(self, ask: Callable[[], Any], what: str) -> Json | None:
        """Return what Grafana has, None when it has no such thing."""
        try:
            with self._named_errors(what):
                found: Json = ask()
        except GrafanaError as error:
            if isinstance(error.__cause__, GrafanaClientError) and error.__cause__.status_code == 404:
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


def _group(name: str) -> Json:
    """Return a group of alert rules as the API takes it."""
    rules = [rule.to_api(name, FOLDER_UID) for rule in GROUPS[name]]
    return {"title": name, "folderUid": FOLDER_UID, "interval": INTERVAL_MS // 1000, "rules": rules}


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
