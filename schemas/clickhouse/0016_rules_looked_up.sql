-- What a rule of a policy asks of a ticket, as numbers that are looked up instead of lists that are gone through for each
-- ticket. The values of each condition that any version names have a place, behind those that are named nowhere; for each
-- place and version there is a bit for every rule whose condition such a value meets: a ticket falls under the first rule
-- whose bit is set for all of its values. Worked out from the rules, for rows of before as well.

ALTER TABLE policies ADD COLUMN IF NOT EXISTS lookups
    Array(Tuple(named Array(Array(String)), places Array(Array(UInt32)), met Array(Array(UInt64)), before Array(UInt32), asked Array(UInt64)))
    MATERIALIZED arrayMap(
        stated -> arrayMap(
            named -> tuple(
                named,
                arrayMap(values -> arrayMap(place -> toUInt32(place * length(stated)), arrayEnumerate(values)), named),
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
                            stated
                        ),
                        range(0, length(values) + 1)
                    )),
                    range(1, 8),
                    named
                ),
                arrayMap(number -> toUInt32(arraySum(arrayMap(rules -> length(rules), arraySlice(stated, 1, number - 1)))), arrayEnumerate(stated)),
                arrayFlatten(arrayMap(
                    rules -> arrayMap(
                        rule -> bitOr(toUInt64(rule.seconds), toUInt64(bitShiftLeft(
                            toUInt64(rule.is_open_hours + 2 * has(rule.paused, 'customer') + 4 * has(rule.paused, 'hold')), 32
                        ))),
                        rules
                    ),
                    stated
                ))
            ),
            [arrayMap(
                condition -> arrayDistinct(arrayFlatten(arrayMap(
                    rules -> arrayMap(rule -> [rule.priority, rule.channel, rule.team, rule.contact_type, rule.product_line, rule.region, rule.customer_segment][condition], rules), stated
                ))),
                range(1, 8)
            )]
        )[1],
        [`versions.first_response_rules`, `versions.response_rules`, `versions.resolution_rules`]
    )
    COMMENT 'Of first response, response and resolution: values by condition, their places, by place and version bits of rules; of all rules what they ask: seconds, then bits: open hours, paused for the customer, on hold';
