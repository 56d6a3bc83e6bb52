-- Purpose: find the e-mail addresses in one value of a field.
-- Writes:  staging.email_text(), staging.email_candidates()
-- Re-run:  safe; functions are replaced by the same text.

CREATE OR REPLACE FUNCTION staging.email_text(raw text)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN octet_length(raw) = length(raw) THEN translate(raw, E'\t\u000b\f\r\n', '   ;;')
    ELSE translate(
        normalize(raw, nfc),
        '＠﹫，；、'
        || E'\u2028\u2029\r\n'
        || E'\u2018\u2019'
        || E'\u00ab\u00bb\u201a\u201c\u201d\u201e'
        || E'\t\u000b\u000c\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009'
        || E'\u200a\u202f\u205f\u3000'
        -- What has no width falls out.
        || E'\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e'
        || E'\u2060\u2066\u2067\u2068\u2069\ufeff',
        '@@,;,'
        || ';;;;'
        || ''''''
        || '""""""'
        || repeat(' ', 18)
    )
END;
COMMENT ON FUNCTION staging.email_text(text) IS
'The text in NFC; signs and blanks of other scripts in ASCII, without what cannot be seen.';

CREATE OR REPLACE FUNCTION staging.email_candidates(raw text)
RETURNS TABLE (part bigint, local_part text, domain text)
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    plain constant text :=
        '^ *[-A-Za-z0-9!#$%&*+=?^_`~]+(?:[.][-A-Za-z0-9!#$%&*+=?^_`~]+)*'
        '@[-A-Za-z0-9]+(?:[.][-A-Za-z0-9]+)+[ .,;]*$';
    atom constant text := '[-A-Za-z0-9!#$%&''*+/=?^_`~\u0080-\U0010ffff]+';
    -- Before an address these are no part of it, although only a blank stands between.
    labels constant text :=
        '^(?:e-?mail|mail|e|work|home|personal|private|main|new|or|and|to|cc|at|'
        '[Пп]очт[аы]|[Ии]мейл|[Ее]мейл|[Мм]ейл|[Аа]дрес|[Ии]|[Ии]ли)$';
    whole text := raw;
BEGIN
    -- Most values are one address and nothing else.
    IF length(raw) <= 320 AND raw ~ plain THEN
        part := 1;
        local_part := ltrim(split_part(raw, '@', 1));
        domain := rtrim(split_part(raw, '@', 2), ' .,;');
        IF length(local_part) > 64 THEN
            local_part := NULL;
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;

    -- Whoever writes a novel into the field must not cost the night. A word cut off is dropped.
    IF length(whole) > 1000 THEN
        whole := regexp_replace(left(whole, 1000), '[^ ,;\n]*$', '');
    END IF;
    whole := staging.email_text(whole);
    IF strpos(whole, '@') = 0 THEN
        -- ivan (at) mail (dot) ru: in brackets alone; "at" is a word as well.
        whole := regexp_replace(
            regexp_replace(
                whole, ' *[[({] *(?:[aA][tT]|[сС][оО][бБ][аА][кК][аА]) *[])}] *', '@', 'g'
            ),
            ' *[[({] *(?:[dD][oO][tT]|[тТ][оО][чЧ][кК][аА]) *[])}] *', '.', 'g'
        );
    END IF;
    -- a@b.ru/c@d.ru: a slash may stand in a local part, never in a domain.
    whole := regexp_replace(whole, '(@[^ @/\\]+)[/\\]+(?=[^ @/\\]+@)', '\1;', 'g');

    RETURN QUERY
        WITH word AS (
            SELECT
                split.place,
                split.groups[1] AS text,
                split.groups[2] AS gap,
                lag(split.groups[1]) OVER by_place AS before,
                lag(split.groups[2]) OVER by_place AS gap_before,
                lead(split.groups[1]) OVER by_place AS behind
            FROM
                regexp_matches(whole, '([^] ,;:<>()"[{}|]+)([] ,;:<>()"[{}|]*)', 'g')
                WITH ORDINALITY AS split (groups, place)
            WINDOW by_place AS (ORDER BY split.place)
        ),

        address AS (
            SELECT
                word.place,
                regexp_match(
                    -- mailto:a@b.ru?subject=…, quotes and what ends a sentence.
                    rtrim(
                        ltrim(regexp_replace(word.text, '(@[^@?]*)[?][^@]*$', '\1'), ''''),
                        '.!?''*/\_-–—…'
                    ),
                    '^([^@]+)@([^@]+)$'
                ) AS sides,
                -- ivan petrov@mail.ru, ivan@mail.co m: who knows what it was to be.
                coalesce(
                    word.before !~ '@'
                    AND word.before !~* labels
                    AND word.gap_before !~ '[,;:<([]|" '
                    AND CASE
                        WHEN word.text ~ '^[^@]*[^\u0001-\u007f]'
                            THEN word.before ~ '[^\u0001-\u007f]'
                        ELSE word.before ~ '[A-Za-z]' AND word.before !~ '[^\u0001-\u007f]'
                    END,
                    FALSE
                )
                OR coalesce(
                    word.gap ~ '^ +$' AND word.behind ~ '^(?:[.]|[a-z]{1,2}$)'
                    AND word.behind !~ labels,
                    FALSE
                ) AS is_doubtful
            FROM word
            WHERE word.text ~ '@'
        ),

        side AS (
            SELECT
                address.place,
                address.sides,
                NOT address.is_doubtful
                AND octet_length(address.sides[1]) <= 64
                AND address.sides[1] ~ ('^' || atom || '(?:[.]' || atom || ')*$')
                -- https://medium.com/@ivan.petrov
                AND address.sides[1] !~ '^/|//|/$'
                AND NOT staging.has_odd_letters(address.sides[1]) AS is_good
            FROM address
        )

        SELECT
            side.place AS part,
            CASE WHEN side.is_good THEN side.sides[1] END AS local_part,
            CASE WHEN side.is_good THEN side.sides[2] END AS domain
        FROM side
        ORDER BY side.place;
    IF NOT FOUND THEN
        part := 1;
        RETURN NEXT;
    END IF;
END;
$$;
COMMENT ON FUNCTION staging.email_candidates(text) IS
'What may be an address each, in the order of part; NULL for what cannot be; one row at least.';
