-- Purpose: mark documents that amoCRM was asked for by id and does not have any more.
-- Version: 1
-- Reads:   ops.deletions, ops.runs, staging.items
-- Writes:  amo.documents, staging.changes
-- Re-run:  safe; a document that is marked is not touched again.

UPDATE amo.documents AS stored
SET
    deleted_at = gone.confirmed_at,
    changed_run = gone.transform_run,
    changed_at = now()
FROM (
    SELECT
        run.account_id,
        deletion.stream,
        deletion.entity_id,
        max(deletion.confirmed_at) AS confirmed_at,
        -- A subquery is evaluated once, a function in the list once per row.
        (SELECT ops.transform_run()) AS transform_run
    FROM ops.deletions AS deletion
    INNER JOIN ops.runs AS run
        ON deletion.run_id = run.id
    WHERE
        run.status IN ('ok', 'partial')
        AND (
            run.transformed_by IS NULL
            OR run.transformed_by = (SELECT ops.transform_run())
        )
    GROUP BY run.account_id, deletion.stream, deletion.entity_id
) AS gone
WHERE
    stored.account_id = gone.account_id
    AND stored.stream = gone.stream
    AND stored.id = gone.entity_id
    AND stored.deleted_at IS NULL
    -- What came after all, in whatever page, is there.
    AND NOT EXISTS (
        SELECT FROM staging.items AS came
        WHERE
            came.account_id = stored.account_id
            AND came.stream = stored.stream
            AND came.id = stored.id
            AND came.fetched_at > gone.confirmed_at -- noqa: RF01
    );

INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)
SELECT
    document.account_id,
    document.stream,
    document.id,
    document.entity_id,
    FALSE AS is_new
FROM staging.document_keys AS document
WHERE
    document.changed_run = (SELECT ops.transform_run())
    AND document.deleted_at IS NOT NULL
ON CONFLICT ON CONSTRAINT changes_pkey DO NOTHING;
