-- Purpose: bring amo.contact_clusters up to what contacts share: phones, e-mail addresses.
-- Version: 1
-- Reads:   amo.contacts, amo.phones, amo.emails, staging.changes, ops.duplicate_rules,
--          ops.free_mail_domains, ops.role_mailboxes
-- Writes:  amo.contact_clusters, staging.contact_clusters, staging.cluster_*, staging.component_*
-- Re-run:  safe; a row that has not changed is neither written nor locked.

-- In a first transform amo.* has no statistics yet; a nested loop over it would take hours.
SET LOCAL enable_nestloop = off;

SELECT staging.look_for_clusters('contacts', '{contacts,companies}');

TRUNCATE staging.contact_clusters;

INSERT INTO staging.cluster_evidence (account_id, entity_id, kind, crowd, value)
WITH evidence AS NOT MATERIALIZED (
    SELECT
        phone.account_id,
        phone.entity_id,
        'phone' AS kind,
        phone.e164 AS counted,
        -- Another extension is another phone, perhaps another colleague's.
        phone.e164 || coalesce(' доб. ' || phone.extension, '') AS value
    FROM amo.phones AS phone
    WHERE
        phone.entity_type = 'contacts'
        AND phone.is_valid
        -- Numbers of cities of Russia (+7 3, 4, 8, with 8-800) and Kazakhstan (+7 71, 72) are an
        -- office's, and colleagues share them.
        AND phone.e164 !~ '^[+]7(?:[348]|7[12])'
    UNION ALL
    SELECT
        email.account_id,
        email.entity_id,
        'email' AS kind,
        staging.lower_text(email.email) AS counted,
        staging.lower_text(email.email) AS value
    FROM amo.emails AS email
    WHERE
        email.entity_type = 'contacts'
        AND email.is_valid
        AND NOT EXISTS (
            SELECT FROM ops.role_mailboxes AS role
            WHERE role.name = staging.lower_text(split_part(email.email, '@', 1))
        )
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
WHERE
    -- A night that touched none of this asks for nothing.
    EXISTS (SELECT FROM staging.cluster_due)
    -- An address that a company's card has, too, is the office's, but for those at free mail.
    AND NOT EXISTS (
        SELECT FROM amo.emails AS office
        WHERE
            office.account_id = evidence.account_id
            AND office.entity_type = 'companies'
            AND staging.lower_text(office.email) = evidence.value
            AND NOT EXISTS (
                SELECT FROM ops.free_mail_domains AS free
                WHERE free.domain = split_part(office.email, '@', 2)
            )
    );

ANALYZE staging.cluster_evidence;

SELECT staging.number_nodes('contacts');

SELECT staging.link_nodes('phone');

SELECT staging.link_nodes('email');

INSERT INTO staging.contact_clusters (
    account_id, contact_id, cluster_id, master_id, matched_by, matched_value
)
SELECT
    found.account_id,
    found.entity_id AS contact_id,
    found.cluster_id,
    found.master_id,
    found.matched_by,
    found.matched_value
FROM staging.clusters AS found;

ANALYZE staging.contact_clusters;

DELETE FROM amo.contact_clusters AS stored
WHERE
    EXISTS (SELECT FROM staging.cluster_due)
    AND NOT EXISTS (
        SELECT FROM staging.contact_clusters AS staged
        WHERE staged.account_id = stored.account_id AND staged.contact_id = stored.contact_id
    );

MERGE INTO amo.contact_clusters AS stored
USING staging.contact_clusters AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.contact_id = staged.contact_id

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        cluster_id = staged.cluster_id,
        master_id = staged.master_id,
        matched_by = staged.matched_by,
        matched_value = staged.matched_value

WHEN NOT MATCHED THEN
    INSERT (account_id, contact_id, cluster_id, master_id, matched_by, matched_value)
    VALUES (
        staged.account_id, staged.contact_id, staged.cluster_id, staged.master_id,
        staged.matched_by, staged.matched_value
    );

SELECT staging.clusters_found();

RESET enable_nestloop;
