-- Which contacts in a queue nobody should miss, and after how long one is missed. Rows of before say what was built in then.
ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.important` Array(Tuple(priorities Array(String), seconds UInt32))
    DEFAULT arrayMap(at -> (['high', 'urgent'], 120), versions.in_force_at)
    COMMENT 'Important contacts, by priority, and for how long one may wait' AFTER `versions.resolution_rules`;
