"""The settings: where they come from, what is refused, and that nothing secret is ever shown."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from streams.settings import Settings, SettingsError, load_settings

SECRET = "s3cr3t-p4ss"

Environment: TypeAlias = Callable[..., None]


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in os.environ:
        if name.upper().startswith("SERVICEPULSE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"SERVICEPULSE_{name}", value)

    return set_all


def complaint(**explicit: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**explicit)
    return str(caught.value)


class TestSources:
    def test_without_anything_set_the_defaults_hold(self) -> None:
        settings = load_settings()
        assert (settings.kafka, settings.clickhouse, settings.database) == (None, None, "servicepulse")

    def test_explicit_beats_environment_beats_file(self, environment: Environment) -> None:
        Path("servicepulse.toml").write_text('kafka = "file:1"\ndatabase = "from_file"\nlog_level = "ERROR"\n')
        environment(KAFKA="environment:2", DATABASE="from_environment")
        settings = load_settings(kafka="explicit:3")
        assert (settings.kafka, settings.database, settings.log_level) == ("explicit:3", "from_environment", "ERROR")

    def test_none_means_not_given(self, environment: Environment) -> None:
        environment(KAFKA="environment:2")
        assert load_settings(kafka=None).kafka == "environment:2"

    def test_an_empty_variable_is_not_set(self, environment: Environment) -> None:
        Path("servicepulse.toml").write_text('kafka = "file:1"\n')
        environment(KAFKA="", KAFKA_TLS="", CLICKHOUSE_PASSWORD="")
        assert load_settings().kafka == "file:1"

    def test_a_file_of_another_name_is_read(self, environment: Environment, tmp_path: Path) -> None:
        other = tmp_path / "other.toml"
        other.write_text('database = "other"\n')
        Path("servicepulse.toml").write_text('database = "default"\n')
        environment(SETTINGS=str(other))
        assert load_settings().database == "other"

    def test_a_named_file_must_exist(self, environment: Environment) -> None:
        environment(SETTINGS="/no/such/file.toml")
        assert "SERVICEPULSE_SETTINGS names /no/such/file.toml" in complaint()

    @pytest.mark.parametrize("content", [b"kafka = ", b"\xff\xfe", b"a = 1\na = 2\n"])
    def test_a_file_that_is_no_toml_is_named(self, content: bytes) -> None:
        Path("servicepulse.toml").write_bytes(content)
        assert "servicepulse.toml is no TOML" in complaint()

    def test_a_value_in_a_file_is_of_the_right_type(self) -> None:
        Path("servicepulse.toml").write_text("[kafka]\nhost = 1\n")
        assert "kafka (SERVICEPULSE_KAFKA)" in complaint()


class TestFaults:
    def test_all_faults_are_told_at_once_by_the_name_of_their_setting(self, environment: Environment) -> None:
        Path("servicepulse.toml").write_text('batch_events = 0\nkafak = "a:1"\n')
        environment(KAFKA="nowhere", WEB_PORT="many", LOG_LEVEL="LOUD", KAFKA_TSL="true")
        message = complaint(kafka_partitions=0)
        for name in ("KAFKA", "WEB_PORT", "LOG_LEVEL", "BATCH_EVENTS", "KAFKA_PARTITIONS"):
            assert f"(SERVICEPULSE_{name}): " in message
        assert "kafak: no such setting; did you mean kafka?" in message
        assert "SERVICEPULSE_KAFKA_TSL: no such setting; did you mean SERVICEPULSE_KAFKA_TLS?" in message
        assert len(message.splitlines()) == 8, "a heading and one line for each"

    @pytest.mark.parametrize("name", ["KAFKA_TSL", "CLICKHOUSE_URL", "Kafka_Host", "X", ""])
    def test_a_variable_that_is_no_setting_is_refused(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(f"SERVICEPULSE_{name}", "1")
        assert f"SERVICEPULSE_{name.upper()}: no such setting" in complaint()

    @pytest.mark.parametrize("name", ["DATA", "EXAMPLES", "GRAFANA_URL", "GRAFANA", "TEST_PATIENCE_SECONDS"])
    def test_variables_that_others_read_are_left_alone(self, name: str, environment: Environment) -> None:
        environment(**{name: "1"})
        load_settings()

    def test_every_setting_can_be_a_variable(self, environment: Environment) -> None:
        given = {
            "kafka": "broker:9092",
            "kafka_tls": True,
            "kafka_ca_file": Path("ca.pem"),
            "kafka_cert_file": Path("cert.pem"),
            "kafka_key_file": Path("key.pem"),
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_username": "desk",
            "kafka_password": SECRET,
            "clickhouse": "https://db:8443",
            "clickhouse_password": SECRET,
            "log_format": "json",
            "folder": Path("elsewhere"),
        }
        defaults = Settings().model_dump()
        wanted = {
            name: given.get(name, default) for name, default in defaults.items() if given.get(name, default) is not None
        }
        environment(**{name.upper(): str(value) for name, value in wanted.items()})
        settings = load_settings()
        assert settings.kafka_password is not None
        assert settings.clickhouse_password is not None
        assert settings.kafka_password.get_secret_value() == settings.clickhouse_password.get_secret_value() == SECRET
        shown = settings.model_dump()
        assert {name: shown[name] for name in wanted if "password" not in name} == {
            name: value for name, value in wanted.items() if "password" not in name
        }

    def test_every_setting_says_what_it_means(self) -> None:
        assert [name for name, field in Settings.model_fields.items() if not field.description] == []


class TestKafkaAddress:
    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("broker:9092", "broker:9092"),
            ("kafka://broker:9092", "broker:9092"),
            ("a:1, b:2 ,c:3", "a:1,b:2,c:3"),
            ("[::1]:9092", "[::1]:9092"),
        ],
    )
    def test_brokers_are_host_and_port(self, given: str, meant: str) -> None:
        assert load_settings(kafka=given).kafka == meant

    @pytest.mark.parametrize("given", ["broker", "broker:", ":9092", "broker:kafka", "a:1,b", "a:0", "a:70000", "a:٣"])
    def test_anything_else_is_refused(self, given: str) -> None:
        assert "kafka (SERVICEPULSE_KAFKA): give brokers as host:port" in complaint(kafka=given)

    def test_a_login_in_the_address_is_refused_without_showing_it(self) -> None:
        message = complaint(kafka=f"desk:{SECRET}@broker:9092")
        assert "kafka_username" in message
        assert SECRET not in message


class TestKafkaSecurity:
    LOGIN: Final[Mapping[str, str]] = {
        "kafka_sasl_mechanism": "SCRAM-SHA-256",
        "kafka_username": "desk",
        "kafka_password": SECRET,
    }

    @pytest.mark.parametrize(
        ("given", "protocol"),
        [
            ({}, "PLAINTEXT"),
            ({"kafka_tls": True}, "SSL"),
            (LOGIN, "SASL_PLAINTEXT"),
            ({**LOGIN, "kafka_tls": True}, "SASL_SSL"),
        ],
    )
    def test_encryption_and_login_go_together_in_every_way(self, given: dict[str, object], protocol: str) -> None:
        assert load_settings(**given).kafka_security_protocol == protocol

    def test_only_tls_has_a_context(self) -> None:
        assert load_settings().kafka_ssl_context() is None
        assert load_settings(kafka_tls=True).kafka_ssl_context() is not None

    @pytest.mark.parametrize("name", ["kafka_ca_file", "kafka_cert_file"])
    def test_a_certificate_that_cannot_be_read_is_named_with_its_setting(self, name: str, tmp_path: Path) -> None:
        key = tmp_path / "key.pem"
        key.write_text("")
        given = {name: "no-such.pem", **({"kafka_key_file": key} if name == "kafka_cert_file" else {})}
        with pytest.raises(SettingsError, match=rf"{name}.*SERVICEPULSE_.*no-such.pem cannot be read: No such file"):
            load_settings(kafka_tls=True, **given).kafka_ssl_context()

    def test_a_file_without_a_certificate_is_named(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        with pytest.raises(SettingsError, match=r"empty\.pem"):
            load_settings(kafka_tls=True, kafka_ca_file=empty).kafka_ssl_context()

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"kafka_sasl_mechanism": "PLAIN"}, "kafka_sasl_mechanism needs kafka_username and kafka_password"),
            ({"kafka_sasl_mechanism": "PLAIN", "kafka_username": "desk"}, "kafka_sasl_mechanism needs"),
            ({"kafka_username": "desk"}, "need kafka_sasl_mechanism"),
            ({"kafka_password": SECRET}, "need kafka_sasl_mechanism"),
            ({"kafka_tls": True, "kafka_cert_file": "cert.pem"}, "kafka_cert_file and kafka_key_file need each other"),
            ({"kafka_tls": True, "kafka_key_file": "key.pem"}, "kafka_cert_file and kafka_key_file need each other"),
            ({"kafka_ca_file": "ca.pem"}, "need kafka_tls"),
            ({"receive_tls_cert_file": "c.pem"}, "receive_tls_cert_file and receive_tls_key_file need each other"),
        ],
    )
    def test_halves_are_refused(self, given: dict[str, object], sentence: str) -> None:
        message = complaint(**given)
        assert sentence in message
        assert SECRET not in message

    def test_all_halves_are_told_at_once(self) -> None:
        message = complaint(kafka_sasl_mechanism="PLAIN", kafka_cert_file="cert.pem")
        assert len(message.splitlines()) == 4

    def test_an_unknown_mechanism_is_refused_with_those_that_are_known(self) -> None:
        assert "SCRAM-SHA-512" in complaint(**{**self.LOGIN, "kafka_sasl_mechanism": "KERBEROS"})


class TestClickHouseAddress:
    def test_a_login_in_the_url_is_taken_out_of_it(self, environment: Environment) -> None:
        environment(CLICKHOUSE="https://writer:s3cr3t%2Fp4ss@db:8443")
        settings = load_settings()
        assert (settings.clickhouse, settings.clickhouse_username) == ("https://db:8443", "writer")
        assert settings.clickhouse_password is not None
        assert settings.clickhouse_password.get_secret_value() == "s3cr3t/p4ss"

    def test_a_login_of_its_own_beats_the_one_in_the_url(self) -> None:
        settings = load_settings(clickhouse=f"http://reader:{SECRET}@db:8123", clickhouse_username="writer")
        assert settings.clickhouse_username == "writer"

    @pytest.mark.parametrize(
        "given",
        ["db:8123", "ftp://db", "http://", "http://db:port", "http://db:70000", "http://[::1", "clickhouse://db:9000"],
    )
    def test_anything_but_http_is_refused(self, given: str) -> None:
        assert "clickhouse (SERVICEPULSE_CLICKHOUSE): give ClickHouse as http://" in complaint(clickhouse=given)

    def test_options_in_the_url_are_refused_without_showing_them(self) -> None:
        message = complaint(clickhouse=f"http://db:8123/?password={SECRET}")
        assert SECRET not in message


class TestSecrets:
    def test_nothing_that_shows_settings_shows_a_secret(self) -> None:
        settings = load_settings(**TestKafkaSecurity.LOGIN, clickhouse=f"http://writer:{SECRET}@db:8123")
        for shown in (repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()):
            assert SECRET not in shown

    @pytest.mark.parametrize(
        "url", ["ftp://writer:{}@db", "http://writer:{}@db:port", "http://writer:{}@[::1", "http://writer:{}@db:1?x"]
    )
    def test_no_complaint_shows_a_secret(self, url: str, environment: Environment) -> None:
        environment(
            CLICKHOUSE=url.format(SECRET), KAFKA=f"desk:{SECRET}@broker", KAFKA_PASSWORD=SECRET, WEB_PORT=SECRET
        )
        assert SECRET not in complaint()

    def test_a_secret_in_a_broken_file_is_not_shown(self) -> None:
        Path("servicepulse.toml").write_text(f'kafka_password = "{SECRET}\n')
        assert SECRET not in complaint()


class TestNames:
    def test_a_prefix_is_put_before_topics(self) -> None:
        assert load_settings(kafka_topic_prefix="eu-").topic("tickets") == "eu-tickets"

    @pytest.mark.parametrize("prefix", ["eu/", "eu ", "eu\n", "ü"])
    def test_a_prefix_that_kafka_refuses_is_refused_here(self, prefix: str) -> None:
        assert "kafka_topic_prefix" in complaint(kafka_topic_prefix=prefix)

    @pytest.mark.parametrize("database", ["", "1st", "a-b", "a;DROP", "a\n", "x" * 65])
    def test_a_database_name_needs_no_quoting(self, database: str) -> None:
        assert "database" in complaint(database=database)

    def test_settings_do_not_change_once_read(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            load_settings().database = "other"
