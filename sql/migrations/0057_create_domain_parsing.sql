-- Purpose: read domains of e-mail addresses in any script: one form, and whether it is valid.
-- Writes:  staging.has_odd_letters(), staging.idn_label(), staging.read_domain()
-- Re-run:  safe; functions are replaced by the same text.

CREATE OR REPLACE FUNCTION staging.has_odd_letters(value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN
-- Signs, blanks, marks of direction, emoji, private use. Ranges, because what [[:alpha:]]
-- takes in depends on the locale.
value ~ (
    '[\u0080-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7'
    '\u02c2-\u02c5\u02d2-\u02df\u0375\u0482\u0488\u0489\u055a-\u055f\u0589-\u058f'
    '\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964\u0965\u0e3f\u1680'
    '\u2000-\u200b\u200e-\u206f\u20a0-\u2bff\u2e00-\u3004\u3008-\u3029\u3030'
    '\u303d-\u303f\u30a0\u31c0-\u31e3\u3248-\u327f\u4dc0-\u4dff\ue000-\uf8ff'
    '\ufd3e-\ufd4f\ufe00-\ufe1f\ufe30-\ufe6f\ufeff\ufff0-\uffff'
    '\U0001f000-\U0001faff\U000e0000-\U0010ffff]'
    -- Joiners belong between the letters of Persian and the scripts of India alone.
    '|(?:^|[^\u0600-\u0dff])[\u200c\u200d]|[\u200c\u200d]$'
    -- A mark without a letter before it.
    '|^[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u064b-\u065f\u0670]'
)
-- Latin with Cyrillic or Greek in one word: a letter from the wrong keyboard. Registries give
-- out no such domain.
OR value ~ '[A-Za-z\u00c0-\u024f]' AND value ~ '[\u0370-\u052f]';
COMMENT ON FUNCTION staging.has_odd_letters(text) IS
'Whether a label, or a local part, has what no letter or digit is, or mixes Latin and Cyrillic.';

CREATE OR REPLACE FUNCTION staging.idn_label(label text)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN
        length(label) <= 63
        AND label !~ '^-|-$|^..--|[\u0001-\u002c./:-`{-\u007f]'
        AND NOT staging.has_odd_letters(label)
        AND normalize(staging.lower_text(normalize(label, nfkc)), nfc) = label
        THEN substring('xn--' || staging.punycode_encode(label) FROM '^.{5,63}$')
END;
COMMENT ON FUNCTION staging.idn_label(text) IS
'xn--… of a label with other letters than those of ASCII; NULL when it cannot be one.';

CREATE OR REPLACE FUNCTION staging.read_domain(typed text, OUT domain text, OUT ascii text)
LANGUAGE plpgsql
IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    plain constant text := '^(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?[.])+[a-z]{2,63}$';
    low text;
    label text;
    letters text;
    shown text[];
    sent text[];
BEGIN
    IF length(typed) > 253 THEN
        RETURN;
    END IF;
    low := staging.lower_text(typed);
    IF low ~ plain AND low !~ '(?:^|[.])xn--' THEN
        domain := low;
        ascii := low;
        RETURN;
    END IF;
    IF octet_length(low) <> length(low) THEN
        low := normalize(
            staging.lower_text(normalize(translate(typed, '。．｡', '...'), nfkc)), nfc
        );
    END IF;
    FOREACH label IN ARRAY string_to_array(low, '.') LOOP
        letters := label;
        IF label LIKE 'xn--%' THEN
            letters := staging.punycode_decode(substr(label, 5));
            -- Only what we should write ourselves: one spelling, one domain.
            IF octet_length(letters) = length(letters)
                OR staging.idn_label(letters) IS DISTINCT FROM label
            THEN
                RETURN;
            END IF;
        ELSIF octet_length(label) <> length(label) THEN
            label := staging.idn_label(label);
        END IF;
        IF (label ~ '^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$') IS NOT TRUE THEN
            RETURN;
        END IF;
        shown := shown || letters;
        sent := sent || label;
    END LOOP;
    IF cardinality(sent) > 1
        AND label ~ '^(?:[a-z]{2,63}|xn--.*)$'
        AND length(array_to_string(sent, '.')) <= 253
    THEN
        domain := array_to_string(shown, '.');
        ascii := array_to_string(sent, '.');
    END IF;
END;
$$;
COMMENT ON FUNCTION staging.read_domain(text) IS
'A domain in lower case, with its own letters and as DNS knows it (xn--…); NULL: not valid.';
