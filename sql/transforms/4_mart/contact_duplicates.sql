-- Purpose: contacts that are the same person, cluster by cluster, with the reason.
-- Version: 1
-- Reads:   amo.contact_clusters, amo.contacts
-- Writes:  mart.contact_duplicates
-- Re-run:  safe; the view is replaced, its grants stay.

CREATE OR REPLACE VIEW mart.contact_duplicates AS
SELECT
    cluster.account_id,
    cluster.cluster_id,
    count(*) OVER (PARTITION BY cluster.account_id, cluster.cluster_id) AS contacts,
    cluster.contact_id,
    contact.name,
    cluster.contact_id = cluster.master_id AS is_master,
    cluster.matched_by,
    cluster.matched_value,
    cluster.master_id,
    master.name AS master_name,
    contact.responsible_user_id,
    contact.created_at,
    contact.updated_at
FROM amo.contact_clusters AS cluster
INNER JOIN amo.contacts AS contact
    ON
        cluster.account_id = contact.account_id
        AND cluster.contact_id = contact.id
INNER JOIN amo.contacts AS master
    ON
        cluster.account_id = master.account_id
        AND cluster.master_id = master.id;

COMMENT ON VIEW mart.contact_duplicates IS
'Contacts that are the same person, and what says so; order by account_id, cluster_id, '
'is_master DESC. Rules: docs/DUPLICATES.md.';
COMMENT ON COLUMN mart.contact_duplicates.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN mart.contact_duplicates.cluster_id IS 'As in amo.contact_clusters.';
COMMENT ON COLUMN mart.contact_duplicates.contact_id IS 'The member.';
COMMENT ON COLUMN mart.contact_duplicates.name IS 'Its name.';
COMMENT ON COLUMN mart.contact_duplicates.is_master IS 'The one to keep.';
COMMENT ON COLUMN mart.contact_duplicates.master_id IS 'Which one that is.';
COMMENT ON COLUMN mart.contact_duplicates.master_name IS 'Its name.';
COMMENT ON COLUMN mart.contact_duplicates.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN mart.contact_duplicates.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN mart.contact_duplicates.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN mart.contact_duplicates.contacts IS 'How many contacts the cluster has.';
COMMENT ON COLUMN mart.contact_duplicates.matched_by IS
'phone or email: the strongest evidence that it shares with another one of its cluster.';
COMMENT ON COLUMN mart.contact_duplicates.matched_value IS 'What it shares.';
