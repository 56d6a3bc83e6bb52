-- Purpose: find the INN, KPP and OGRN in one value of a field.
-- Writes:  staging.legal_id_kinds(), staging.legal_id_numbers(), staging.read_legal_ids()
-- Re-run:  safe; functions are replaced by the same text.

-- Letters spelt out: what is the same letter in Cyrillic depends on the locale of the database.
CREATE OR REPLACE FUNCTION staging.legal_id_kinds(name text)
RETURNS text[]
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN array_remove(
    ARRAY[
        CASE
            WHEN
                name
                ~ '(?:^|[^А-Яа-яЁёA-Za-z])(?:[Ии][Нн][Нн]|[Ii][Nn][Nn])(?:$|[^А-Яа-яЁёA-Za-z])'
                THEN 'inn'
        END,
        CASE
            WHEN
                name
                ~ '(?:^|[^А-Яа-яЁёA-Za-z])(?:[Кк][Пп][Пп]|[Kk][Pp][Pp])(?:$|[^А-Яа-яЁёA-Za-z])'
                THEN 'kpp'
        END,
        CASE
            WHEN
                name
                ~ '(?:^|[^А-Яа-яЁёA-Za-z])([Оо][Гг][Рр][Нн](?:[Ии][Пп])?|[Oo][Gg][Rr][Nn])'
                '(?:[Ii][Pp])?(?:$|[^А-Яа-яЁёA-Za-z])'
                THEN 'ogrn'
        END
    ],
    NULL
);
COMMENT ON FUNCTION staging.legal_id_kinds(text) IS
'What a field of that name holds: ИНН, КПП, ОГРН, ОГРНИП, INN … as words of their own.';

CREATE OR REPLACE FUNCTION staging.legal_id_numbers(run text)
RETURNS text[]
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    whole text := translate(run, ' -', '');
    parts text[] := string_to_array(btrim(regexp_replace(run, '[ -]+', ' ', 'g')), ' ');
    start integer := 1;
    longest integer;
    number text;
    numbers text[];
BEGIN
    IF cardinality(parts) = 1 OR length(whole) IN (9, 10, 12, 13, 15) THEN
        RETURN ARRAY[whole];
    END IF;
    WHILE start <= cardinality(parts) LOOP
        number := '';
        longest := start;
        FOR stop IN start .. cardinality(parts) LOOP
            number := number || parts[stop];
            EXIT WHEN length(number) > 15;
            IF staging.is_inn(number) OR staging.is_ogrn(number)
                OR length(number) = 9 AND longest = start
            THEN
                longest := stop;
            END IF;
        END LOOP;
        numbers := numbers || array_to_string(parts[start:longest], '');
        start := longest + 1;
    END LOOP;
    RETURN numbers;
END;
$$;
COMMENT ON FUNCTION staging.legal_id_numbers(text) IS
'Digits with blanks or hyphens between them as numbers: 77 07 083893 is one.';

CREATE OR REPLACE FUNCTION staging.read_legal_ids(raw text, kinds text[], is_number boolean)
RETURNS TABLE (part integer, kind text, value text, is_valid boolean)
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    -- What else has such digits and stands on the same lines.
    other_labels constant text := '(?:^|[^А-ЯЁA-Z])(?:БИК|BIK|[РКЛ]/?С|[РКЛ][.] ?С|СЧ[ЕЁ]Т|ОКПО'
        '|ОКТМО|ОКАТО|ОКВЭД|ТЕЛ|ТЕЛЕФОН|ФАКС|TEL|ПАСПОРТ|СНИЛС|УНП|БИН|ИИН|ИНДЕКС)'
        '(?:$|[^А-ЯЁA-Z])';
    whole text;
    several boolean;
    given record;
    label text;
    by_form text;
    before text;
