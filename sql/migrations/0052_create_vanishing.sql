-- Purpose: what vanished while pages were read, and which pages it may have shifted.
-- Writes:  staging.vanishing, staging.shifted_pages
-- Re-run:  safe; the functions are replaced by the same text.

CREATE OR REPLACE FUNCTION staging.vanishing(load_run bigint)
RETURNS TABLE (
    stream text, entity_id text, is_merge boolean, at timestamptz, round text
)
LANGUAGE sql
STABLE
AS $$
    SELECT DISTINCT
        stream.name AS stream,
        id.value #>> '{}' AS entity_id,
        event.doc ->> 'type' = 'entity_merged' AS is_merge,
        to_timestamp((event.doc ->> 'created_at')::double precision) AS at,
        page.params ->> 'check' AS round
    FROM staging.pages AS page
    CROSS JOIN
        LATERAL jsonb_array_elements(staging.page_items(page.body, 'events')) AS event (doc)
    INNER JOIN ops.streams AS stream
        ON event.doc ->> 'type' = any(stream.vanishing_events)
    CROSS JOIN LATERAL jsonb_path_query(event.doc, stream.vanishing_id) AS id (value)
    WHERE
        page.run_id = load_run
        AND page.stream = 'events'
        AND page.params ? 'check'
        AND jsonb_typeof(event.doc -> 'created_at') = 'number';
$$;
COMMENT ON FUNCTION staging.vanishing(bigint) IS
'Events that a load asked for in its rounds of checks: what was deleted, came back or was merged. '
'A merge names the winner.';

CREATE OR REPLACE FUNCTION staging.shifted_pages(load_run bigint, check_round integer)
RETURNS TABLE (stream text, params jsonb, page_no integer)
LANGUAGE sql
STABLE
AS $$
    WITH listed AS (
        SELECT
            page.stream,
            page.params,
            page.page_no,
            -- Without an id, at the end of a list, everything counts as in front of it.
            CASE WHEN page.last_id ~ '^[0-9]{1,18}$' THEN page.last_id::bigint END AS last_id,
            lead(page.page_no) OVER in_order AS next_page_no,
            -- The Date header is in whole seconds; http_ms holds pauses and retries as well.
            page.answered_at - make_interval(secs => page.http_ms / 1000 + 2) AS begins_at,
            lead(page.answered_at) OVER in_order + interval '2 seconds' AS ends_at
        FROM ops.pages AS page
        WHERE
            page.run_id = load_run
            AND page.params ? 'order[id]'
            AND NOT page.params ? 'ids'
            AND coalesce((page.params ->> 'again')::integer, 0) = check_round - 1
        WINDOW in_order AS (PARTITION BY page.stream, page.params ORDER BY page.page_no)
    ),

    gone AS (
        SELECT
            event.stream,
            event.at,
            CASE
                WHEN NOT event.is_merge AND event.entity_id ~ '^[0-9]{1,18}$'
                    THEN event.entity_id::bigint
            END AS id,
            count(*) OVER (PARTITION BY event.stream) AS events
        FROM staging.vanishing(load_run) AS event
        WHERE event.round = check_round::text
    )

    -- A row that moved up from the head of the second page into the first, between the two
    -- answers, is in neither. What moved far is looked for in all pages.
    SELECT DISTINCT
        listed.stream,
        listed.params,
        either.page_no
    FROM listed
    INNER JOIN gone
        ON listed.stream = gone.stream
    CROSS JOIN LATERAL (VALUES (listed.page_no), (listed.next_page_no)) AS either (page_no)
    WHERE
        either.page_no IS NOT NULL
        AND (
            gone.events > 100
            OR (
                gone.at BETWEEN listed.begins_at AND listed.ends_at
                AND (gone.id IS NULL OR listed.last_id IS NULL OR gone.id <= listed.last_id)
            )
        );
$$;
COMMENT ON FUNCTION staging.shifted_pages(bigint, integer) IS
'Pages of a load to be asked for again, because rows vanished between them and the next one: in '
'round 1 of the lists, later of the pages that the round before had asked for again.';
