-- Purpose: bring amo.company_clusters up to what companies share: INN, phones, e-mail.
-- Version: 1
-- Reads:   amo.companies and its details, staging.changes, ops.duplicate_rules and lists
-- Writes:  amo.company_clusters, staging.company_clusters, staging.cluster_*, staging.component_*
-- Re-run:  safe; a row that has not changed is neither written nor locked.

-- A first transform has no statistics of amo.* yet; a nested loop over it would take hours.
SET LOCAL enable_nestloop = off;

SELECT staging.look_for_clusters('companies', '{companies}');

TRUNCATE staging.company_clusters;

-- One value in a hundred is shared: all are counted, few are kept.
INSERT INTO staging.cluster_evidence (account_id, entity_id, kind, crowd, value)
WITH evidence AS NOT MATERIALIZED (
    SELECT
        legal.account_id,
        legal.entity_id,
        legal.kind,
        legal.value AS counted,
        legal.value
    FROM amo.legal_ids AS legal
    WHERE legal.entity_type = 'companies' AND legal.kind = 'inn' AND legal.is_valid
    UNION ALL
    SELECT
        phone.account_id,
        phone.entity_id,
        'phone' AS kind,
        phone.e164 AS counted,
        -- Another extension is another phone, perhaps another tenant.
        phone.e164 || coalesce(' доб. ' || phone.extension, '') AS value
    FROM amo.phones AS phone
    WHERE phone.entity_type = 'companies' AND phone.is_valid
    UNION ALL
    SELECT
        email.account_id,
        email.entity_id,
        'email' AS kind,
        unnest(telling.values) AS counted,
        unnest(telling.values) AS value
    FROM amo.emails AS email
    LEFT JOIN ops.free_mail_domains AS free
        ON split_part(email.email, '@', 2) = free.domain
    LEFT JOIN ops.role_mailboxes AS role
        ON staging.lower_text(split_part(email.email, '@', 1)) = role.name
    CROSS JOIN
        LATERAL (
            SELECT
                CASE
                    WHEN free.domain IS NULL
                        THEN ARRAY[staging.lower_text(email.email), split_part(email.email, '@', 2)]
                    -- At a mail service for everybody only the mailbox of one firm tells.
                    WHEN role.name IS NULL THEN ARRAY[staging.lower_text(email.email)]
                END AS values
        ) AS telling
    WHERE email.entity_type = 'companies' AND email.is_valid
)

SELECT DISTINCT
    evidence.account_id,
    evidence.entity_id,
    evidence.kind,
    shared.crowd,
    evidence.value
FROM evidence
INNER JOIN (
    SELECT
        holder.account_id,
        holder.kind,
        holder.counted,
        row_number() OVER () AS crowd
    FROM evidence AS holder
    GROUP BY holder.account_id, holder.kind, holder.counted
    HAVING min(holder.entity_id) < max(holder.entity_id)
) AS shared
    ON
        evidence.account_id = shared.account_id
        AND evidence.kind = shared.kind
        AND evidence.counted = shared.counted
-- A night that touched none of this asks for nothing.
WHERE EXISTS (SELECT FROM staging.cluster_due);

ANALYZE staging.cluster_evidence;

SELECT staging.number_nodes('companies');

-- A firm is an INN. Where its companies have different KPP, they are branches, each a firm of
-- its own, and those without a KPP are another one: nobody knows which branch they are.
UPDATE staging.cluster_nodes AS node
SET
    inn = identified.inn,
    firm = identified.firm,
    root = CASE
        WHEN identified.sharers <= (SELECT rule.max_inn_sharers FROM ops.duplicate_rules AS rule)
            THEN identified.firm
        ELSE node.root
    END
FROM (
    SELECT
        card.node,
        card.inn,
        min(card.node) OVER same AS firm,
        count(*) OVER same AS sharers
    FROM (
        SELECT
            chosen.node,
            chosen.account_id,
            chosen.inn,
            CASE
                -- 12 digits: an entrepreneur, who has no KPP.
                WHEN
                    length(chosen.inn) = 10
                    AND min(chosen.kpp) OVER same_inn <> max(chosen.kpp) OVER same_inn
                    THEN chosen.kpp
            END AS branch
        FROM (
            SELECT DISTINCT ON (inn.node)
                inn.node,
                inn.account_id,
                inn.value AS inn,
                kpp.value AS kpp
            FROM (
                SELECT
                    holder.node,
                    holder.account_id,
                    holder.entity_id,
                    legal.value,
                    min(legal.position) AS position,
                    count(*) OVER (PARTITION BY holder.account_id, legal.value) AS sharers
                FROM amo.legal_ids AS legal
                INNER JOIN staging.cluster_nodes AS holder
                    ON
                        legal.account_id = holder.account_id
                        AND legal.entity_id = holder.entity_id
                WHERE
                    legal.entity_type = 'companies' AND legal.kind = 'inn' AND legal.is_valid
                GROUP BY holder.node, holder.account_id, holder.entity_id, legal.value
            ) AS inn
            LEFT JOIN amo.legal_ids AS kpp
                ON
                    inn.account_id = kpp.account_id
                    AND kpp.entity_type = 'companies'
                    AND inn.entity_id = kpp.entity_id
                    AND kpp.kind = 'kpp'
                    AND kpp.is_valid
            -- Of several INN the one that others have too, of several KPP the one after it.
            ORDER BY
                inn.node ASC,
                inn.sharers DESC,
                inn.position ASC,
                kpp.position < inn.position ASC,
                kpp.position ASC
        ) AS chosen
        WINDOW same_inn AS (PARTITION BY chosen.account_id, chosen.inn)
    ) AS card
    WINDOW same AS (PARTITION BY card.account_id, card.inn, card.branch)
) AS identified
WHERE node.node = identified.node;

INSERT INTO staging.cluster_links (kind, link, node, value)
SELECT
    'inn' AS kind,
    -node.firm AS link,
    node.node,
    node.inn AS value
FROM staging.cluster_nodes AS node
WHERE node.root = node.firm;

SELECT staging.link_nodes('phone');

SELECT staging.link_nodes('email');

INSERT INTO staging.company_clusters (
    account_id, company_id, cluster_id, master_id, matched_by, matched_value
)
SELECT
    found.account_id,
    found.entity_id AS company_id,
    found.cluster_id,
    found.master_id,
    found.matched_by,
    found.matched_value
FROM staging.clusters AS found;

ANALYZE staging.company_clusters;

DELETE FROM amo.company_clusters AS stored
WHERE
    EXISTS (SELECT FROM staging.cluster_due)
    AND NOT EXISTS (
        SELECT FROM staging.company_clusters AS staged
        WHERE staged.account_id = stored.account_id AND staged.company_id = stored.company_id
    );

MERGE INTO amo.company_clusters AS stored
USING staging.company_clusters AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.company_id = staged.company_id

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        cluster_id = staged.cluster_id,
        master_id = staged.master_id,
        matched_by = staged.matched_by,
        matched_value = staged.matched_value

WHEN NOT MATCHED THEN
    INSERT (account_id, company_id, cluster_id, master_id, matched_by, matched_value)
    VALUES (
        staged.account_id, staged.company_id, staged.cluster_id, staged.master_id,
        staged.matched_by, staged.matched_value
    );

SELECT staging.clusters_found();

RESET enable_nestloop;
