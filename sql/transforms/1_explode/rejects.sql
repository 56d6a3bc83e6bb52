-- Purpose: of what loads had to mend on their pages, the newest notes only.
-- Version: 1
-- Reads:   ops.runs, ops.run_streams
-- Writes:  ops.rejects
-- Re-run:  safe; what is gone is gone.

-- When a later load has read all of a stream, its own notes say what is wrong now.
DELETE FROM ops.rejects
USING
    ops.runs AS earlier,
    ops.runs AS later,
    ops.run_streams AS ended
WHERE
    rejects.run_id = earlier.id
    AND earlier.kind = 'load'
    AND earlier.transformed_by <> (SELECT ops.transform_run())
    AND later.kind = 'load'
    AND later.status <> 'abandoned'
    AND (later.transformed_by IS NULL OR later.transformed_by = (SELECT ops.transform_run()))
    AND later.id > earlier.id
    AND later.account_id = earlier.account_id
    AND ended.run_id = later.id
    AND ended.stream = rejects.stream
    AND ended.is_whole;
