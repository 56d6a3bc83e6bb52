-- Purpose: companies that are the same firm, cluster by cluster, with the reason.
-- Version: 1
-- Reads:   amo.company_clusters, amo.companies
-- Writes:  mart.duplicates
-- Re-run:  safe; the view is replaced, its grants stay.

CREATE OR REPLACE VIEW mart.duplicates AS
SELECT
    cluster.account_id,
    cluster.cluster_id,
    count(*) OVER (PARTITION BY cluster.account_id, cluster.cluster_id) AS companies,
    cluster.company_id,
    company.name,
    cluster.company_id = cluster.master_id AS is_master,
    cluster.matched_by,
    cluster.matched_value,
    cluster.master_id,
    master.name AS master_name,
    company.responsible_user_id,
    company.created_at,
    company.updated_at
FROM amo.company_clusters AS cluster
INNER JOIN amo.companies AS company
    ON
        cluster.account_id = company.account_id
        AND cluster.company_id = company.id
INNER JOIN amo.companies AS master
    ON
        cluster.account_id = master.account_id
        AND cluster.master_id = master.id;

COMMENT ON VIEW mart.duplicates IS
'Companies that are the same firm, and what says so; order by account_id, cluster_id, '
'is_master DESC. Rules: docs/DUPLICATES.md.';
COMMENT ON COLUMN mart.duplicates.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN mart.duplicates.cluster_id IS 'As in amo.company_clusters.';
COMMENT ON COLUMN mart.duplicates.company_id IS 'The member.';
COMMENT ON COLUMN mart.duplicates.name IS 'Its name.';
COMMENT ON COLUMN mart.duplicates.is_master IS 'The one to keep.';
COMMENT ON COLUMN mart.duplicates.master_id IS 'Which one that is.';
COMMENT ON COLUMN mart.duplicates.master_name IS 'Its name.';
COMMENT ON COLUMN mart.duplicates.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN mart.duplicates.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN mart.duplicates.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN mart.duplicates.companies IS 'How many companies the cluster has.';
COMMENT ON COLUMN mart.duplicates.matched_by IS
'inn, phone or email: the strongest evidence that it shares with another one of its cluster.';
COMMENT ON COLUMN mart.duplicates.matched_value IS 'What it shares.';
