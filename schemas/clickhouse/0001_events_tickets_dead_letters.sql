-- The log of record: every event as it was received, once per identity.
CREATE TABLE IF NOT EXISTS events
(
    subject     String COMMENT 'Whom the event is about: ticket id, customer id, or what the producer said',
    source      LowCardinality(String) COMMENT 'CloudEvents source; with id the identity of the event',
    id          String COMMENT 'CloudEvents id',
    name        LowCardinality(String) COMMENT 'ticket.created, ...; the whole CloudEvents type when it is not of the contract',
    at          DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    sequence    Int64 COMMENT 'Order given by the producer within one instant, -1 without',
    replay      Bool COMMENT 'History filled in later: it never pages',
    revision    UInt64 COMMENT 'Of a derived statement that is renewed under one identity the highest counts; 0 for all others',
    raw         String COMMENT 'The event as structured JSON, unknown fields included' CODEC(ZSTD(3)),
    ingested_at DateTime64(3, 'UTC') COMMENT 'When a worker stored it' CODEC(Delta, ZSTD(1)),
    INDEX at_range at TYPE minmax GRANULARITY 1,
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(revision)
ORDER BY (subject, source, id, name)  -- the name too: an identity used again for another type replaces nothing
SETTINGS index_granularity = 1024;

-- One row a ticket and version, complete in itself; the highest version counts (read with FINAL).
CREATE TABLE IF NOT EXISTS tickets
(
    ticket_id                String,
    version                  UInt64 COMMENT 'Definition of the measures in the high 16 bits, number of events below',
    created_at               DateTime64(3, 'UTC') COMMENT 'Creation; the first event while the creation is unknown',
    created_by               LowCardinality(String),
    is_created               Bool COMMENT 'False while only other events of the ticket are known',
    customer_id              String,
    channel                  LowCardinality(String),
    team                     LowCardinality(String),
    agent_id                 LowCardinality(String),
    contact_type             LowCardinality(String) COMMENT 'The latest classification',
    reason                   LowCardinality(String),
    product_line             LowCardinality(String),
    product_id               String,
    order_id                 String,
    asset_id                 String,
    priority                 LowCardinality(String),
    region                   LowCardinality(String),
    language                 LowCardinality(String),
    strategy                 LowCardinality(String),
    outcome                  LowCardinality(String),
    escalation               LowCardinality(String) COMMENT 'The latest level',
    after_sales              Bool,
    status                   LowCardinality(String),
    is_effective             Bool COMMENT 'Counts in metrics: not spam, test, deleted, merged away or retracted',
    exclusion                LowCardinality(String) COMMENT 'Why it does not count',
    merged_into              String,
    first_response_at        Nullable(DateTime64(3, 'UTC')),
    first_response_seconds   Nullable(Float64) COMMENT 'Calendar seconds from the first contact of the customer to the first public answer of a person',
    first_bot_response_at    Nullable(DateTime64(3, 'UTC')),
    open_wait_since          Nullable(DateTime64(3, 'UTC')) COMMENT 'A customer of an open ticket waits for a person since then',
    `waits.started_at`       Array(DateTime64(3, 'UTC')),
    `waits.answered_at`      Array(Nullable(DateTime64(3, 'UTC'))),
    first_resolved_at        Nullable(DateTime64(3, 'UTC')),
    last_resolved_at         Nullable(DateTime64(3, 'UTC')),
    closed_at                Nullable(DateTime64(3, 'UTC')),
    first_resolution_seconds Nullable(Float64) COMMENT 'Calendar seconds from creation to the first resolution',
    full_resolution_seconds  Nullable(Float64) COMMENT 'Calendar seconds from creation to the resolution of the last cycle; null while that one is open',
    reopened                 UInt32 COMMENT 'How often a resolved ticket needed work again',
    `cycles.started_at`      Array(DateTime64(3, 'UTC')),
    `cycles.resolved_at`     Array(Nullable(DateTime64(3, 'UTC'))),
    customer_messages        UInt32,
    agent_messages           UInt32,
    bot_messages             UInt32,
    `surveys.id`             Array(String),
    `surveys.offered_at`     Array(DateTime64(3, 'UTC')),
    `ratings.id`             Array(String),
    `ratings.survey_id`      Array(String),
    `ratings.rated_at`       Array(DateTime64(3, 'UTC')),
    `ratings.raw`            Array(Float64) COMMENT 'On the scale on which it was given, after revisions',
    `ratings.score`          Array(Float64) COMMENT '0 to 100',
    `ratings.source`         Array(LowCardinality(String)) COMMENT 'Only customer counts as satisfaction',
    `ratings.is_valid`       Array(Bool) COMMENT 'Neither withdrawn nor outdated by a later rating of the same survey',
    `compensations.id`       Array(String),
    `compensations.kind`     Array(LowCardinality(String)),
    `compensations.amount`   Array(Int64) COMMENT 'Minor units',
    `compensations.currency` Array(LowCardinality(String)),
    `repurchases.order_id`   Array(String),
    `repurchases.ordered_at` Array(DateTime64(3, 'UTC')),
    `repurchases.amount`     Array(Int64) COMMENT 'Minor units',
    `repurchases.currency`   Array(LowCardinality(String)),
    first_event_at           DateTime64(3, 'UTC'),
    last_event_at            DateTime64(3, 'UTC'),
    events                   UInt32 COMMENT 'Distinct events folded in',
    state                    String COMMENT 'What the fold remembers; empty for very long tickets, which are folded anew from events' CODEC(ZSTD(1)),
    ingested_at              DateTime64(3, 'UTC') COMMENT 'When this version was written',
    INDEX created_range created_at TYPE minmax GRANULARITY 1,
    INDEX first_resolved_range first_resolved_at TYPE minmax GRANULARITY 1,
    INDEX event_range (first_event_at, last_event_at) TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY ticket_id
SETTINGS index_granularity = 256;

-- Records that are no events, with everything needed to mend and send them again.
CREATE TABLE IF NOT EXISTS dead_letters
(
    id              String,
    reason          LowCardinality(String),
    pointer         String COMMENT 'JSON pointer to the fault',
    message         String COMMENT 'One sentence for the producer',
    topic           LowCardinality(String),
    partition       Int32,
    offset          Int64,
    recorded_at     DateTime64(3, 'UTC') COMMENT 'Timestamp of the Kafka record',
    key             String,
    value           String COMMENT 'The bytes as they came' CODEC(ZSTD(3)),
    `headers.name`  Array(String),
    `headers.value` Array(String),
    received_at     DateTime64(3, 'UTC'),
    replays         UInt32 COMMENT 'How often it was sent again',
    replayed_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was last mended and sent again'
)
ENGINE = ${replicated}ReplacingMergeTree(replays)
ORDER BY id
SETTINGS index_granularity = 256;
