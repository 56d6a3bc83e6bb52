-- Purpose: phone numbers of contacts and companies, as typed and as E.164.
-- Writes:  amo.phones, staging.phones
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.phones (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    position integer NOT NULL,
    raw text NOT NULL,
    e164 text,
    extension text,
    enum_code text,
    is_valid boolean NOT NULL,
    CONSTRAINT phones_pkey PRIMARY KEY (account_id, entity_type, entity_id, position)
);
COMMENT ON TABLE amo.phones IS
'Values of the field PHONE. A number that cannot be normalised keeps raw, with is_valid false.';
COMMENT ON COLUMN amo.phones.raw IS 'As a person typed it.';
COMMENT ON COLUMN amo.phones.e164 IS '+79161234567; NULL when not valid.';
COMMENT ON COLUMN amo.phones.enum_code IS 'WORK, WORKDD, MOB, FAX, HOME or OTHER.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.phones (
    LIKE amo.phones
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.phones IS 'Rows of amo.phones that one transform is about to merge.';
