-- Purpose: every changed document became exactly one typed row.
-- After:   3_merge
-- Reads:   staging.changes, ops.streams, staging.*
-- A row is a finding: a stream with more or fewer rows than documents.

SELECT
    coalesce(typed.stream, expected.stream) AS stream,
    coalesce(expected.documents, 0) AS documents,
    coalesce(typed.rows, 0) AS rows
FROM (
    SELECT
        'account' AS stream,
        count(*) AS rows
    FROM staging.accounts
    UNION ALL
    SELECT
        'leads' AS stream,
        count(*) AS rows
    FROM staging.leads
    UNION ALL
    SELECT
        'contacts' AS stream,
        count(*) AS rows
    FROM staging.contacts
    UNION ALL
    SELECT
        'companies' AS stream,
        count(*) AS rows
    FROM staging.companies
    UNION ALL
    SELECT
        'customers' AS stream,
        count(*) AS rows
    FROM staging.customers
    UNION ALL
    SELECT
        'tasks' AS stream,
        count(*) AS rows
    FROM staging.tasks
    UNION ALL
    SELECT
        'users' AS stream,
        count(*) AS rows
    FROM staging.users
    UNION ALL
    SELECT
        'roles' AS stream,
        count(*) AS rows
    FROM staging.roles
    UNION ALL
    SELECT
        'pipelines' AS stream,
        count(*) AS rows
    FROM staging.pipelines
    UNION ALL
    SELECT
        'loss_reasons' AS stream,
        count(*) AS rows
    FROM staging.loss_reasons
    UNION ALL
    SELECT
        'catalogs' AS stream,
        count(*) AS rows
    FROM staging.catalogs
    UNION ALL
    SELECT
        'catalog_elements' AS stream,
        count(*) AS rows
    FROM staging.catalog_elements
    UNION ALL
    SELECT
        note.entity_type || '_notes' AS stream,
        count(*) AS rows
    FROM staging.notes AS note
    GROUP BY note.entity_type
    UNION ALL
    SELECT
        tag.entity_type || '_tags' AS stream,
        count(*) AS rows
    FROM staging.tags AS tag
    GROUP BY tag.entity_type
    UNION ALL
    SELECT
        field.entity_type || '_custom_fields' AS stream,
        count(*) AS rows
    FROM staging.custom_fields AS field
    GROUP BY field.entity_type
    UNION ALL
    SELECT
        'customer_statuses' AS stream,
        count(*) AS rows
    FROM staging.customer_statuses
    UNION ALL
    SELECT
        'segments' AS stream,
        count(*) AS rows
    FROM staging.segments
    UNION ALL
    SELECT
        'transactions' AS stream,
        count(*) AS rows
    FROM staging.transactions
    UNION ALL
    SELECT
        'events' AS stream,
        count(*) AS rows
    FROM staging.events
    UNION ALL
    SELECT
        'unsorted' AS stream,
        count(*) AS rows
    FROM staging.unsorted
    UNION ALL
    SELECT
        'sources' AS stream,
        count(*) AS rows
    FROM staging.sources
    UNION ALL
    SELECT
        'webhooks' AS stream,
        count(*) AS rows
    FROM staging.webhooks
    UNION ALL
    SELECT
        'widgets' AS stream,
        count(*) AS rows
    FROM staging.widgets
    UNION ALL
    SELECT
        'talks' AS stream,
        count(*) AS rows
    FROM staging.talks
    UNION ALL
    SELECT
        'files' AS stream,
        count(*) AS rows
    FROM staging.files
    UNION ALL
    SELECT
        field_group.entity_type || '_custom_field_groups' AS stream,
        count(*) AS rows
    FROM staging.custom_field_groups AS field_group
    GROUP BY field_group.entity_type
) AS typed
FULL JOIN (
    SELECT
        change.stream,
        count(*) AS documents
    FROM staging.changes AS change
    INNER JOIN ops.streams AS stream
        ON change.stream = stream.name
    -- What lies in the trash is kept as it came.
    WHERE stream.entity <> 'trash'
    GROUP BY change.stream
) AS expected
    ON typed.stream = expected.stream
WHERE coalesce(typed.rows, 0) <> coalesce(expected.documents, 0);
