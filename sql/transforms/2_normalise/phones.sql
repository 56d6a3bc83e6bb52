-- Purpose: phone numbers from the documents that changed, each distinct value read once.
-- Version: 2
-- Reads:   staging.multitext_values(), ops.account_phone_regions, ops.phone_regions
-- Writes:  staging.phones
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.phones;

INSERT INTO staging.phones (
    account_id, entity_type, entity_id, position, raw, e164, extension, enum_code,
    is_valid
)
WITH typed AS MATERIALIZED (
    SELECT
        item.*,
        coalesce(home.region, 'RU') AS region
    FROM staging.multitext_values('PHONE') AS item
    LEFT JOIN ops.account_phone_regions AS home
        ON item.account_id = home.account_id
),

numbers AS MATERIALIZED (
    SELECT
        value.region,
        value.raw,
        parsed.part,
        parsed.e164,
        parsed.extension
    FROM (
        -- In the order of the text, the numbers of one country come together: PostgreSQL keeps
        -- 32 compiled patterns, and those of all countries are more.
        SELECT
            typed.region,
            typed.raw
        FROM typed
        GROUP BY typed.region, typed.raw
        ORDER BY typed.region, typed.raw COLLATE "C" -- noqa: RF03
        OFFSET 0
    ) AS value
    CROSS JOIN LATERAL staging.phone_numbers(value.raw, value.region) AS parsed
)

SELECT
    typed.account_id,
    typed.entity_type,
    typed.entity_id,
    row_number() OVER (
        PARTITION BY typed.account_id, typed.entity_type, typed.entity_id
        ORDER BY typed.ordinal, numbers.part
    ) AS position,
    typed.raw,
    numbers.e164,
    numbers.extension,
    typed.enum_code,
    numbers.e164 IS NOT NULL AS is_valid
FROM typed
INNER JOIN numbers
    ON typed.region = numbers.region AND typed.raw = numbers.raw;
