-- Purpose: note keys of changed documents that no typed column reads: the drift of the API.
-- Version: 1
-- Reads:   staging.changed_documents, ops.known_keys
-- Writes:  ops.document_keys
-- Re-run:  safe; what is noted is counted anew, not added up.

MERGE INTO ops.document_keys AS noted
USING (
    SELECT
        counted.account_id,
        counted.stream,
        counted.key,
        counted.documents,
        counted.example ->> 0 AS example_id,
        counted.example ->> 1 AS example
    FROM (
        SELECT
            document.account_id,
            document.stream,
            -- The key of an index has room for so much.
            left(member.key, 200) AS key,
            count(*) AS documents,
            min(
                jsonb_build_array(document.id, left(member.value #>> '{}', 200))::text
            )::jsonb AS example,
            -- A list that came as an object would have as many keys as entries.
            row_number() OVER (
                PARTITION BY document.account_id, document.stream
                ORDER BY count(*) DESC, left(member.key, 200)
            ) AS position
        FROM staging.changed_documents AS document
        INNER JOIN ops.known_keys AS known
            ON document.stream = known.stream
        CROSS JOIN LATERAL jsonb_each(document.doc - known.keys) AS member (key, value)
        WHERE
            document.deleted_at IS NULL
            -- A night without changes reads no document, whatever the plan.
            AND EXISTS (SELECT FROM staging.changes)
        GROUP BY document.account_id, document.stream, left(member.key, 200)
    ) AS counted
    WHERE counted.position <= 100
) AS seen
    ON
        noted.account_id = seen.account_id
        AND noted.stream = seen.stream
        AND noted.key = seen.key

WHEN MATCHED THEN
    UPDATE SET
        documents = seen.documents,
        last_seen = now(),
        example_id = seen.example_id,
        example = seen.example

WHEN NOT MATCHED THEN
    INSERT (account_id, stream, key, documents, example_id, example)
    VALUES (
        seen.account_id, seen.stream, seen.key, seen.documents, seen.example_id, seen.example
    );
