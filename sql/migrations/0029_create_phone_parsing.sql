-- Purpose: read one phone number by the numbering plans of ops.phone_regions.
-- Writes:  staging.parse_phone(), staging.phone_text(), staging.phone_without_trunk()
-- Re-run:  safe; functions are replaced by the same text.

-- Letters and digits of many scripts come from web pages and messengers; the rest sees ASCII.
CREATE OR REPLACE FUNCTION staging.phone_text(raw text)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN octet_length(raw) = length(raw) THEN translate(raw, E'\t', ' ')
    ELSE translate(
        raw,
        '０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹'
        || '＋（）［］．／＃～⁓∼ｘＸ'
        -- Hyphens, dashes, minus.
        || E'\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d'
        -- Blanks, quotation marks, dots.
        || E'\t\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026\u00b7'
        || E'\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000'
        -- What has no width falls out.
        || E'\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff',
        '012345678901234567890123456789'
        || '+()[]./#~~~xX'
        || '---------'
        || repeat(' ', 26)
    )
END;
COMMENT ON FUNCTION staging.phone_text(text) IS
'The text with the digits and signs of other scripts in ASCII.';

CREATE OR REPLACE FUNCTION staging.phone_without_trunk(
    number text, possible text, trunk_prefix text, trunk_rule text, trunk_group integer
)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN trunk_prefix IS NULL OR number !~ trunk_prefix THEN number
    WHEN trunk_rule IS NULL OR (regexp_match(number, trunk_prefix))[trunk_group] IS NULL
        THEN CASE
            -- 8 800 … of Russia is a number, not a prefix before one.
            WHEN number ~ possible AND regexp_replace(number, trunk_prefix, '') !~ possible
                THEN number
            ELSE regexp_replace(number, trunk_prefix, '')
        END
    WHEN number ~ possible AND regexp_replace(number, trunk_prefix, trunk_rule) !~ possible
        THEN number
    ELSE regexp_replace(number, trunk_prefix, trunk_rule)
END;
COMMENT ON FUNCTION staging.phone_without_trunk(text, text, text, text, integer) IS
'A national number without the prefix dialled at home; as it is when that would break it.';

-- The steps of phonenumbers.parse() and is_valid_number(), in their order; docs/PHONES.md lists
-- where this one goes further. Variables, because a step needs the one before several times.
CREATE OR REPLACE FUNCTION staging.parse_phone(
    raw text, default_region text, OUT e164 text, OUT extension text
)
LANGUAGE plpgsql
STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    -- From the first digit or plus to the last letter, digit or #.
    whole text := substring(
        staging.phone_text(left(raw, 251))
        FROM '[+0-9].*[^\u0001-\u0022\u0024-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f]'
    );
    shape constant text :=
        '^(?:[0-9]{2}|[+]*(?:[-xX() .[\]/~*]*[0-9]){3}[-xX() .[\]/~*A-Za-z0-9]*)$';
    number text;
    digits text;
    rest text;
    dialled_extension text;
    home ops.phone_regions;
    plan ops.phone_regions;
