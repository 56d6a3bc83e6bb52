-- Purpose: e-mail addresses from the documents that changed, each distinct value read once.
-- Version: 2
-- Reads:   staging.multitext_values()
-- Writes:  staging.emails
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.emails;

INSERT INTO staging.emails (
    account_id, entity_type, entity_id, position, raw, email, enum_code, is_valid
)
WITH typed AS MATERIALIZED (
    SELECT item.* FROM staging.multitext_values('EMAIL') AS item
),

candidates AS MATERIALIZED (
    SELECT
        value.raw,
        candidate.part,
        candidate.local_part,
        candidate.domain
    FROM (
        SELECT typed.raw
        FROM typed
        -- An object may have an address inside; what it means there nobody knows.
        WHERE typed.is_text
        GROUP BY typed.raw
    ) AS value
    CROSS JOIN LATERAL staging.email_candidates(value.raw) AS candidate
),

domains AS MATERIALIZED (
    SELECT
        typed.domain AS typed,
        known.domain,
        known.ascii
    FROM (
        SELECT candidates.domain
        FROM candidates
        WHERE candidates.domain IS NOT NULL
        GROUP BY candidates.domain
    ) AS typed
    CROSS JOIN LATERAL staging.read_domain(typed.domain) AS known
),

addresses AS MATERIALIZED (
    -- An address twice in one value (a@b.ru <a@b.ru>) is one; so is what is none.
    SELECT
        read.raw,
        read.email,
        min(read.part) AS part
    FROM (
        SELECT
            candidates.raw,
            candidates.part,
            CASE
                WHEN octet_length(candidates.local_part) + octet_length(domains.ascii) < 254
                    THEN candidates.local_part || '@' || domains.domain
            END AS email
        FROM candidates
        LEFT JOIN domains
            ON candidates.domain = domains.typed
    ) AS read
    GROUP BY read.raw, read.email
)

SELECT
    typed.account_id,
    typed.entity_type,
    typed.entity_id,
    row_number() OVER (
        PARTITION BY typed.account_id, typed.entity_type, typed.entity_id
        ORDER BY typed.ordinal, addresses.part
    ) AS position,
    typed.raw,
    addresses.email,
    typed.enum_code,
    addresses.email IS NOT NULL AS is_valid
FROM typed
LEFT JOIN addresses
    ON typed.is_text AND typed.raw = addresses.raw;
