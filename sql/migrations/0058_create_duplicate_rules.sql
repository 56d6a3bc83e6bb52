-- Purpose: the rules for finding duplicates that a DBA may change, and whether they have changed.
-- Writes:  ops.duplicate_rules, ops.free_mail_domains, ops.role_mailboxes, staging.cluster_basis,
--          staging.richness, functions
-- Re-run:  safe; what exists is kept, functions are replaced by the same text.

CREATE TABLE IF NOT EXISTS ops.duplicate_rules (
    is_only boolean NOT NULL DEFAULT TRUE CONSTRAINT duplicate_rules_pkey PRIMARY KEY
    CONSTRAINT duplicate_rules_is_only CHECK (is_only),
    max_sharers integer NOT NULL DEFAULT 5
    CONSTRAINT duplicate_rules_max_sharers CHECK (max_sharers >= 1),
    max_inn_sharers integer NOT NULL DEFAULT 100
    CONSTRAINT duplicate_rules_max_inn_sharers CHECK (max_inn_sharers >= 1)
);
COMMENT ON TABLE ops.duplicate_rules IS
'One row for a DBA to UPDATE; the next transform finds the duplicates anew. docs/DUPLICATES.md.';
COMMENT ON COLUMN ops.duplicate_rules.is_only IS 'Keeps it to one row.';
COMMENT ON COLUMN ops.duplicate_rules.max_sharers IS
'A phone number, e-mail address or domain of more companies (contacts) than this is no '
'evidence; 1 switches phones and e-mail off.';
COMMENT ON COLUMN ops.duplicate_rules.max_inn_sharers IS
'An INN of more companies than this is a placeholder and brings nobody together.';

INSERT INTO ops.duplicate_rules DEFAULT VALUES
ON CONFLICT ON CONSTRAINT duplicate_rules_pkey DO NOTHING;

