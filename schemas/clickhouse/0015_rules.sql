-- Rules that pause, and such for segments of customers: the columns of before hold neither, and are read no more.
ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.first_response_rules`
    Array(Array(Tuple(seconds UInt32, is_open_hours Bool, paused Array(String), priority Array(String), channel Array(String), team Array(String), contact_type Array(String), product_line Array(String), region Array(String), customer_segment Array(String))))
    DEFAULT arrayMap(
        rules -> arrayMap(rule -> (rule.1, rule.2, [], rule.3, rule.4, rule.5, rule.6, rule.7, rule.8, []), rules),
        versions.first_response
    )
    COMMENT 'Of each version the rules in order' AFTER `versions.resolution`;

ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.response_rules`
    Array(Array(Tuple(seconds UInt32, is_open_hours Bool, paused Array(String), priority Array(String), channel Array(String), team Array(String), contact_type Array(String), product_line Array(String), region Array(String), customer_segment Array(String))))
    DEFAULT arrayMap(
        rules -> arrayMap(rule -> (rule.1, rule.2, [], rule.3, rule.4, rule.5, rule.6, rule.7, rule.8, []), rules),
        versions.response
    )
    COMMENT 'Of each version the rules in order' AFTER `versions.first_response_rules`;

ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.resolution_rules`
    Array(Array(Tuple(seconds UInt32, is_open_hours Bool, paused Array(String), priority Array(String), channel Array(String), team Array(String), contact_type Array(String), product_line Array(String), region Array(String), customer_segment Array(String))))
    DEFAULT arrayMap(
        rules -> arrayMap(rule -> (rule.1, rule.2, [], rule.3, rule.4, rule.5, rule.6, rule.7, rule.8, []), rules),
        versions.resolution
    )
    COMMENT 'Of each version the rules in order' AFTER `versions.response_rules`;
