-- Purpose: numbering plans of all countries: what numbers look like, dialled at home and abroad.
-- Writes:  ops.phone_regions, ops.phone_defaults
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS ops.phone_regions (
    region text NOT NULL CONSTRAINT phone_regions_pkey PRIMARY KEY,
    country_code text NOT NULL,
    priority integer NOT NULL,
    possible_lengths integer[] NOT NULL,
    international_prefix text,
    trunk_prefix text,
    trunk_rule text,
    trunk_group integer,
    leading_digits text,
    possible text NOT NULL,
    valid text NOT NULL,
    CONSTRAINT phone_regions_country_code_key UNIQUE (country_code, priority)
);
COMMENT ON TABLE ops.phone_regions IS
'Numbering plans, from libphonenumber. After a change: bin/transform --rebuild phones.';
COMMENT ON COLUMN ops.phone_regions.country_code IS 'Without +.';
COMMENT ON COLUMN ops.phone_regions.trunk_group IS 'Number of the group in trunk_prefix.';
COMMENT ON COLUMN ops.phone_regions.region IS
'Two letters as in ISO 3166; for codes of no country (+800 …) the code itself.';
COMMENT ON COLUMN ops.phone_regions.priority IS
'0: the main region of its country code, by whose rules numbers from abroad are read.';
COMMENT ON COLUMN ops.phone_regions.possible_lengths IS
'Digits of a national number, without prefixes.';
COMMENT ON COLUMN ops.phone_regions.international_prefix IS
'Pattern of what is dialled here before a country code: 00, 810, 011 …';
COMMENT ON COLUMN ops.phone_regions.trunk_prefix IS
'Pattern of what is dialled here before a national number (8, 0 …), with carrier codes.';
COMMENT ON COLUMN ops.phone_regions.trunk_rule IS
'What the prefix becomes when its group trunk_group took part; otherwise it is cut off.';
COMMENT ON COLUMN ops.phone_regions.leading_digits IS
'How national numbers of this region start where several regions share a country code.';
COMMENT ON COLUMN ops.phone_regions.possible IS
'Pattern of all national numbers, wide: decides whether a leading 8 or 0 is a prefix.';
COMMENT ON COLUMN ops.phone_regions.valid IS 'Pattern of the national numbers that are given out.';

-- Patterns are read for every number: not compressed, not moved out of the row.
ALTER TABLE ops.phone_regions
ALTER COLUMN trunk_prefix SET STORAGE PLAIN,
ALTER COLUMN possible SET STORAGE PLAIN,
ALTER COLUMN valid SET STORAGE PLAIN;

CREATE TABLE IF NOT EXISTS ops.phone_defaults (
    account_id bigint NOT NULL CONSTRAINT phone_defaults_pkey PRIMARY KEY,
    region text NOT NULL CONSTRAINT phone_defaults_region_fkey
    REFERENCES ops.phone_regions (region) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE ops.phone_defaults IS
'Where phones without a country code are from, if not from the country of the account. Empty, '
'yours to fill; then bin/transform --rebuild phones.';
COMMENT ON COLUMN ops.phone_defaults.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.phone_defaults.region IS 'One of ops.phone_regions: RU, KZ, UZ …';
