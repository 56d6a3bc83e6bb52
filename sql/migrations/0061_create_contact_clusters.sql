-- Purpose: duplicates among contacts: the same person entered more than once.
-- Writes:  amo.contact_clusters, staging.contact_clusters
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.contact_clusters (
    account_id bigint NOT NULL,
    contact_id bigint NOT NULL,
    cluster_id bigint NOT NULL,
    master_id bigint NOT NULL,
    matched_by text NOT NULL CONSTRAINT contact_clusters_matched_by
    CHECK (matched_by IN ('phone', 'email')),
    matched_value text NOT NULL,
    CONSTRAINT contact_clusters_pkey PRIMARY KEY (account_id, contact_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.contact_clusters IS
'Contacts that are the same person, by phone, then e-mail: docs/DUPLICATES.md. A contact without '
'a duplicate has no row: coalesce(cluster_id, id) numbers all people.';
COMMENT ON COLUMN amo.contact_clusters.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.contact_clusters.contact_id IS 'Of amo.contacts.';
COMMENT ON COLUMN amo.contact_clusters.cluster_id IS 'The smallest contact_id of the cluster.';
COMMENT ON COLUMN amo.contact_clusters.master_id IS
'The one to keep: with most valid phones and addresses, then the smallest id.';
COMMENT ON COLUMN amo.contact_clusters.matched_by IS
'phone or email: the strongest evidence that it shares with another one of its cluster.';
COMMENT ON COLUMN amo.contact_clusters.matched_value IS
'What it shares: the phones, or the e-mail addresses.';

CREATE INDEX IF NOT EXISTS contact_clusters_cluster_id
ON amo.contact_clusters (account_id, cluster_id);

CREATE UNLOGGED TABLE IF NOT EXISTS staging.contact_clusters (
    LIKE amo.contact_clusters
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.contact_clusters IS
'Rows of amo.contact_clusters that one transform is about to merge.';
