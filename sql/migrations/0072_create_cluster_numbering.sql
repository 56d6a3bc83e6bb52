-- Purpose: number the entities that have evidence, before it brings them together.
-- Writes:  staging.living_cards, staging.number_nodes()
-- Re-run:  safe; the view and the function are replaced by the same text.

CREATE OR REPLACE VIEW staging.living_cards AS
SELECT
    'companies' AS entity_type,
    company.account_id,
    company.id AS entity_id
FROM amo.companies AS company
WHERE company.deleted_at IS NULL AND company.is_deleted IS NOT TRUE
UNION ALL
SELECT
    'contacts' AS entity_type,
    contact.account_id,
    contact.id AS entity_id
FROM amo.contacts AS contact
WHERE contact.deleted_at IS NULL AND contact.is_deleted IS NOT TRUE;
COMMENT ON VIEW staging.living_cards IS 'Companies and contacts that may be in a cluster.';

CREATE OR REPLACE FUNCTION staging.number_nodes(clustered text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
SET enable_nestloop = off
AS $$
BEGIN
    INSERT INTO staging.cluster_nodes (node, account_id, entity_id, richness, root)
    SELECT
        numbered.node, numbered.account_id, numbered.entity_id,
        coalesce(known.richness, 0), numbered.node
    FROM (
        SELECT
            card.account_id,
            card.entity_id,
            row_number() OVER (ORDER BY card.account_id, card.entity_id) AS node
        FROM staging.living_cards AS card
        WHERE
            card.entity_type = clustered
            AND EXISTS (
                SELECT FROM staging.cluster_evidence AS evidence
                WHERE
                    evidence.account_id = card.account_id
                    AND evidence.entity_id = card.entity_id
            )
    ) AS numbered
    LEFT JOIN staging.richness AS known
        ON
            numbered.account_id = known.account_id
            AND numbered.entity_id = known.entity_id
            AND known.entity_type = clustered
    -- Without it all details are counted also when there is nobody to count them for.
    WHERE EXISTS (SELECT FROM staging.cluster_evidence);
    ANALYZE staging.cluster_nodes;
END;
$$;
COMMENT ON FUNCTION staging.number_nodes(text) IS
'Fill staging.cluster_nodes with the living companies or contacts that have evidence.';
