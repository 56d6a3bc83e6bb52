-- Purpose: OAuth token pairs, saved before their first use.
-- Writes:  ops.tokens
-- Re-run:  safe; what exists is kept.

-- The key is the integration and the address as configured. The account's id is known only
-- after the first call, one integration may be installed in several accounts of one database,
-- and an account that was renamed keeps its row: moved_to says where it lives now.
CREATE TABLE IF NOT EXISTS ops.tokens (
    client_id text NOT NULL,
    base_url text NOT NULL,
    moved_to text,
    source text,
    configured_sha256 text,
    access_token text,
    refresh_token text,
    granted_at timestamptz,
    refreshed_at timestamptz,
    expires_at timestamptz,
    asked_sha256 text,
    asked_at timestamptz,
    asked_by text,
    CONSTRAINT tokens_pkey PRIMARY KEY (client_id, base_url)
);
COMMENT ON TABLE ops.tokens IS
'OAuth pairs, one row per integration and account; secret: grant it to nobody, and leave it out of '
'dumps that others read (pg_dump --exclude-table-data=ops.tokens). Written by bin/load.';
COMMENT ON COLUMN ops.tokens.client_id IS 'Of the integration.';
COMMENT ON COLUMN ops.tokens.access_token IS 'Secret: opens the account until expires_at.';
COMMENT ON COLUMN ops.tokens.granted_at IS 'When the chain began.';
COMMENT ON COLUMN ops.tokens.refreshed_at IS 'When the pair was last replaced.';
COMMENT ON COLUMN ops.tokens.expires_at IS 'Of the access token.';
COMMENT ON COLUMN ops.tokens.asked_at IS 'When that request left.';
COMMENT ON COLUMN ops.tokens.base_url IS 'AMO_BASE_URL of the run that began the chain.';
COMMENT ON COLUMN ops.tokens.moved_to IS
'Address of the account since it was renamed; NULL while it is base_url.';
COMMENT ON COLUMN ops.tokens.source IS
'What began the chain: code (bin/load auth --code) or configured (AMO_REFRESH_TOKEN).';
COMMENT ON COLUMN ops.tokens.configured_sha256 IS
'SHA-256 of AMO_REFRESH_TOKEN when the chain began: while it is still set to that token, this '
'pair is the newer one; another token is a new grant and wins.';
COMMENT ON COLUMN ops.tokens.refresh_token IS
'Good for one refresh within three months; the answer brings the next one.';
COMMENT ON COLUMN ops.tokens.asked_sha256 IS
'SHA-256 of the token or code of a request whose answer is not saved yet. When it stays, the '
'process was killed or cut off in between, and amoCRM may have used the token up.';
COMMENT ON COLUMN ops.tokens.asked_by IS 'Host and process of that request.';

-- ANALYZE copies values of columns into pg_statistic, out of reach of the grants below.
ALTER TABLE ops.tokens ALTER COLUMN access_token SET STATISTICS 0;
ALTER TABLE ops.tokens ALTER COLUMN refresh_token SET STATISTICS 0;

REVOKE ALL ON ops.tokens FROM public;

-- ALTER DEFAULT PRIVILEGES may have opened the schema to others: not this table.
DO $$
DECLARE
    reader regrole;
BEGIN
    FOR reader IN
        SELECT DISTINCT granted.grantee::regrole
        FROM pg_class AS class, aclexplode(class.relacl) AS granted
        WHERE class.oid = 'ops.tokens'::regclass
            AND granted.grantee NOT IN (0, class.relowner)
    LOOP
        EXECUTE format('REVOKE ALL ON ops.tokens FROM %s', reader);
    END LOOP;
END;
$$;
