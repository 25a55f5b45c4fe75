"""Every setting: its name, its default, what it means. Read from the environment and from one file, checked at once.

`SERVICEPULSE_<NAME>` in the environment beats the file (`servicepulse.toml`, or the one that `SERVICEPULSE_SETTINGS`
names), which beats the defaults here.
"""

import os
import ssl
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

if TYPE_CHECKING:
    from streams.core.signal.segment import ThresholdBook

PREFIX: Final = "SERVICEPULSE_"
DEFAULT_FILE: Final = "servicepulse.toml"
OTHER_VARIABLES: Final = (f"{PREFIX}SETTINGS", f"{PREFIX}DATA", f"{PREFIX}EXAMPLES")
"""Variables of ours that are no settings: where the settings are, where tests find real data, how much they try."""
OTHER_BEGINNINGS: Final = (f"{PREFIX}GRAFANA", f"{PREFIX}TEST_")
"""What Grafana's provisioning reads, and what only tests read."""


class SettingsError(Exception):
    """The settings are wrong. The message lists every fault with the name of its setting and never a secret."""


class Settings(BaseSettings):
    """All settings of workers and of the command line."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        # Compose files and charts hand over an empty variable for what nobody set.
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka: str | None = Field(
        default=None, description="Brokers, `host:port[,host:port]`. Not set: the embedded broker that `up` started."
    )
    kafka_tls: bool = Field(default=False, description="Encrypt the connection to Kafka.")
    kafka_ca_file: Path | None = Field(default=None, description="Certificate authority of the brokers, PEM.")
    kafka_cert_file: Path | None = Field(default=None, description="Our client certificate, PEM.")
    kafka_key_file: Path | None = Field(default=None, description="The key of our client certificate, PEM.")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="How to log in to Kafka; not set: no login."
    )
    kafka_username: str | None = Field(default=None, description="Name to log in to Kafka with.")
    kafka_password: SecretStr | None = Field(default=None, description="Password to log in to Kafka with.")
    kafka_topic_prefix: str = Field(
        default="", pattern=r"^[A-Za-z0-9._-]*$", description="Put before every topic and group name, such as `eu-`."
    )
    kafka_partitions: int = Field(default=4, ge=1, le=1024, description="Partitions of topics that we create.")
    kafka_replication: int = Field(default=1, ge=1, le=9, description="Replication factor of topics that we create.")
    kafka_session_timeout_seconds: float = Field(
        default=10,
        ge=2,
        le=300,
        description="After how long without a heartbeat a worker's partitions move on; 4 with the embedded broker.",
    )

    clickhouse: str | None = Field(
        default=None,
        description="ClickHouse over HTTP, `http[s]://host:port`. Not set: the embedded engine that `up` started.",
    )
    clickhouse_username: str = Field(default="default", description="Name to log in to ClickHouse with.")
    clickhouse_password: SecretStr | None = Field(default=None, description="Password to log in to ClickHouse with.")
    clickhouse_ca_file: Path | None = Field(default=None, description="Certificate authority of ClickHouse, PEM.")
    clickhouse_replicated: bool = Field(
        default=False, description="Tables are replicated: read and write by quorum, so that no stale row is folded on."
    )
    database: str = Field(
        default="servicepulse", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", description="Database name."
    )

    identifier_key: SecretStr | None = Field(
        default=None, description="Secret that goes into the hashes of identifiers which imports make."
    )

    pull_user: str | None = Field(
        default=None, description="Name beside the token that `servicepulse pull` shows, where an API wants one."
    )
    pull_token: SecretStr | None = Field(
        default=None, description="Token by which `servicepulse pull` reads the API of a desk or a shop."
    )

    batch_events: int = Field(
        default=50_000,
        ge=1,
        le=1_000_000,
        description="At most so many events in one write, and of 10,000 tickets, whatever a fetch brings.",
    )
    batch_linger_seconds: float = Field(
        default=0.25, ge=0, le=10, description="How long a small batch waits for more events: fewer, larger writes."
    )
    cache_tickets: int = Field(default=50_000, ge=1, description="Tickets that a worker keeps in memory.")
    cache_mib: int = Field(
        default=192, ge=1, description="Memory that they may take: long tickets leave room for fewer of them."
    )
    recheck_every_seconds: float = Field(
        default=60,
        ge=1,
        le=86_400,
        description="How often a worker holds the tickets that it stated lately against their stored events.",
    )

    schedules: Path | None = Field(
        default=None, description="Opening hours of the desks, TOML: what `servicepulse schedules publish` publishes."
    )
    policy: Path | None = Field(
        default=None,
        description="What the desk calls satisfied and in time, TOML: what `servicepulse policies publish` publishes.",
    )
    alert_watch: bool = Field(
        default=True, description="Watch for falls of satisfaction, broken surveys and silent sources."
    )
    alert_every_seconds: float = Field(
        default=5, ge=1, le=600, description="How often the watch looks; a page comes so much later at most."
    )
    alert_most_teams: int = Field(
        default=2_000,
        ge=1,
        le=100_000,
        description="Teams under watch at most, those with the most ratings first; the log and a meter say how many "
        "are left out. The desk as a whole counts all.",
    )
    alert_lead_minutes: float = Field(
        default=15,
        ge=1,
        le=1_440,
        description="So long before a target of the policy passes, the alert rule *will breach* tells the team of "
        "those who still wait, counted in open hours where the target is; half of a target shorter than twice that. "
        "`servicepulse dashboards apply` and `render` put it into the rule.",
    )
    compare_agents: bool = Field(
        default=True,
        description="Whether reports and pages rank agents against each other. `false` where a works council asks for "
        "teams only: `report --by agent` is refused, and `servicepulse dashboards apply` and `render`, and the "
        "preview, leave such panels out. Who has a ticket is still told.",
    )
    alert: dict[str, Any] = Field(
        default={},
        description="Thresholds of the watch by name, such as `false_pages_per_90_days = 0.5`; for one segment in a "
        "table of its own, such as `[alert.team.billing]`, `[alert.desk]`. In the environment as JSON. "
        "streams/SIGNALS.md says what each one means, and what follows.",
    )

    folder: Path = Field(
        default=Path(".servicepulse"), description="Where the embedded stack and the worker keep files."
    )
    web_host: str = Field(default="127.0.0.1", description="Address on which /health and /metrics listen.")
    web_port: int = Field(default=6066, ge=0, le=65535, description="Port of /health and /metrics; 0 finds a free one.")
    receive_host: str = Field(
        default="127.0.0.1",
        description="Address on which the door listens; beyond this machine only with TLS.",
    )
    receive_port: int = Field(default=6068, ge=0, le=65535, description="Port of the door; 0 finds a free one.")
    receive_tls_cert_file: Path | None = Field(
        default=None, description="Certificate of the door, PEM, with those between it and its authority."
    )
    receive_tls_key_file: Path | None = Field(default=None, description="The key of that certificate, PEM.")
    receive_tokens_file: Path | None = Field(
        default=None,
        description="Hashes of the tokens of senders, TOML, as `servicepulse tokens` writes it; changes are "
        "seen within a second. Not set: `tokens.toml` in `folder`.",
    )
    receive_hooks_file: Path | None = Field(
        default=None,
        description="Hooks of vendors, TOML: the mapping that reads each, and its secret; changes are seen within a "
        "second. Not set: `hooks.toml` in `folder`.",
    )
    receive_in_flight: int = Field(
        default=256, ge=1, le=100_000, description="Requests in hand at most; others are told to come again (429)."
    )
    receive_connections: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Connections at most; beyond it the one that has been silent for longest is closed.",
    )
    receive_answer_seconds: float = Field(
        default=4,
        ge=0.1,
        le=60,
        description="Within so long a sender hears whether Kafka has its events, else 503: shops wait five seconds.",
    )
    receive_access_log: bool = Field(default=True, description="Log a line for each request to the door.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`console` for people, `json` for machines; `auto` looks whether a terminal reads."
    )

    @field_validator("kafka")
    @classmethod
    def _brokers(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "@" in value:
            raise ValueError("give the login as kafka_username and kafka_password, not in the address")
        brokers = [broker.strip() for broker in value.removeprefix("kafka://").split(",")]
        for broker in brokers:
            host, _, port = broker.rpartition(":")
            if not host or not (port.isascii() and port.isdecimal() and 0 < int(port) < 2**16):
                raise ValueError("give brokers as host:port, several divided by commas")
        return ",".join(brokers)

    @field_validator("clickhouse")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        url = None if value is None else _split(value)
        if value is not None and not (url and url.scheme in {"http", "https"} and url.hostname):
            raise ValueError("give ClickHouse as http://host:port or https://host:port")
        if url and (url.query or url.fragment):
            raise ValueError("leave out what follows the address, from ? or # on; every option is a setting here")
        return value

    @field_validator("alert")
    @classmethod
    def _thresholds(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value:
            _book(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def _login_from_url(cls, values: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever it was given
        """Take user and password out of the URL, so that the URL itself can be shown in logs."""
        if not isinstance(values, dict) or not isinstance(values.get("clickhouse"), str):
            return values
        url = _split(values["clickhouse"])
        if url is None or "@" not in url.netloc:
            return values
        login = {"clickhouse_username": unquote(url.username or ""), "clickhouse_password": unquote(url.password or "")}
        bare = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
        return {**{name: text for name, text in login.items() if text}, **values, "clickhouse": bare}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse halves of a login or of TLS, which would connect in another way than somebody meant."""
        certificate = (self.kafka_cert_file is None) == (self.kafka_key_file is None)
        tls_files = ("kafka_ca_file", "kafka_cert_file", "kafka_key_file")
        claims = {
            "kafka_sasl_mechanism needs kafka_username and kafka_password": not self.kafka_sasl_mechanism
            or (self.kafka_username and self.kafka_password),
            "kafka_username and kafka_password need kafka_sasl_mechanism": self.kafka_sasl_mechanism
            or not (self.kafka_username or self.kafka_password),
            "kafka_cert_file and kafka_key_file need each other": certificate,
            "receive_tls_cert_file and receive_tls_key_file need each other": (self.receive_tls_cert_file is None)
            == (self.receive_tls_key_file is None),
            f"{', '.join(tls_files)} need kafka_tls": self.kafka_tls or not any(getattr(self, n) for n in tls_files),
        }
        faults = [claim for claim, holds in claims.items() if not holds]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def kafka_security_protocol(self) -> str:
        """Kafka's name for the combination of encryption and login: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        encrypted = "SSL" if self.kafka_tls else "PLAINTEXT"
        return f"SASL_{encrypted}" if self.kafka_sasl_mechanism else encrypted

    def kafka_ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context for Kafka clients, None without TLS.

        Raises:
            SettingsError: When a certificate file cannot be read, or holds none.
        """
        if not self.kafka_tls:
            return None
        files = [self.readable(name) for name in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file")]
        ca_file, cert_file, key_file = files
        try:
            context = ssl.create_default_context(cafile=ca_file)
            if cert_file:
                context.load_cert_chain(cert_file, key_file)
        except ssl.SSLError as error:
            named = ", ".join(str(file) for file in files if file)
            raise SettingsError(
                f"no certificates as Kafka needs them, PEM and unencrypted: {named} ({error})"
            ) from error
        return context

    def receive_ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context of the door, None without TLS.

        Raises:
            SettingsError: When a file cannot be read, or holds no certificate.
        """
        cert_file, key_file = self.readable("receive_tls_cert_file"), self.readable("receive_tls_key_file")
        if cert_file is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(cert_file, key_file)
        except ssl.SSLError as error:
            raise SettingsError(
                f"no certificate and key, PEM and unencrypted: {cert_file}, {key_file} ({error})"
            ) from error
        return context

    @property
    def tokens_file(self) -> Path:
        """Where tokens of senders are kept."""
        return self.receive_tokens_file or self.folder / "tokens.toml"

    @property
    def hooks_file(self) -> Path:
        """Where hooks of vendors are described."""
        return self.receive_hooks_file or self.folder / "hooks.toml"

    def readable(self, name: str) -> Path | None:
        """Return the path of a setting that names a file, None when it is not set.

        Raises:
            SettingsError: When the file cannot be read.
        """
        path: Path | None = getattr(self, name)
        try:
            if path is not None:
                path.open("rb").close()
        except OSError as error:
            raise SettingsError(f"{name} ({PREFIX}{name.upper()}): {path} cannot be read: {error.strerror}") from error
        return path

    @property
    def thresholds(self) -> "ThresholdBook":
        """The thresholds of every segment."""
        return _book(self.alert)

    def topic(self, name: str) -> str:
        """Return the full name of one of our topics."""
        return f"{self.kafka_topic_prefix}{name}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values beat the environment, which beats the file."""
        file = Path(os.environ.get(f"{PREFIX}SETTINGS", DEFAULT_FILE))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)