BEGIN
    -- Most values are one right INN and nothing else.
    IF kinds[1] = 'inn' AND raw ~ '^[0-9]{10,12}$' AND staging.is_inn(raw) THEN
        part := 1;
        kind := 'inn';
        value := raw;
        is_valid := TRUE;
        RETURN NEXT;
        RETURN;
    END IF;

    whole := translate(
        -- Whoever writes a novel into the field must not cost the night.
        staging.phone_text(left(raw, 1000)),
        'abcdefghijklmnopqrstuvwxyzабвгдеёжзийклмнопрстуфхцчшщъыьэюя',
        'ABCDEFGHIJKLMNOPQRSTUVWXYZАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ'
    );
    IF is_number THEN
        whole := regexp_replace(whole, '[.]0*$', '');
    END IF;
    part := 0;
    FOR given IN
        SELECT
            run.groups[1] AS words,
            number.value AS number,
            number.place,
            count(*) OVER () AS numbers
        FROM
            regexp_matches(
                whole,
                '([^0-9]*)([0-9]{4}[0-9A-Z]{2}[0-9]{3}(?![0-9A-Z])|[0-9]+(?:[ -]+[0-9]+)*)', 'g'
            ) WITH ORDINALITY AS run (groups, place)
        CROSS JOIN
            LATERAL unnest(staging.legal_id_numbers(run.groups[2]))
            WITH ORDINALITY AS number (value, place)
        ORDER BY run.place, number.place
    LOOP
        value := given.number;
        by_form := CASE
            WHEN value ~ '^[0-9]{4}[0-9A-Z]{2}[0-9]{3}$' THEN 'kpp'
            WHEN length(value) IN (10, 12) THEN 'inn'
            WHEN length(value) IN (13, 15) THEN 'ogrn'
        END;
        is_valid := CASE by_form
            WHEN 'inn' THEN staging.is_inn(value)
            WHEN 'ogrn' THEN staging.is_ogrn(value)
            WHEN 'kpp' THEN value !~ '^00'
            ELSE FALSE
        END;
        -- In files for the tax office the INN of a firm fills 12 places.
        IF value LIKE '00__________' AND staging.is_inn(substr(value, 3)) THEN
            value := substr(value, 3);
            is_valid := TRUE;
        END IF;
        label := CASE
            WHEN given.place > 1 THEN NULL
            WHEN given.words ~ 'ОГРН|OGRN' AND given.words !~ 'ИНН|INN|КПП|KPP' THEN 'ogrn'
            WHEN given.words ~ 'ИНН|INN' AND given.words !~ 'ОГРН|OGRN|КПП|KPP' THEN 'inn'
            WHEN given.words ~ 'КПП|KPP' AND given.words !~ 'ИНН|INN|ОГРН|OGRN' THEN 'kpp'
            WHEN given.words ~ other_labels AND given.words !~ 'ИНН|INN|ОГРН|OGRN|КПП|KPP'
                THEN 'other'
        END;
        CONTINUE WHEN label = 'other';
        kind := CASE
            WHEN label = by_form THEN label
            WHEN label IS NOT NULL
                THEN CASE WHEN is_valid AND by_form <> 'kpp' THEN by_form ELSE label END
            WHEN by_form = ANY (kinds) THEN by_form
            -- More than the name says: 7707083893/770701001 in a field ИНН.
            WHEN given.numbers > 1 AND is_valid AND by_form <> 'kpp' THEN by_form
            WHEN by_form = 'kpp' AND length(before) = 10 THEN by_form
        END;
        before := CASE kind WHEN 'inn' THEN value END;
        IF kind IS DISTINCT FROM by_form OR kind IS NULL THEN
            -- Short numbers beside others are a house, a date, a percentage.
            CONTINUE WHEN label IS NULL AND given.numbers > 1
                AND length(value) NOT BETWEEN 8 AND 16;
            kind := coalesce(kind, kinds[1]);
            value := CASE
                -- A number has no leading zeros.
                WHEN NOT is_number THEN NULL
                WHEN kind = 'inn' AND length(value) IN (9, 11) AND staging.is_inn('0' || value)
                    THEN '0' || value
                WHEN kind = 'kpp' AND value ~ '^[1-9][0-9]{7}$' THEN '0' || value
            END;
            is_valid := value IS NOT NULL;
        END IF;
        part := part + 1;
        RETURN NEXT;
    END LOOP;
    IF part = 0 THEN
        part := 1;
        kind := kinds[1];
        value := NULL;
        is_valid := FALSE;
        RETURN NEXT;
    END IF;
END;
$$;
COMMENT ON FUNCTION staging.read_legal_ids(text, text[], boolean) IS
'The ids in one value of a field of these kinds, in the order of part; one row at least.';
