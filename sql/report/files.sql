-- Purpose: the SQL files of the transforms of one run: seconds, WAL and rows of each.
-- Reads:   ops.transforms
-- By hand: SET amo.report_transforms = '{18}' says which.

SELECT
    regexp_replace(file.name, '^transforms/', '') AS file,
    max(file.version) AS version,
    sum(file.seconds)::double precision AS seconds,
    sum(file.wal_bytes)::bigint AS wal_bytes,
    sum(file.rows_in)::bigint AS rows_in,
    sum(file.inserted)::bigint AS inserted,
    sum(file.updated)::bigint AS updated,
    sum(file.deleted)::bigint AS deleted,
    sum(file.rejected)::bigint AS rejected
FROM ops.transforms AS file
WHERE file.run_id = any(current_setting('amo.report_transforms')::bigint[])
GROUP BY file.name
ORDER BY min(file.started_at), file.name;