CREATE TABLE IF NOT EXISTS ops.free_mail_domains (
    domain text CONSTRAINT free_mail_domains_pkey PRIMARY KEY
    CONSTRAINT free_mail_domains_domain
    CHECK (domain = staging.lower_text(domain) AND domain !~ '[@ ]'),
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.free_mail_domains IS
'Mail services for everybody: their addresses tell of a person, not of a firm. Add your own by '
'INSERT; the next transform finds the duplicates anew.';
COMMENT ON COLUMN ops.free_mail_domains.domain IS 'In lower case, with its own letters.';
COMMENT ON COLUMN ops.free_mail_domains.added_at IS 'When the row was added.';

INSERT INTO ops.free_mail_domains (domain)
SELECT listed.domain
FROM
    unnest(
        string_to_array(
            'mail.ru bk.ru list.ru inbox.ru internet.ru xmail.ru vk.com '
            'yandex.ru ya.ru yandex.com yandex.by yandex.kz yandex.ua yandex.uz narod.ru '
            'rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru rambler.ua '
            'gmail.com googlemail.com outlook.com hotmail.com hotmail.ru live.com live.ru msn.com '
            'icloud.com me.com mac.com yahoo.com ymail.com yahoo.de yahoo.fr yahoo.co.uk '
            'aol.com gmx.de gmx.net gmx.com web.de mail.com zoho.com '
            'proton.me protonmail.com pm.me tuta.io tutanota.com '
            'qip.ru pochta.ru hotbox.ru nm.ru newmail.ru smtp.ru pisem.net fromru.com front.ru '
            'land.ru krovatka.su e1.ru sibmail.com zmail.ru email.ru mail15.com '
            'ukr.net i.ua meta.ua bigmir.net email.ua tut.by mail.by mail.kz inbox.lv mail.ee '
            'qq.com 163.com 126.com',
            ' '
        )
    ) AS listed (domain)
ON CONFLICT ON CONSTRAINT free_mail_domains_pkey DO NOTHING;

CREATE TABLE IF NOT EXISTS ops.role_mailboxes (
    name text CONSTRAINT role_mailboxes_pkey PRIMARY KEY
    CONSTRAINT role_mailboxes_name
    CHECK (name = staging.lower_text(name) AND name !~ '[@ ]'),
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.role_mailboxes IS
'What stands before the @ of a mailbox that colleagues share: it tells nothing about a contact. '
'Add your own by INSERT; the next transform finds the duplicates anew.';
COMMENT ON COLUMN ops.role_mailboxes.name IS 'In lower case: info, sales, бухгалтерия …';
COMMENT ON COLUMN ops.role_mailboxes.added_at IS 'When the row was added.';

INSERT INTO ops.role_mailboxes (name)
SELECT listed.name
FROM
    unnest(
        string_to_array(
            'info инфо office офис mail почта post email e-mail contact contacts hello admin '
            'sale sales продажи zakaz заказ order orders opt shop market marketing pr reklama '
            'buh buhgalter бухгалтерия accounting finance oplata zakupki snab tender dogovor '
            'hr job rabota personal support help service servis director secretary sekretar '
            'reception manager noreply no-reply',
            ' '
        )
    ) AS listed (name)
ON CONFLICT ON CONSTRAINT role_mailboxes_pkey DO NOTHING;

CREATE UNLOGGED TABLE IF NOT EXISTS staging.cluster_basis (
    entity_type text CONSTRAINT cluster_basis_pkey PRIMARY KEY,
    rules text NOT NULL,
    evidence numeric NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.cluster_basis IS
'What the present clusters follow from; without a row, as after a crash, they are found anew.';
COMMENT ON COLUMN staging.cluster_basis.rules IS 'staging.duplicate_rules().';
COMMENT ON COLUMN staging.cluster_basis.evidence IS 'staging.evidence_fingerprint().';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.cluster_due (
    LIKE staging.cluster_basis
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.cluster_due IS
'One row while clusters are found anew: what they will follow from. None: nothing has changed.';

CREATE OR REPLACE FUNCTION staging.duplicate_rules()
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    SELECT
        rule.max_sharers || ' ' || rule.max_inn_sharers || ' '
        || md5(
            concat_ws(
                '@',
                (
                    SELECT string_agg(free.domain, ' ' ORDER BY free.domain COLLATE "C")
                    FROM ops.free_mail_domains AS free
                ),
                (
                    SELECT string_agg(role.name, ' ' ORDER BY role.name COLLATE "C")
                    FROM ops.role_mailboxes AS role
                )
            )
        )
    FROM ops.duplicate_rules AS rule;
$$;
COMMENT ON FUNCTION staging.duplicate_rules() IS
'All that a DBA may change about duplicates, in one text: it differs when they do.';

CREATE OR REPLACE FUNCTION staging.evidence_fingerprint(clustered text, streams text[])
RETURNS numeric
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    SELECT
        coalesce(
            sum(hashtextextended(item.value, hashint8extended(item.entity_id, item.account_id))), 0
        )
    FROM (
        SELECT account_id, entity_id, concat_ws(' ', entity_type, e164, extension) AS value
        FROM amo.phones WHERE is_valid AND entity_type = ANY (streams)
        UNION ALL
        SELECT account_id, entity_id, entity_type || email FROM amo.emails
        WHERE is_valid AND entity_type = ANY (streams)
        UNION ALL
        SELECT account_id, entity_id, concat_ws(' ', entity_type, kind, position, value)
        FROM amo.legal_ids WHERE is_valid AND entity_type = ANY (streams)
        UNION ALL
        SELECT account_id, id, 'company' FROM amo.companies
        WHERE deleted_at IS NULL AND is_deleted IS NOT TRUE AND clustered = 'companies'
        UNION ALL
        SELECT account_id, id, 'contact' FROM amo.contacts
        WHERE deleted_at IS NULL AND is_deleted IS NOT TRUE AND clustered = 'contacts'
    ) AS item;
$$;
COMMENT ON FUNCTION staging.evidence_fingerprint(text, text[]) IS
'The valid details of these entity types, and who is alive, as one number.';

-- The fingerprint costs a tenth of finding the clusters, and most edits touch no evidence.
CREATE OR REPLACE FUNCTION staging.look_for_clusters(clustered text, streams text[])
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    present staging.cluster_basis;
    known staging.cluster_basis;
    -- Set by bin/transform. Without it, as in a rebuild, after an edit of a file or with psql,
    -- somebody wants to see it done.
    is_nightly boolean := coalesce(current_setting('amo.changes_only', TRUE), '') = 'on';
    is_touched boolean := EXISTS (SELECT FROM staging.changes WHERE stream = ANY (streams));
BEGIN
    TRUNCATE
        staging.cluster_due, staging.cluster_evidence, staging.cluster_nodes, staging.cluster_links;
    IF NOT EXISTS (SELECT FROM ops.duplicate_rules) THEN
        RAISE EXCEPTION 'ops.duplicate_rules is empty'
        USING DETAIL = 'INSERT INTO ops.duplicate_rules DEFAULT VALUES; brings its row back';
    END IF;
    SELECT * INTO known FROM staging.cluster_basis WHERE entity_type = clustered;
    IF known.rules = staging.duplicate_rules() AND is_nightly AND NOT is_touched THEN
        RETURN FALSE;
    END IF;
    present := ROW(
        clustered, staging.duplicate_rules(), staging.evidence_fingerprint(clustered, streams)
    );
    IF present = known AND is_nightly THEN
        RETURN FALSE;
    END IF;
    INSERT INTO staging.cluster_due SELECT present.*;
    RETURN TRUE;
END;
$$;
COMMENT ON FUNCTION staging.look_for_clusters(text, text[]) IS
'Start with empty tables, and say, also in staging.cluster_due, whether clusters must be found '
'anew: the evidence of these streams or the rules changed.';

CREATE OR REPLACE FUNCTION staging.clusters_found()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    DELETE FROM staging.cluster_basis
    WHERE entity_type IN (SELECT due.entity_type FROM staging.cluster_due AS due);
    INSERT INTO staging.cluster_basis SELECT * FROM staging.cluster_due;
$$;
COMMENT ON FUNCTION staging.clusters_found() IS 'Note what the clusters follow from now.';

CREATE OR REPLACE VIEW staging.richness AS
SELECT
    detail.account_id,
    detail.entity_type,
    detail.entity_id,
    count(*) AS richness
FROM (
    SELECT
        phone.account_id,
        phone.entity_type,
        phone.entity_id
    FROM amo.phones AS phone
    WHERE phone.is_valid
    UNION ALL
    SELECT
        email.account_id,
        email.entity_type,
        email.entity_id
    FROM amo.emails AS email
    WHERE email.is_valid
    UNION ALL
    SELECT
        legal.account_id,
        legal.entity_type,
        legal.entity_id
    FROM amo.legal_ids AS legal
    WHERE legal.is_valid
) AS detail
GROUP BY detail.account_id, detail.entity_type, detail.entity_id;
COMMENT ON VIEW staging.richness IS
'How many valid phones, e-mail addresses and legal ids an entity has: the richer one of '
'duplicates becomes the master.';
