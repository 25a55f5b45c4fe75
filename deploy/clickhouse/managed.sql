-- The users of users.d/servicepulse.xml for a server whose users are made by SQL, such as a managed one. Put a password
-- of its own into each CREATE USER; with ON CLUSTER where users are not replicated.
CREATE DATABASE IF NOT EXISTS servicepulse;

CREATE SETTINGS PROFILE IF NOT EXISTS servicepulse_writer SETTINGS
    max_execution_time = 300, max_memory_usage = 3000000000;
CREATE SETTINGS PROFILE IF NOT EXISTS servicepulse_reader SETTINGS
    readonly = 1, max_execution_time = 30 MAX 65 CHANGEABLE_IN_READONLY, max_memory_usage = 1500000000,
    max_memory_usage_for_user = 3000000000, max_threads = 4, max_result_rows = 1000000, max_result_bytes = 200000000,
    result_overflow_mode = 'throw', max_concurrent_queries_for_user = 40;

CREATE USER IF NOT EXISTS servicepulse_migrator IDENTIFIED WITH sha256_hash BY '<SHA-256 of its password, hexadecimal>'
    SETTINGS PROFILE 'servicepulse_writer';
CREATE USER IF NOT EXISTS servicepulse_worker IDENTIFIED WITH sha256_hash BY '<SHA-256 of its password, hexadecimal>'
    SETTINGS PROFILE 'servicepulse_writer';
CREATE USER IF NOT EXISTS servicepulse_door IDENTIFIED WITH sha256_hash BY '<SHA-256 of its password, hexadecimal>'
    SETTINGS PROFILE 'servicepulse_writer';
CREATE USER IF NOT EXISTS grafana IDENTIFIED WITH sha256_hash BY '<SHA-256 of its password, hexadecimal>'
    SETTINGS PROFILE 'servicepulse_reader';

GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER TABLE, ALTER VIEW, SELECT, INSERT ON servicepulse.* TO servicepulse_migrator;

GRANT SELECT ON servicepulse.* TO servicepulse_worker;
GRANT INSERT ON servicepulse.events TO servicepulse_worker;
GRANT INSERT ON servicepulse.tickets TO servicepulse_worker;
GRANT INSERT ON servicepulse.dead_letters TO servicepulse_worker;
GRANT INSERT ON servicepulse.open_hours TO servicepulse_worker;
GRANT INSERT ON servicepulse.policies TO servicepulse_worker;
GRANT INSERT ON servicepulse.signals TO servicepulse_worker;
GRANT INSERT ON servicepulse.looks TO servicepulse_worker;
GRANT INSERT ON servicepulse.backtests TO servicepulse_worker;
GRANT INSERT ON servicepulse.fault_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.known_issue_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.root_cause_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.contact_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.selfservice_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.intervention_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.return_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.work_events TO servicepulse_worker;
GRANT INSERT ON servicepulse.handling_events TO servicepulse_worker;
GRANT CREATE DATABASE ON servicepulse.* TO servicepulse_worker;
GRANT CREATE TABLE ON servicepulse.schema_migrations TO servicepulse_worker;

GRANT SELECT(name, subject, source, id, at, ingested_at) ON servicepulse.events TO servicepulse_door;
GRANT SELECT ON servicepulse.dead_letters TO servicepulse_door;

GRANT SELECT ON servicepulse.* TO grafana;
REVOKE SELECT(raw) ON servicepulse.events FROM grafana;
REVOKE SELECT(state) ON servicepulse.tickets FROM grafana;
REVOKE SELECT(key, value, `headers.value`) ON servicepulse.dead_letters FROM grafana;
