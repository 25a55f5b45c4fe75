-- While what the time of a resolution stands still, rule by rule. Rows of before pause nothing.
ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.resolution_paused` Array(Array(Array(LowCardinality(String))))
    DEFAULT arrayMap(rules -> arrayMap(rule -> [], rules), versions.resolution)
    COMMENT 'Of each rule: customer, hold' AFTER `versions.resolution`;
