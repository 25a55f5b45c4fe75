-- Workers state these rows themselves, beside the events: a view is planned for each write, whatever it holds.
DROP VIEW IF EXISTS fault_events_from_events;

DROP VIEW IF EXISTS intervention_events_from_events;

DROP VIEW IF EXISTS known_issue_events_from_events;

DROP VIEW IF EXISTS root_cause_events_from_events;

DROP VIEW IF EXISTS contact_events_from_events;

DROP VIEW IF EXISTS selfservice_events_from_events;

DROP VIEW IF EXISTS return_events_from_events;

DROP VIEW IF EXISTS work_events_from_events;

DROP VIEW IF EXISTS handling_events_from_events;
