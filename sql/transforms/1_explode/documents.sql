-- Purpose: pages to documents: the newest version of every entity that was staged.
-- Version: 1
-- Reads:   staging.pages, ops.runs, ops.streams
-- Writes:  staging.items, staging.changes, amo.documents, ops.counters, ops.rejects
-- Re-run:  safe; a document that has not changed is neither written nor locked.

TRUNCATE staging.items, staging.changes;

-- Only where each entity stands and its hash: sorting documents themselves would spill.
INSERT INTO staging.items (
    account_id, stream, id, run_id, page_no, fetched_at, page, ordinal, updated_at, hash,
    rank
)
SELECT
    entity.account_id,
    entity.stream,
    entity.id,
    entity.run_id,
    entity.page_no,
    entity.fetched_at,
    entity.page,
    entity.ordinal,
    entity.updated_at,
    entity.hash,
    -- The same entity can come twice, since pages shift under us: newest wins, then latest.
    row_number() OVER (
        PARTITION BY entity.account_id, entity.stream, entity.id
        ORDER BY
            entity.updated_at DESC NULLS LAST,
            entity.fetched_at DESC,
            entity.page DESC,
            entity.ordinal DESC
    ) AS rank
FROM (
    SELECT
        run.account_id,
        page.stream,
        CASE WHEN stream.is_keyed_by_parent THEN (page.params ->> 'parent_id') || '/' ELSE '' END
        || staging.document_id(item.doc, stream.id_key, stream.has_numeric_id) AS id,
        page.run_id,
        page.page_no,
        page.fetched_at,
        page.ctid AS page,
        item.ordinal,
        CASE jsonb_typeof(item.doc -> 'updated_at')
            WHEN 'number' THEN (item.doc -> 'updated_at')::numeric
        END AS updated_at,
        staging.document_hash(item.doc) AS hash
    FROM staging.pages AS page
    INNER JOIN ops.runs AS run
        ON page.run_id = run.id
    INNER JOIN ops.streams AS stream
        ON page.stream = stream.name
    CROSS JOIN
        LATERAL
        jsonb_array_elements(staging.page_items(page.body, stream.embedded_key))
        WITH ORDINALITY AS item (doc, ordinal)
    -- Keeps the hash below the sort; above it, the sort would carry the documents.
    OFFSET 0 -- noqa: AM09
) AS entity;

ANALYZE staging.items;

INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason, raw)
SELECT
    item.run_id,
    item.stream,
    NULL AS entity_id,
    stream.id_key AS path,
    entry.doc ->> stream.id_key AS value,
    'no usable id, page ' || item.page_no || ', entry ' || item.ordinal AS reason,
    entry.doc::text AS raw
FROM staging.items AS item
INNER JOIN ops.streams AS stream
    ON item.stream = stream.name
INNER JOIN staging.pages AS page
    ON item.page = page.ctid
CROSS JOIN
    LATERAL (
        SELECT
            staging.page_items(page.body, stream.embedded_key)
            -> (item.ordinal - 1)::integer AS doc
    ) AS entry
WHERE
    item.id IS NULL
    -- Staging may be transformed twice; the note is written once.
    AND NOT EXISTS (
        SELECT FROM ops.rejects AS noted
        WHERE
            noted.run_id = item.run_id
            AND noted.stream = item.stream
            AND noted.raw = entry.doc::text
    );

-- What is new, different, or back from the dead. The join reads the index, not the documents.
INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)
SELECT
    item.account_id,
    item.stream,
    item.id,
    CASE WHEN stream.has_numeric_id THEN item.id::bigint END AS entity_id,
    known.id IS NULL AS is_new
FROM staging.items AS item
INNER JOIN ops.streams AS stream
    ON item.stream = stream.name
LEFT JOIN amo.documents AS known
    ON
        item.account_id = known.account_id
        AND item.stream = known.stream
        AND item.id = known.id
WHERE
    item.rank = 1
    AND item.id IS NOT NULL
    AND CASE
        -- What was found gone after this page was read stays gone.
        WHEN known.deleted_at IS NOT NULL THEN item.fetched_at > known.deleted_at
        ELSE known.hash IS DISTINCT FROM item.hash
    END;

