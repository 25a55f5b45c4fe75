"""Where the servers are: as set, else the embedded stack of the folder."""

from typing import TYPE_CHECKING, Final

from streams.settings import Settings, SettingsError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client


EMBEDDED_SESSION_SECONDS: Final = 4.0
"""Half of it passes before the embedded broker lets a worker into its group: 2 s, with the 10 of a Kafka 5."""


def resolve(settings: Settings, *, needs: tuple[str, ...] = ("kafka", "clickhouse")) -> Settings:
    """Return the settings with the addresses of Kafka and ClickHouse filled in, and what suits an embedded broker.

    Raises:
        SettingsError: When one that is needed is not set and the embedded stack does not run.
    """
    unset = [name for name in needs if getattr(settings, name) is None]
    if not unset:
        return settings
    addresses = _embedded(settings)
    missing = [name for name in unset if name not in addresses]
    if missing:
        variables = " and ".join(f"SERVICEPULSE_{name.upper()}" for name in missing)
        raise SettingsError(
            f"no {' and no '.join(missing)} to work with: start the embedded stack with `servicepulse up`, "
            f"or set {variables} to yours"
        )
    found: dict[str, object] = {name: addresses[name] for name in unset}
    if "kafka" in found and "kafka_session_timeout_seconds" not in settings.model_fields_set:
        found["kafka_session_timeout_seconds"] = EMBEDDED_SESSION_SECONDS
    return settings.model_copy(update=found)


def open_client(settings: Settings) -> "Client":
    """Return a client of the ClickHouse that the settings mean.

    Raises:
        SettingsError: When there is none.
        StoreUnavailableError: When it does not answer.
        StoreRejectedError: When it refuses the login.
    """
    from streams.sinks.connection import connect  # only those who ask ClickHouse wait for its driver

    return connect(resolve(settings, needs=("clickhouse",)))


def _embedded(settings: Settings) -> dict[str, str]:
    from deploy.embedded.stack import Stack  # most have servers of their own, and need none of it

    names = {"broker": "kafka", "clickhouse": "clickhouse"}
    services = Stack(settings.folder).status()
    return {names[service.name]: service.address for service in services if service.is_running and service.address}
