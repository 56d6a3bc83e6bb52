-- Purpose: how many companies and contacts are entered more than once, by what says so.
-- Reads:   amo.company_clusters, amo.contact_clusters

SELECT
    found.kind,
    found.matched_by,
    count(DISTINCT row(found.account_id, found.cluster_id)) AS clusters,
    count(*) AS members,
    (
        SELECT count(DISTINCT row(company.account_id, company.cluster_id))
        FROM amo.company_clusters AS company
        WHERE found.kind = 'companies'
    ) + (
        SELECT count(DISTINCT row(contact.account_id, contact.cluster_id))
        FROM amo.contact_clusters AS contact
        WHERE found.kind = 'contacts'
    ) AS all_clusters,
    (sum(count(*)) OVER (PARTITION BY found.kind))::bigint AS all_members
FROM (
    SELECT
        'companies' AS kind,
        company.account_id,
        company.cluster_id,
        company.matched_by
    FROM amo.company_clusters AS company
    UNION ALL
    SELECT
        'contacts' AS kind,
        contact.account_id,
        contact.cluster_id,
        contact.matched_by
    FROM amo.contact_clusters AS contact
) AS found
GROUP BY found.kind, found.matched_by
ORDER BY found.kind ASC, members DESC;
