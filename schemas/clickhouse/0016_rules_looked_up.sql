-- What a rule of a policy asks of a ticket, as numbers that are looked up instead of lists that are gone through for each
-- ticket. The values of each condition that any version names have a place, behind those that are named nowhere; for each
-- place and version there is a bit for every rule whose condition such a value meets: a ticket falls under the first rule
-- whose bit is set for all of its values. Worked out from the rules, for rows of before as well.

ALTER TABLE policies ADD COLUMN IF NOT EXISTS first_response_lookup
    Tuple(named Array(Array(String)), places Array(Array(UInt32)), met Array(Array(UInt64)), before Array(UInt32), asked Array(UInt64))
    MATERIALIZED arrayMap(
        named -> tuple(
            named,
            arrayMap(values -> arrayMap(place -> toUInt32(place * length(`versions.first_response_rules`)), arrayEnumerate(values)), named),
            arrayMap(
                (condition, values) -> arrayFlatten(arrayMap(
                    place -> arrayMap(
                        rules -> arraySum(arrayMap(
                            (rule, number) -> if(
                                empty([rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition])
                                    OR (place > 0 AND has([rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], values[place])),
                                toUInt64(bitShiftLeft(toUInt64(1), number - 1)),
                                toUInt64(0)
                            ),
                            rules,
                            arrayEnumerate(rules)
                        )),
                        `versions.first_response_rules`
                    ),
                    range(0, length(values) + 1)
                )),
                range(1, 8),
                named
            ),
            arrayMap(number -> toUInt32(arraySum(arrayMap(rules -> length(rules), arraySlice(`versions.first_response_rules`, 1, number - 1)))), arrayEnumerate(`versions.first_response_rules`)),
            arrayFlatten(arrayMap(
                rules -> arrayMap(
                    rule -> bitOr(toUInt64(rule.seconds), toUInt64(bitShiftLeft(
                        toUInt64(rule.is_open_hours + 2 * has(rule.paused, 'customer') + 4 * has(rule.paused, 'hold')), 32
                    ))),
                    rules
                ),
                `versions.first_response_rules`
            ))
        ),
        [arrayMap(
            condition -> arrayDistinct(arrayFlatten(arrayMap(
                rules -> arrayMap(rule -> [rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], rules), `versions.first_response_rules`
            ))),
            range(1, 8)
        )]
    )[1]
    COMMENT 'Of each condition the values, their places and by place and version bits of rules; of all rules what they ask: seconds, then bits: open hours, paused for the customer, on hold';

ALTER TABLE policies ADD COLUMN IF NOT EXISTS response_lookup
    Tuple(named Array(Array(String)), places Array(Array(UInt32)), met Array(Array(UInt64)), before Array(UInt32), asked Array(UInt64))
    MATERIALIZED arrayMap(
        named -> tuple(
            named,
            arrayMap(values -> arrayMap(place -> toUInt32(place * length(`versions.response_rules`)), arrayEnumerate(values)), named),
            arrayMap(
                (condition, values) -> arrayFlatten(arrayMap(
                    place -> arrayMap(
                        rules -> arraySum(arrayMap(
                            (rule, number) -> if(
                                empty([rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition])
                                    OR (place > 0 AND has([rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], values[place])),
                                toUInt64(bitShiftLeft(toUInt64(1), number - 1)),
                                toUInt64(0)
                            ),
                            rules,
                            arrayEnumerate(rules)
                        )),
                        `versions.response_rules`
                    ),
                    range(0, length(values) + 1)
                )),
                range(1, 8),
                named
            ),
            arrayMap(number -> toUInt32(arraySum(arrayMap(rules -> length(rules), arraySlice(`versions.response_rules`, 1, number - 1)))), arrayEnumerate(`versions.response_rules`)),
            arrayFlatten(arrayMap(
                rules -> arrayMap(
                    rule -> bitOr(toUInt64(rule.seconds), toUInt64(bitShiftLeft(
                        toUInt64(rule.is_open_hours + 2 * has(rule.paused, 'customer') + 4 * has(rule.paused, 'hold')), 32
                    ))),
                    rules
                ),
                `versions.response_rules`
            ))
        ),
        [arrayMap(
            condition -> arrayDistinct(arrayFlatten(arrayMap(
                rules -> arrayMap(rule -> [rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], rules), `versions.response_rules`
            ))),
            range(1, 8)
        )]
    )[1]
    COMMENT 'Of each condition the values, their places and by place and version bits of rules; of all rules what they ask: seconds, then bits: open hours, paused for the customer, on hold';

ALTER TABLE policies ADD COLUMN IF NOT EXISTS resolution_lookup
    Tuple(named Array(Array(String)), places Array(Array(UInt32)), met Array(Array(UInt64)), before Array(UInt32), asked Array(UInt64))
    MATERIALIZED arrayMap(
        named -> tuple(
            named,
            arrayMap(values -> arrayMap(place -> toUInt32(place * length(`versions.resolution_rules`)), arrayEnumerate(values)), named),
            arrayMap(
                (condition, values) -> arrayFlatten(arrayMap(
                    place -> arrayMap(
                        rules -> arraySum(arrayMap(
                            (rule, number) -> if(
                                empty([rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition])
                                    OR (place > 0 AND has([rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], values[place])),
                                toUInt64(bitShiftLeft(toUInt64(1), number - 1)),
                                toUInt64(0)
                            ),
                            rules,
                            arrayEnumerate(rules)
                        )),
                        `versions.resolution_rules`
                    ),
                    range(0, length(values) + 1)
                )),
                range(1, 8),
                named
            ),
            arrayMap(number -> toUInt32(arraySum(arrayMap(rules -> length(rules), arraySlice(`versions.resolution_rules`, 1, number - 1)))), arrayEnumerate(`versions.resolution_rules`)),
            arrayFlatten(arrayMap(
                rules -> arrayMap(
                    rule -> bitOr(toUInt64(rule.seconds), toUInt64(bitShiftLeft(
                        toUInt64(rule.is_open_hours + 2 * has(rule.paused, 'customer') + 4 * has(rule.paused, 'hold')), 32
                    ))),
                    rules
                ),
                `versions.resolution_rules`
            ))
        ),
        [arrayMap(
            condition -> arrayDistinct(arrayFlatten(arrayMap(
                rules -> arrayMap(rule -> [rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], rules), `versions.resolution_rules`
            ))),
            range(1, 8)
        )]
    )[1]
    COMMENT 'Of each condition the values, their places and by place and version bits of rules; of all rules what they ask: seconds, then bits: open hours, paused for the customer, on hold';
