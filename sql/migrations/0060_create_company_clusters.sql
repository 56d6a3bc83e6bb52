-- Purpose: duplicates among companies: the same firm entered more than once.
-- Writes:  amo.company_clusters, staging.company_clusters
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.company_clusters (
    account_id bigint NOT NULL,
    company_id bigint NOT NULL,
    cluster_id bigint NOT NULL,
    master_id bigint NOT NULL,
    matched_by text NOT NULL CONSTRAINT company_clusters_matched_by
    CHECK (matched_by IN ('inn', 'phone', 'email')),
    matched_value text NOT NULL,
    CONSTRAINT company_clusters_pkey PRIMARY KEY (account_id, company_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.company_clusters IS
'Companies that are the same firm, by INN, then phone, then e-mail: docs/DUPLICATES.md. A company '
'without a duplicate has no row: coalesce(cluster_id, id) numbers all firms.';
COMMENT ON COLUMN amo.company_clusters.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.company_clusters.company_id IS 'Of amo.companies.';
COMMENT ON COLUMN amo.company_clusters.cluster_id IS 'The smallest company_id of the cluster.';
COMMENT ON COLUMN amo.company_clusters.master_id IS
'The one to keep: with a valid INN, then with most valid phones, addresses and legal ids, then '
'the smallest id.';
COMMENT ON COLUMN amo.company_clusters.matched_by IS
'inn, phone or email: the strongest evidence that it shares with another one of its cluster.';
COMMENT ON COLUMN amo.company_clusters.matched_value IS
'What it shares: the INN, or the phones, or the e-mail addresses and domains.';

CREATE INDEX IF NOT EXISTS company_clusters_cluster_id
ON amo.company_clusters (account_id, cluster_id);

CREATE UNLOGGED TABLE IF NOT EXISTS staging.company_clusters (
    LIKE amo.company_clusters
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.company_clusters IS
'Rows of amo.company_clusters that one transform is about to merge.';