def load_settings(**explicit: object) -> Settings:
    """Return the settings of this process; explicit values beat everything else, None means not given.

    Raises:
        SettingsError: With every fault at once, one line each, by the name of its setting. How settings go together
            is looked at once each is right by itself.
    """
    named_file = os.environ.get(f"{PREFIX}SETTINGS")
    if named_file and not Path(named_file).is_file():
        raise SettingsError(f"{PREFIX}SETTINGS names {named_file}, which is no file")
    faults = _unknown_variables(os.environ)
    given = {name: value for name, value in explicit.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # validated just here
    except ValidationError as error:
        faults += [_fault(detail["type"], detail["loc"], detail["msg"]) for detail in error.errors(include_input=False)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{named_file or DEFAULT_FILE} is no TOML: {error}")
    except OSError as error:
        faults.append(f"{named_file or DEFAULT_FILE} cannot be read: {error.strerror}")
    if faults:
        lines = "\n".join(faults).splitlines()
        raise SettingsError("the settings are wrong:\n" + "\n".join(f"  {line}" for line in lines))
    return settings


def _book(alert: Mapping[str, Any]) -> "ThresholdBook":
    """The rules of the watch bring arrays with them: a sixth of a second that only who watches should wait for."""
    from streams.core.signal.segment import book_of

    return book_of(alert)


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL whose port is a number, None when it is no such URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _unknown_variables(variables: Iterable[str]) -> list[str]:
    """A typo must not be taken for a wish that was heard."""
    settings = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    ours = [name.upper() for name in variables if name.upper().startswith(PREFIX)]
    unknown = [name for name in ours if name not in {*settings, *OTHER_VARIABLES}]
    return [
        f"{name}: no such setting{_suggestion(name, settings)}"
        for name in sorted(unknown)
        if not name.startswith(OTHER_BEGINNINGS)
    ]


def _fault(kind: str, location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = ".".join(map(str, location))
    if kind == "extra_forbidden":
        return f"{name}: no such setting{_suggestion(name, list(Settings.model_fields))}"
    return f"{name} ({PREFIX}{name.upper()}): {message.removeprefix('Value error, ')}"


def _suggestion(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
