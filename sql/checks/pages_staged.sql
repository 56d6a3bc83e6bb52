-- Purpose: what the API gave is what was exploded: rows of the ledger = entities staged.
-- Reads:   ops.pages, staging.pages, staging.items
-- A row is a finding: a page whose number of entities differs.

SELECT
    staged.run_id,
    staged.stream,
    staged.page_no,
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
LEFT JOIN ops.pages AS ledger
    ON
        staged.run_id = ledger.run_id
        AND staged.stream = ledger.stream
        AND staged.params = ledger.params
        AND staged.page_no = ledger.page_no
        AND ledger.status = 'staged'
WHERE ledger.rows IS DISTINCT FROM staged.entities;
