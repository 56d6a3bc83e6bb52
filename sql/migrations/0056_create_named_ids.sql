-- Purpose: ids that the entities of one stream give of those of another one, which has no list.
-- Writes:  staging.named_ids
-- Re-run:  safe; the function is replaced by the same text.

CREATE OR REPLACE FUNCTION staging.named_ids(
    load_run bigint, naming text, paths jsonpath[], mark bigint, overlap_seconds integer
)
RETURNS TABLE (id text)
LANGUAGE sql
STABLE
AS $$
    -- Behind: entities that name came in loads that did not ask for what they named.
    WITH load AS MATERIALIZED (
        SELECT
            run.id AS run_id,
            run.account_id,
            stream.embedded_key,
            coalesce(
                mark < floor(extract(EPOCH FROM ended.watermark_before)),
                ended.watermark_before IS NOT NULL
            ) AS is_behind,
            coalesce(mark - overlap_seconds, 0) AS since
        FROM ops.runs AS run
        INNER JOIN ops.streams AS stream
            ON stream.name = naming
        LEFT JOIN ops.run_streams AS ended
            ON run.id = ended.run_id AND ended.stream = naming
        WHERE run.id = load_run
    ),

    entity AS (
        SELECT item.doc
        FROM load
        INNER JOIN staging.pages AS page
            ON load.run_id = page.run_id
        CROSS JOIN
            LATERAL
            jsonb_array_elements(staging.page_items(page.body, load.embedded_key)) AS item (doc)
        WHERE page.stream = naming

        UNION ALL

        -- Of other loads, as long as no transform has taken them over.
        SELECT item.doc
        FROM load
        INNER JOIN ops.runs AS other
            ON load.account_id = other.account_id AND load.run_id <> other.id
        INNER JOIN staging.pages AS page
            ON other.id = page.run_id
        CROSS JOIN
            LATERAL
            jsonb_array_elements(staging.page_items(page.body, load.embedded_key)) AS item (doc)
        WHERE
            load.is_behind
            AND page.stream = naming
            AND coalesce(staging.to_numeric(item.doc ->> 'created_at') >= load.since, TRUE)

        UNION ALL

        SELECT kept.doc
        FROM load
        INNER JOIN amo.documents AS kept
            ON load.account_id = kept.account_id
        WHERE
            load.is_behind
            AND kept.stream = naming
            AND coalesce(staging.to_numeric(kept.doc ->> 'created_at') >= load.since, TRUE)
    )

    SELECT DISTINCT found.value #>> '{}' AS id
    FROM entity
    CROSS JOIN unnest(paths) AS path (value)
    CROSS JOIN LATERAL jsonb_path_query(entity.doc, path.value, '{}', TRUE) AS found (value)
    -- It becomes a part of an address.
    WHERE found.value #>> '{}' ~ '^[1-9][0-9]{0,17}$';
$$;
COMMENT ON FUNCTION staging.named_ids(bigint, text, jsonpath[], bigint, integer) IS
'Numbers that the paths find in what a load has read of the naming stream. When the named one was '
'last read (mark, Unix seconds) before the loads in between, in what those brought as well.';
