-- Purpose: turn JSON into typed rows without ever losing a row to one bad value.
-- Writes:  staging.unix_seconds, staging.typed(), staging.to_numeric(), staging.to_time(), …
-- Re-run:  safe; functions are replaced by the same text.

DO $$
BEGIN
    IF to_regtype('staging.unix_seconds') IS NULL THEN
        CREATE DOMAIN staging.unix_seconds AS bigint
        CONSTRAINT unix_seconds_range CHECK (VALUE BETWEEN -62135596800 AND 253402300799);
    END IF;
END;
$$;
COMMENT ON DOMAIN staging.unix_seconds IS
'Seconds since 1970 in UTC, years 1 to 9999: how amoCRM writes times.';

-- Digits and blanks are spelt out in the patterns below: \d and \s take in whatever the
-- database's locale calls so, and the casts do not.

-- The happy path costs one jsonb_populate_record and a subtransaction without an id
-- (measured: 3.8 against 3.2 microseconds a document). Only a document that does not
-- fit is taken apart key by key.
CREATE OR REPLACE FUNCTION staging.typed(
    shape anyelement, doc jsonb, stream_name text, entity_id text
)
RETURNS anyelement
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    member record;
    fitting jsonb := '{}';
    why text;
BEGIN
    RETURN jsonb_populate_record(shape, doc);
EXCEPTION WHEN data_exception OR check_violation THEN
    IF jsonb_typeof(doc) IS DISTINCT FROM 'object' THEN
        INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason, raw)
        VALUES (
            ops.transform_run(), stream_name, entity_id, '$',
            doc #>> '{}', 'not a JSON object', doc::text
        );
        RETURN shape;
    END IF;
    FOR member IN SELECT key, value FROM jsonb_each(doc) LOOP
        BEGIN
            PERFORM jsonb_populate_record(shape, jsonb_build_object(member.key, member.value));
            fitting := fitting || jsonb_build_object(member.key, member.value);
        EXCEPTION WHEN data_exception OR check_violation THEN
            GET STACKED DIAGNOSTICS why = MESSAGE_TEXT;
            INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason, raw)
            VALUES (
                ops.transform_run(), stream_name, entity_id, member.key,
                member.value #>> '{}', why, member.value::text
            );
        END;
    END LOOP;
    RETURN jsonb_populate_record(shape, fitting);
END;
$$;
COMMENT ON FUNCTION staging.typed(anyelement, jsonb, text, text) IS
'The document as a row of the given type; keys that do not fit go to ops.rejects.';

CREATE OR REPLACE FUNCTION staging.to_numeric(value text)
RETURNS numeric
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN length(value) > 500 THEN NULL
    WHEN value ~ '^[ \t\r\n]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?[ \t\r\n]*$'
        THEN value::numeric
END;
COMMENT ON FUNCTION staging.to_numeric(text) IS
'The number, or NULL when the text is not one. A comma is not a decimal point to amoCRM.';

CREATE OR REPLACE FUNCTION staging.to_bigint(value text)
RETURNS bigint
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value ~ '^[ \t\r\n]*[+-]?[0-9]{1,18}[ \t\r\n]*$' THEN value::bigint END;
COMMENT ON FUNCTION staging.to_bigint(text) IS 'The whole number, or NULL.';

CREATE OR REPLACE FUNCTION staging.to_boolean(value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE lower(value)
    WHEN 'true' THEN TRUE
    WHEN '1' THEN TRUE
    WHEN 'false' THEN FALSE
    WHEN '0' THEN FALSE
END;
COMMENT ON FUNCTION staging.to_boolean(text) IS 'true, false, 1 or 0; NULL for anything else.';

CREATE OR REPLACE FUNCTION staging.to_time(value text)
RETURNS timestamptz
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog
SET timezone = 'UTC'
AS $$
BEGIN
    IF value ~ '^[ \t\r\n]*-?[0-9]{1,12}[ \t\r\n]*$' THEN
        RETURN to_timestamp(value::bigint);
    ELSIF value ~ '^[ \t\r\n]*[0-9]{4}-[0-9]{2}-[0-9]{2}' THEN
        RETURN value::timestamptz;
    ELSIF value ~ '^[ \t\r\n]*[0-9]{2}[.][0-9]{2}[.][0-9]{4}[ \t\r\n]*$' THEN
        RETURN make_timestamptz(
            substr(trim(value), 7, 4)::integer, substr(trim(value), 4, 2)::integer,
            substr(trim(value), 1, 2)::integer, 0, 0, 0, 'UTC'
        );
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION staging.to_time(text) IS
'A date field: Unix seconds, an ISO date or time, or dd.mm.yyyy, in UTC; NULL for anything else.';

CREATE OR REPLACE FUNCTION staging.reject_without_id(
    streams text[], entries jsonpath, reason text
)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog
AS $$
INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason, raw)
SELECT
    ops.transform_run() AS run_id,
    document.stream,
    document.id AS entity_id,
    ltrim(translate(reject_without_id.entries::text, '$"[*]', ''), '.') AS path,
    item.doc ->> 'id' AS value,
    reject_without_id.reason,
    item.doc::text AS raw
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, reject_without_id.entries) AS item (doc)
WHERE
    document.stream = ANY (reject_without_id.streams)
    AND item.doc <> 'null'
    AND staging.to_bigint(item.doc ->> 'id') IS NULL;
$$;
COMMENT ON FUNCTION staging.reject_without_id(text[], jsonpath, text) IS
'Notes entries of a list within changed documents that no row can be made of.';
