-- What the desk calls satisfied and in time: one row, complete in itself; the newest statement counts (read with FINAL).
-- An instant is measured by the last version that is in force by then; before the first one, and where nothing is
-- published, by what is built in. A target is the first of its rules of which a ticket meets every condition: it has one
-- of the values, or there are none.
CREATE TABLE IF NOT EXISTS policies
(
    subject                   String COMMENT 'policy: there is one',
    version                   UInt256 COMMENT 'The order of statements: time of the event, its sequence, hash of its identity',
    published_at              DateTime64(3, 'UTC') COMMENT 'Time of the event',
    stated                    String COMMENT 'The versions as they were published, JSON; [] when it was taken back' CODEC(ZSTD(3)),
    `versions.in_force_at`    Array(DateTime64(3, 'UTC')),
    `versions.satisfied_from` Array(Float64) COMMENT 'The least score of a satisfied customer',
    `versions.first_response` Array(Array(Tuple(seconds UInt32, is_open_hours Bool, priority Array(String), channel Array(String), team Array(String), contact_type Array(String), product_line Array(String), region Array(String)))),
    `versions.response`       Array(Array(Tuple(seconds UInt32, is_open_hours Bool, priority Array(String), channel Array(String), team Array(String), contact_type Array(String), product_line Array(String), region Array(String)))),
    `versions.resolution`     Array(Array(Tuple(seconds UInt32, is_open_hours Bool, priority Array(String), channel Array(String), team Array(String), contact_type Array(String), product_line Array(String), region Array(String)))),
    ingested_at               DateTime64(3, 'UTC') COMMENT 'When a worker read it'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY subject
SETTINGS index_granularity = 256;
