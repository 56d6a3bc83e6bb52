-- Purpose: what the API gave is what was exploded: rows of the ledger = entities staged.
-- After:   1_explode
-- Reads:   ops.pages, ops.runs, staging.pages, staging.items
-- A row is a finding: a page with more or fewer entities than the ledger says, or without a
-- ledger row, or in the ledger but not in staging.

SELECT
    coalesce(staged.run_id, ledger.run_id) AS run_id,
    coalesce(staged.stream, ledger.stream) AS stream,
    coalesce(staged.page_no, ledger.page_no) AS page_no,
    ledger.rows AS read,
    staged.entities AS exploded
FROM (
    SELECT
        page.run_id,
        page.stream,
        page.params,
        page.page_no,
        count(item.page) AS entities
    FROM staging.pages AS page
    LEFT JOIN staging.items AS item
        ON page.ctid = item.page
    GROUP BY page.run_id, page.stream, page.params, page.page_no
) AS staged
FULL JOIN (
    SELECT
        page.run_id,
        page.stream,
        page.params,
        page.page_no,
        page.rows
    FROM ops.pages AS page
    INNER JOIN ops.runs AS run
        ON page.run_id = run.id
    WHERE
        page.status = 'staged'
        AND (
            run.transformed_by = ops.transform_run()
            OR run.id IN (SELECT present.run_id FROM staging.pages AS present)
        )
) AS ledger
    ON
        staged.run_id = ledger.run_id
        AND staged.stream = ledger.stream
        AND staged.params = ledger.params
        AND staged.page_no = ledger.page_no
WHERE ledger.rows IS DISTINCT FROM staged.entities;
