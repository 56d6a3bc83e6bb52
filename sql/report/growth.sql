-- Purpose: how many entities were there after each of the last transforms, by kind.
-- Reads:   amo.documents, ops.runs, ops.streams
-- By hand: SET amo.report_until = 18 and SET amo.report_last = 30 say up to which transform, and
--          how many.

WITH mark AS (
    SELECT
        last.id,
        last.finished_at,
        row_number() OVER (ORDER BY last.id) AS position
    FROM (
        SELECT
            run.id,
            run.finished_at
        FROM ops.runs AS run
        WHERE
            run.kind = 'transform'
            AND run.status = 'ok'
            AND run.id <= current_setting('amo.report_until')::bigint
        ORDER BY run.id DESC
        LIMIT current_setting('amo.report_last')::integer
    ) AS last
),

marks AS (
    SELECT
        array_agg(mark.id ORDER BY mark.id) AS ids,
        array_agg(mark.finished_at ORDER BY mark.finished_at) AS times
    FROM mark
),

-- One pass: the first mark that saw a document, and the last one before it was deleted.
kept AS (
    SELECT
        document.stream,
        width_bucket(document.first_seen_run, marks.ids) AS born,
        width_bucket(document.deleted_at, marks.times) AS died,
        count(*) AS documents
    FROM amo.documents AS document
    CROSS JOIN marks
    WHERE document.first_seen_run <= current_setting('amo.report_until')::bigint
    GROUP BY document.stream, born, died
),

named AS (
    SELECT
        kept.*,
        CASE
            WHEN
                stream.entity IN (
                    'leads', 'contacts', 'companies', 'customers', 'tasks', 'notes', 'events'
                )
                THEN stream.entity
            ELSE 'everything else'
        END AS entity
    FROM kept
    LEFT JOIN ops.streams AS stream
        ON kept.stream = stream.name
)

SELECT
    named.entity,
    mark.id AS transform_id,
    mark.finished_at AS at,
    coalesce(
        sum(named.documents) FILTER (
            WHERE
            named.born <= mark.position
            AND (named.died IS NULL OR mark.position <= named.died)
        ), 0
    )::bigint AS documents
FROM mark
CROSS JOIN named
GROUP BY named.entity, mark.id, mark.finished_at
ORDER BY
    array_position(
        ARRAY['leads', 'contacts', 'companies', 'customers', 'tasks', 'notes', 'events'],
        named.entity
    ),
    mark.id;
