"""A server that behaves as Grafana's API documents, and as versions of it were seen to answer.

What is not there is told to an Editor by 403, or by 500 in newer versions, and to an Admin by 404.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from dashboards.style import Json

TOKEN: Final = "glsa_of-the-stub"
EDITOR: Final = "glsa_that-may-not-touch-data-sources"


class RefusedError(Exception):
    """What Grafana answers instead: a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class StubGrafana:
    """What it holds, and every change that it was asked for."""

    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    data_sources: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    fails_with: int = 0
    version: str = "12.4.10"
    missing_is: int = 403
    url: str = ""

    def answer(self, method: str, path: str, body: Any, token: str | None) -> Any:
        if self.fails_with:
            raise RefusedError(self.fails_with, "the stub was told to fail")
        if token not in (TOKEN, EDITOR):
            raise RefusedError(401, "Invalid API key")
        if method != "GET":
            self.changes.append(f"{method} {path}")
        parts = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        missing = 404 if token == TOKEN else self.missing_is
        match method, parts.path.removeprefix("/api").strip("/").split("/"):
            case "GET", ["frontend", "settings"]:
                return {"buildInfo": {"version": self.version}}
            case "GET", ["folders"]:
                limit, page = int(asked.get("limit", 1000)), int(asked.get("page", 1))
                return list(self.folders.values())[limit * (page - 1) : limit * page]
            case "GET", ["folders", uid]:
                return self._known(self.folders, uid, "folder not found", missing)
            case "GET", ["search"]:
                return [{"uid": uid} for uid in asked["dashboardUIDs"].split(",") if uid in self.dashboards]
            case "POST", ["folders"]:
                return self._create_folder(body)
            case "PUT", ["folders", uid]:
                return self._rename_folder(uid, body)
            case "GET", ["dashboards", "uid", uid]:
                return self._dashboard(uid, missing)
            case "POST", ["dashboards", "db"]:
                return self._save_dashboard(body)
            case "POST", ["ds", "query"]:
                return self._query(body)
            case "GET", ["datasources"]:
                return list(self.data_sources.values()) if token == TOKEN else self._refuse_data_sources()
            case "GET", ["datasources", "uid", uid]:
                return self._known(self.data_sources, uid, "Data source not found", missing)
            case "POST", ["datasources"]:
                return self._save_data_source(body, token)
            case "PUT", ["datasources", "uid", uid]:
                self._known(self.data_sources, uid, "Data source not found")
                return self._save_data_source(body, token)
            case "GET", ["v1", "provisioning", "alert-rules"]:
                return [rule for group in self.rules.values() for rule in group["rules"]]
            case "POST", ["v1", "provisioning", "alert-rules"]:
                return self._create_rule(body)
            case "GET", ["v1", "provisioning", "folder", folder, "rule-groups", group]:
                found = self._known(self.rules, unquote(group), "rule group does not exist", missing)
                return (
                    found if found["folderUid"] == folder else self._known({}, "", "rule group does not exist", missing)
                )
            case "PUT", ["v1", "provisioning", "folder", folder, "rule-groups", group]:
                return self._save_rules(folder, unquote(group), body)
            case _:
                raise RefusedError(404, "Not found")

    def _known(self, where: dict[str, Json], uid: str, message: str, missing: int = 404) -> Json:
        if uid not in where:
            raise RefusedError(missing, message if missing == 404 else "You'll need additional permissions")
        return where[uid]

    def _refuse_data_sources(self) -> Json:
        raise RefusedError(403, "You'll need additional permissions to perform this action.")

    @property
    def _numbers(self) -> tuple[int, ...]:
        return tuple(map(int, self.version.partition("-")[0].split(".")))

    def _create_folder(self, body: Json) -> Json:
        if body["uid"] in self.folders:
            raise RefusedError(412, "the folder has been changed by someone else")
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "version": 1, **body}
        return self.folders[body["uid"]]

    def _rename_folder(self, uid: str, body: Json) -> Json:
        folder = self._known(self.folders, uid, "folder not found")
        if not body.get("overwrite") and body.get("version") != folder["version"]:
            raise RefusedError(412, "the folder has been changed by someone else")
        folder.update(title=body["title"], version=folder["version"] + 1)
        return folder

    def _dashboard(self, uid: str, missing: int) -> Json:
        stored = self._known(self.dashboards, uid, "Dashboard not found", missing)
        # Newer versions bring what they read up to date, and add what they know.
        shown = stored | {"schemaVersion": stored["schemaVersion"] + 1, "fiscalYearStartMonth": 0, "preload": False}
        meta = {"folderUid": self.places[uid], "provisioned": uid in self.provisioned, "version": stored["version"]}
        return {"meta": meta, "dashboard": shown}

    def _save_dashboard(self, body: Json) -> Json:
        given, folder = body["dashboard"], body.get("folderUid", "")
        uid = given["uid"]
        if folder not in self.folders:
            raise RefusedError(400, "folder not found")
        if uid in self.provisioned:
            raise RefusedError(400, "Cannot save provisioned dashboard")
        namesakes = [one for one in self.dashboards if one != uid and self.dashboards[one]["title"] == given["title"]]
        if any(self.places[one] == folder for one in namesakes):
            raise RefusedError(412, "A dashboard with the same name in the folder already exists")
        version = self.dashboards.get(uid, {}).get("version", 0)
        if version and not body.get("overwrite") and given.get("version") != version:
            raise RefusedError(412, "The dashboard has been changed by someone else")
        self.dashboards[uid] = json.loads(json.dumps(given)) | {"id": len(self.dashboards) + 1, "version": version + 1}
        self.places[uid] = folder
        return {"uid": uid, "version": version + 1, "status": "success", "url": f"/d/{uid}"}

    def _save_rules(self, folder: str, group: str, body: Json) -> Json:
        if folder not in self.folders:
            raise RefusedError(404, "folder not found")
        before = self.rules.get(group, {"rules": []})
        if any(rule["provenance"] == "file" for rule in before["rules"]):
            raise RefusedError(409, "cannot change provenance from 'file' to 'api'")
        if body["title"] != group or any(rule["ruleGroup"] != group for rule in body["rules"]):
            raise RefusedError(400, "the rules are of another group")
        others = {rule["uid"]: one for one in self.rules.values() for rule in one["rules"]}
        if any(others.get(rule["uid"], {"folderUid": folder})["folderUid"] != folder for rule in body["rules"]):
            raise RefusedError(409, "a conflicting alert rule is found: rule UID under the same organisation")
        if self._numbers < (11, 5, 2) and any(rule["uid"] not in others for rule in body["rules"]):
            raise RefusedError(404, "alert rule does not exist")
        self._check_states(body["rules"])
        added = {"orgID": 1, "provenance": "api", "notification_settings": None, "record": None}
        rules = [{"id": number, **rule, **added} for number, rule in enumerate(body["rules"], 1)]
        self.rules[group] = json.loads(json.dumps(body | {"rules": rules}))
        return self.rules[group]

    def _create_rule(self, body: Json) -> Json:
        self._check_states([body])
        group = {"title": body["ruleGroup"], "folderUid": body["folderUID"], "interval": 60, "rules": []}
        group = self.rules.setdefault(body["ruleGroup"], group)
        group["rules"].append(body | {"provenance": "api"})
        return body

    def _check_states(self, rules: list[Json]) -> None:
        states = {rule[name] for rule in rules for name in ("noDataState", "execErrState")}
        if "KeepLast" in states and self._numbers < (10, 4, 1):
            raise RefusedError(400, "unknown Error state: KeepLast")

    def _query(self, body: Json) -> Json:
        (query,) = body["queries"]
        if query["datasource"]["uid"] not in self.data_sources:
            raise RefusedError(404, "Data source not found")
        if "${" in query["rawSql"] or "$__conditionalAll" in query["rawSql"]:
            return {"results": {query["refId"]: {"status": 400, "error": "the browser fills these in"}}}
        return {"results": {query["refId"]: {"status": 200, "frames": []}}}

    def _save_data_source(self, body: Json, token: str) -> Json:
        if token == EDITOR:
            self._refuse_data_sources()
        stored = {key: value for key, value in body.items() if key != "secureJsonData"}
        fields = dict.fromkeys(body.get("secureJsonData", {}), True)
        self.data_sources[body["uid"]] = stored | {"id": 1, "version": 1, "secureJsonFields": fields}
        return {"datasource": self.data_sources[body["uid"]]}


@contextmanager
def stub_grafana() -> Iterator[StubGrafana]:
    """Run a stub on a free port of the loopback until the block ends."""
    stub = StubGrafana()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(stub: StubGrafana) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
            try:
                status, answer = 200, stub.answer(self.command, self.path, body, token)
            except RefusedError as error:
                status, answer = error.status, {"message": str(error)}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Answering
