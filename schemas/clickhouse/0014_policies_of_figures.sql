-- What else a desk says itself: who is satisfied on a scale of its own, with how many observations a figure is shown,
-- above which share a reason is somebody's matter, when a figure is settled. Rows of before say what was built in then.
ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.scales`
    Array(Array(Tuple(scale_min Float64, scale_max Float64, score Float64)))
    DEFAULT arrayMap(at -> [], versions.in_force_at)
    COMMENT 'Scales with a least score of their own' AFTER `versions.satisfied_from`;

ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.least_n` Array(UInt32)
    DEFAULT arrayMap(at -> 20, versions.in_force_at)
    COMMENT 'With fewer observations a figure is not shown' AFTER `versions.resolution`;

ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.reason_share` Array(Float64)
    DEFAULT arrayMap(at -> 0.3, versions.in_force_at)
    COMMENT 'Above it a reason is a matter for who can remove its cause' AFTER `versions.least_n`;

ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.settled_after_days`
    Array(Tuple(surveys UInt16, ratings UInt16, reopenings UInt16, reassignments UInt16))
    DEFAULT arrayMap(at -> (7, 14, 7, 7), versions.in_force_at)
    COMMENT 'So long after its window a figure still moves' AFTER `versions.reason_share`;

ALTER TABLE ticket_ratings ADD COLUMN IF NOT EXISTS `ratings.scale_min` Array(Float64)
    DEFAULT arrayMap(id -> 0, ratings.id) AFTER `ratings.kind`;

ALTER TABLE ticket_ratings ADD COLUMN IF NOT EXISTS `ratings.scale_max` Array(Float64)
    DEFAULT arrayMap(id -> 0, ratings.id) AFTER `ratings.scale_min`;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_ratings_with_scales TO ticket_ratings AS
WITH arrayFilter((place, is_valid) -> is_valid, arrayEnumerate(ratings.id), ratings.is_valid) AS valid
SELECT
    ticket_id,
    version,
    is_effective,
    team,
    reason,
    product_line,
    arrayMax(arrayConcat([toDateTime64(0, 3, 'UTC')], arrayMap(place -> ratings.rated_at[place], valid))) AS last_rated_at,
    arrayMap(place -> ratings.id[place], valid) AS `ratings.id`,
    arrayMap(place -> ratings.rated_at[place], valid) AS `ratings.rated_at`,
    arrayMap(place -> ratings.solved_at[place], valid) AS `ratings.solved_at`,
    arrayMap(place -> ratings.score[place], valid) AS `ratings.score`,
    arrayMap(place -> ratings.source[place], valid) AS `ratings.source`,
    arrayMap(place -> ratings.is_replayed[place], valid) AS `ratings.is_replayed`,
    arrayMap(place -> ratings.team[place], valid) AS `ratings.team`,
    arrayMap(place -> ratings.kind[place], valid) AS `ratings.kind`,
    arrayMap(place -> ratings.scale_min[place], valid) AS `ratings.scale_min`,
    arrayMap(place -> ratings.scale_max[place], valid) AS `ratings.scale_max`,
    now64(3, 'UTC') AS stored_at
FROM tickets;

DROP VIEW IF EXISTS ticket_ratings_of_tickets_by_kind;
