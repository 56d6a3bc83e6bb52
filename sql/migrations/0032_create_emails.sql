-- Purpose: e-mail addresses of contacts and companies, as typed and cleaned.
-- Writes:  amo.emails, staging.emails
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.emails (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    position integer NOT NULL,
    raw text NOT NULL,
    email text,
    enum_code text,
    is_valid boolean NOT NULL,
    CONSTRAINT emails_pkey PRIMARY KEY (account_id, entity_type, entity_id, position)
);
COMMENT ON TABLE amo.emails IS
'Addresses in the field EMAIL: one row each, also where one value has several. What is not an '
'address keeps raw, with is_valid false. docs/EMAILS_AND_IDS.md.';
COMMENT ON COLUMN amo.emails.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.emails.entity_type IS
'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.emails.entity_id IS 'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.emails.is_valid IS 'It has the form of an address.';
COMMENT ON COLUMN amo.emails.position IS
'Order in the field, from 1; a value with two addresses takes two.';
COMMENT ON COLUMN amo.emails.raw IS
'The whole value as a person typed it; the same in all rows of a value with several addresses.';
COMMENT ON COLUMN amo.emails.email IS
'Local part as typed, domain in lower case with its own letters (почта.рф, not xn--…); NULL when '
'not valid.';
COMMENT ON COLUMN amo.emails.enum_code IS 'WORK, PRIV or OTHER.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.emails (
    LIKE amo.emails
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.emails IS 'Rows of amo.emails that one transform is about to merge.';