BEGIN
    IF whole IS NULL OR length(raw) > 250 THEN
        RETURN;
    END IF;

    number := whole;
    IF whole ~ '[^-+0-9() .]' THEN
        -- 583-6985 x302/x2303: the first of two.
        whole := regexp_replace(whole, '[\\/] *x.*', '');
        number := regexp_replace(
            whole,
            '(?:;ext=[0-9]{1,20}'
            '|[ ,]*(?:[eE]?[xX][tT](?:[eE][nN][sS][iI](?:[oO]\u0301?|[óÓ])?)?[nN]?'
            '|[дД][оО][бБ][авочныйе]*|[вВ][нН][утренийом]*|[aA][nN][eE][xX][oO])'
            '[:.]?[ ,-]*[0-9]{1,20}#?'
            '|[ ,]*(?:[xXхХwW#~]|[iI][nN][tT])[:.]?[ ,-]*[0-9]{1,9}#?'
            '|[- ]+[0-9]{1,6}#'
            '|[ ]*(?:,,|;)[:.]?[ ,-]*[0-9]{1,15}#?'
            '|[ ]*,+[:.]?[ ,-]*[0-9]{1,9}#?)$',
            ''
        );
        IF number <> whole AND number ~ shape THEN
            dialled_extension := substring(whole FROM '([0-9]+)#?$');
        ELSE
            number := whole;
        END IF;
    END IF;
    IF number !~ shape THEN
        RETURN;
    END IF;

    digits := CASE
        -- Three letters are meant to be dialled: 8 800 FLOWERS.
        WHEN number ~ '[A-Za-z].*[A-Za-z].*[A-Za-z]' THEN translate(
            number,
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-() .[]/~*+',
            '2223334445556667777888999922233344455566677778889999'
        )
        ELSE translate(
            number, '0-() .[]/~*+ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', '0'
        )
    END;

    IF number LIKE '+%' AND length(digits) > 2 THEN
        SELECT region.* INTO plan
        FROM ops.phone_regions AS region
        WHERE
            region.country_code IN (left(digits, 1), left(digits, 2), left(digits, 3))
            AND region.priority = 0;
    END IF;
    IF plan.region IS NOT NULL THEN
        digits := substr(digits, length(plan.country_code) + 1);
    ELSE
        SELECT region.* INTO home
        FROM ops.phone_regions AS region
        WHERE region.region = default_region;
        IF digits ~ home.international_prefix THEN
            rest := regexp_replace(digits, home.international_prefix, '');
        END IF;
        -- 00 is known everywhere, also where another prefix is dialled.
        IF (rest IS NULL OR rest LIKE '0%')
            AND digits ~ '^00[1-9]' AND (digits ~ home.possible) IS NOT TRUE
        THEN
            rest := substr(digits, 3);
        END IF;
        IF rest NOT LIKE '0%' THEN
            SELECT region.* INTO plan
            FROM ops.phone_regions AS region
            WHERE
                region.country_code IN (left(rest, 1), left(rest, 2), left(rest, 3))
                AND region.priority = 0
                AND length(rest) > 2;
            digits := substr(rest, length(plan.country_code) + 1);
        ELSIF number NOT LIKE '+%' THEN
            plan := home;
            -- 7 916 … without a plus: its own country code, where it makes no sense with it.
            IF left(digits, length(home.country_code)) = home.country_code THEN
                rest := staging.phone_without_trunk(
                    substr(digits, length(home.country_code) + 1),
                    home.possible, home.trunk_prefix, home.trunk_rule, home.trunk_group
                );
                IF (digits !~ home.possible AND rest ~ home.possible)
                    OR length(digits)
                    > home.possible_lengths[cardinality(home.possible_lengths)]
                THEN
                    digits := rest;
                    SELECT region.* INTO plan
                    FROM ops.phone_regions AS region
                    WHERE region.country_code = home.country_code AND region.priority = 0;
                END IF;
            END IF;
        END IF;
    END IF;
    IF plan.region IS NULL THEN
        RETURN;
    END IF;

    rest := staging.phone_without_trunk(
        digits, plan.possible, plan.trunk_prefix, plan.trunk_rule, plan.trunk_group
    );
    IF length(rest) = ANY (plan.possible_lengths)
        OR length(rest) > plan.possible_lengths[cardinality(plan.possible_lengths)]
    THEN
        digits := rest;
    END IF;

    -- The first region of this code that claims the number decides whether it is given out.
    IF plan.priority > 0 OR digits !~ coalesce(plan.leading_digits, plan.valid) THEN
        SELECT region.* INTO plan
        FROM ops.phone_regions AS region
        WHERE
            region.country_code = plan.country_code
            AND digits ~ coalesce(region.leading_digits, region.valid)
        ORDER BY region.priority
        LIMIT 1;
    END IF;
    IF (plan.leading_digits IS NULL OR digits ~ plan.valid) AND digits ~ plan.possible THEN
        e164 := '+' || plan.country_code || digits;
        extension := dialled_extension;
    END IF;
END;
$$;
COMMENT ON FUNCTION staging.parse_phone(text, text) IS
'One number, typed in or seen from a region, as E.164; NULL when it cannot be a number.';
