-- Purpose: the largest clusters of companies that are the same firm, member by member.
-- Reads:   amo.company_clusters, amo.companies
-- By hand: SET amo.report_samples = 0 leaves names and values out.

WITH largest AS (
    SELECT
        cluster.account_id,
        cluster.cluster_id,
        count(*) AS companies
    FROM amo.company_clusters AS cluster
    GROUP BY cluster.account_id, cluster.cluster_id
    ORDER BY companies DESC, cluster.account_id ASC, cluster.cluster_id ASC
    LIMIT 8
),

member AS (
    SELECT
        largest.*,
        cluster.company_id,
        cluster.matched_by,
        cluster.company_id = cluster.master_id AS is_master,
        CASE
            WHEN current_setting('amo.report_samples')::integer > 0
                THEN left(company.name, 120)
        END AS name,
        CASE
            WHEN current_setting('amo.report_samples')::integer > 0
                THEN left(cluster.matched_value, 120)
        END AS matched_value,
        row_number() OVER (
            PARTITION BY cluster.account_id, cluster.cluster_id
            ORDER BY cluster.company_id <> cluster.master_id, cluster.company_id
        ) AS place
    FROM largest
    INNER JOIN amo.company_clusters AS cluster
        ON
            largest.account_id = cluster.account_id
            AND largest.cluster_id = cluster.cluster_id
    LEFT JOIN amo.companies AS company
        ON
            cluster.account_id = company.account_id
            AND cluster.company_id = company.id
)

SELECT
    member.account_id,
    member.cluster_id,
    member.companies,
    jsonb_agg(
        jsonb_build_object(
            'company_id', member.company_id,
            'name', member.name,
            'is_master', member.is_master,
            'matched_by', member.matched_by,
            'matched_value', member.matched_value
        )
        ORDER BY member.place
    ) FILTER (WHERE member.place <= 6) AS members
FROM member
GROUP BY member.account_id, member.cluster_id, member.companies
ORDER BY member.companies DESC, member.account_id ASC, member.cluster_id ASC;
