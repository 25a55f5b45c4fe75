"""Names what is wrong with Kafka: a sentence that says where to change it, and whether waiting can help.

kafka-python and aiokafka have classes of their own for the same answers of a broker; both carry Kafka's number.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiokafka.errors import KafkaConnectionError
from aiokafka.errors import KafkaError as AioKafkaError
from kafka.errors import KafkaError

from streams.settings import PREFIX, Settings

KafkaErrors: Final = (KafkaError, AioKafkaError)
NO_PERMISSION: Final = os.EX_NOPERM
"""Exit code (77) when Kafka refuses the login."""
WRONG_CONFIGURATION: Final = os.EX_CONFIG
"""Exit code (78) when settings and Kafka do not fit together."""


class Fault(NamedTuple):
    """What is wrong.

    Attributes:
        sentence: For people: what is wrong, and where to change it.
        exit_code: How a process ends that this stops for good; None when waiting can help.
    """

    sentence: str
    exit_code: int | None = None


class KafkaRefusedError(Exception):
    """Kafka does not take us as we are set up, and waiting does not help. The message says what to change.

    Attributes:
        exit_code: Of the process that ends with it.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence)
        self.exit_code = fault.exit_code or WRONG_CONFIGURATION


class MissingRightsError(Exception):
    """The login may not do what a worker does. Once the rights are granted trying again succeeds."""

    def __init__(self, rights: list[str], settings: Settings) -> None:
        super().__init__(
            f"Kafka does not let {_who(settings)} do what it must: grant {', '.join(rights)} (deploy/README.md, Topics)"
        )


def fault_of(error: BaseException, settings: Settings) -> Fault:
    """Return what is wrong with Kafka, by the error that a client raised."""
    if isinstance(error, MissingRightsError):
        return Fault(str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(
            f"the certificate of Kafka at {settings.kafka} is not trusted ({error.verify_message}): set "
            f"{_name('kafka_ca_file')} to the authority that signed it, and {_name('kafka')} to names that it bears",
            WRONG_CONFIGURATION,
        )
    number: int = getattr(error, "errno", None) or 0 if isinstance(error, KafkaErrors) else 0
    if number in _BY_NUMBER:
        return _BY_NUMBER[number](_told(error), settings)
    if isinstance(error, ssl.SSLError | ConnectionResetError | KafkaConnectionError):
        return Fault(f"{_who_answers(settings)} closes the connection: {_guess(settings)} ({_told(error)})")
    return Fault(f"{_who_answers(settings)} does not answer ({_told(error)})")


def kafka_error_in(error: BaseException | None) -> BaseException | None:
    """Return the error of a Kafka client that another one is or groups; None when there is none."""
    return error_in(error, *KafkaErrors, ConnectionError)


def error_in(error: BaseException | None, *kinds: type[BaseException]) -> BaseException | None:
    """Return the first error of some kinds that another one is or groups; None when there is none."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, (error_in(one, *kinds) for one in error.exceptions)), None)
    return error if isinstance(error, kinds) else None


def _who(settings: Settings) -> str:
    return f"the login {settings.kafka_username}" if settings.kafka_username else "whoever comes without a login"


def _who_answers(settings: Settings) -> str:
    return f"Kafka at {settings.kafka}"


def _name(setting: str) -> str:
    return f"{PREFIX}{setting.upper()}"


def _told(error: BaseException) -> str:
    """Return what the broker said, without the request that it said it of: that one may be long."""
    text = str(error).split("\n")[0] or type(error).__name__
    return text if len(text) < 200 else type(error).__name__


def _guess(settings: Settings) -> str:
    if settings.kafka_tls:
        return f"does it speak TLS there? {_name('kafka_tls')} says so"
    login = "" if settings.kafka_sasl_mechanism else f", or a login, {_name('kafka_sasl_mechanism')}"
    return f"does it want TLS, {_name('kafka_tls')}{login}?"


def _login_refused(told: str, settings: Settings) -> Fault:
    return Fault(
        f"{_who_answers(settings)} refuses the login {settings.kafka_username} by {settings.kafka_sasl_mechanism} "
        f"({told}): set {_name('kafka_username')} and {_name('kafka_password')} right, or have that login made",
        NO_PERMISSION,
    )


def _mechanism_unknown(told: str, settings: Settings) -> Fault:
    return Fault(
        f"{_who_answers(settings)} knows no {settings.kafka_sasl_mechanism} ({told}): set "
        f"{_name('kafka_sasl_mechanism')} to a mechanism that it offers",
        WRONG_CONFIGURATION,
    )


def _no_login_there(told: str, settings: Settings) -> Fault:
    return Fault(
        f"{_who_answers(settings)} takes no login there ({told}): set {_name('kafka')} to the port that takes one, or "
        f"leave {_name('kafka_sasl_mechanism')} out",
        WRONG_CONFIGURATION,
    )


def _too_few_brokers(_: str, settings: Settings) -> Fault:
    return Fault(
        f"Kafka has fewer brokers than the {settings.kafka_replication} replicas that a topic is to have: set "
        f"{_name('kafka_replication')} to at most their number, or start more",
        WRONG_CONFIGURATION,
    )


def _topics_refused(told: str, _: Settings) -> Fault:
    return Fault(
        f"Kafka refuses topics as a worker makes them ({told}): set {_name('kafka_partitions')} and "
        f"{_name('kafka_replication')} as its policy wants, or make them by hand (deploy/kafka/topics.sh)",
        WRONG_CONFIGURATION,
    )


def _session_refused(_: str, settings: Settings) -> Fault:
    return Fault(
        f"Kafka refuses a session timeout of {settings.kafka_session_timeout_seconds:g} s: set "
        f"{_name('kafka_session_timeout_seconds')} to what its group.min.session.timeout.ms and "
        f"group.max.session.timeout.ms allow",
        WRONG_CONFIGURATION,
    )


def _rights_missing(told: str, settings: Settings) -> Fault:
    return Fault(f"Kafka does not let {_who(settings)} do what it must (deploy/README.md, Topics): {told}")


_BY_NUMBER: Final[Mapping[int, Callable[[str, Settings], Fault]]] = {
    26: _session_refused,
    29: _rights_missing,
    30: _rights_missing,
    31: _rights_missing,
    33: _mechanism_unknown,
    34: _no_login_there,
    37: _topics_refused,
    38: _too_few_brokers,
    44: _topics_refused,
    58: _login_refused,
}
"""By Kafka's number of the error."""