ANALYZE staging.changes;

-- Exploding a second time is cheaper than carrying every document through the sort above:
-- taking an entity out of its page costs half a microsecond.
MERGE INTO amo.documents AS stored
USING (
    SELECT
        change.account_id,
        change.stream,
        change.id,
        entry.doc,
        item.hash,
        -- A subquery is evaluated once, a function in the list once per row.
        (SELECT ops.transform_run()) AS run_id
    FROM staging.changes AS change
    INNER JOIN staging.items AS item
        ON
            change.account_id = item.account_id
            AND change.stream = item.stream
            AND change.id = item.id
            AND item.rank = 1
    INNER JOIN (
        SELECT
            page.ctid AS page,
            element.doc,
            element.ordinal
        FROM staging.pages AS page
        INNER JOIN ops.streams AS stream
            ON page.stream = stream.name
        CROSS JOIN
            LATERAL
            jsonb_array_elements(staging.page_items(page.body, stream.embedded_key))
            WITH ORDINALITY AS element (doc, ordinal)
        -- Explodes each page once; without it a nested loop may do so once per entity.
        OFFSET 0 -- noqa: AM09
    ) AS entry
        ON item.page = entry.page AND item.ordinal = entry.ordinal
) AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.stream = staged.stream
        AND stored.id = staged.id

WHEN MATCHED THEN
    UPDATE SET
        doc = staged.doc,
        hash = staged.hash,
        changed_run = staged.run_id,
        changed_at = now(),
        deleted_at = NULL

WHEN NOT MATCHED THEN
    INSERT (account_id, stream, id, doc, hash, first_seen_run, changed_run)
    VALUES (
        staged.account_id, staged.stream, staged.id, staged.doc, staged.hash,
        staged.run_id, staged.run_id
    );

-- The equation that must hold: staged = inserted + updated + unchanged + superseded + rejected.
INSERT INTO ops.counters (run_id, stream, counter, value)
SELECT
    ops.transform_run() AS run_id,
    item.stream,
    tally.counter,
    tally.value
FROM (
    SELECT
        items.stream,
        count(*) AS staged,
        count(*) FILTER (WHERE items.id IS NULL) AS rejected,
        count(*) FILTER (WHERE items.id IS NOT NULL AND items.rank > 1) AS superseded,
        count(*) FILTER (WHERE changes.is_new) AS inserted,
        count(*) FILTER (WHERE NOT changes.is_new) AS updated,
        count(*) FILTER (
            WHERE items.id IS NOT NULL AND items.rank = 1 AND changes.id IS NULL
        ) AS unchanged
    FROM staging.items AS items
    LEFT JOIN staging.changes AS changes
        ON
            items.account_id = changes.account_id
            AND items.stream = changes.stream
            AND items.id = changes.id
            AND items.rank = 1
    GROUP BY items.stream
) AS item
CROSS JOIN
    LATERAL (
        VALUES
        ('staged', item.staged),
        ('rejected', item.rejected),
        ('superseded', item.superseded),
        ('inserted', item.inserted),
        ('updated', item.updated),
        ('unchanged', item.unchanged)
    ) AS tally (counter, value)
ON CONFLICT ON CONSTRAINT counters_pkey DO UPDATE SET value = excluded.value;

-- What an interrupted transform had taken over but not carried on.
INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)
SELECT
    document.account_id,
    document.stream,
    document.id,
    document.entity_id,
    FALSE AS is_new
FROM staging.document_keys AS document
WHERE
    document.changed_run > (
        SELECT coalesce(max(finished.id), 0) FROM ops.runs AS finished
        WHERE
            finished.kind = 'transform'
            AND finished.status = 'ok'
            -- One of single tables carried nothing on for the others.
            AND finished.mode <> 'rebuild of tables'
    )
ON CONFLICT ON CONSTRAINT changes_pkey DO NOTHING;

-- A load that is still running, or will be resumed, brings more pages.
UPDATE ops.runs
SET transformed_by = ops.transform_run()
WHERE
    kind = 'load'
    AND transformed_by IS NULL
    AND status IN ('ok', 'partial', 'abandoned');
