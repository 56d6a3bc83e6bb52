-- Purpose: leads by pipeline and stage, in the order of the account.
-- Version: 1
-- Reads:   amo.leads, amo.pipelines, amo.statuses
-- Writes:  mart.funnel
-- Re-run:  safe; the view is replaced, its grants stay.

CREATE OR REPLACE VIEW mart.funnel AS
SELECT
    pipeline.account_id,
    pipeline.id AS pipeline_id,
    pipeline.name AS pipeline,
    status.id AS status_id,
    status.name AS status,
    count(lead.id) AS lead_count,
    coalesce(sum(coalesce(lead.price_with_minor_units, lead.price)), 0) AS price_total,
    row_number() OVER (
        PARTITION BY pipeline.account_id
        ORDER BY pipeline.sort, pipeline.id, status.sort, status.id
    ) AS position
FROM amo.pipelines AS pipeline
INNER JOIN amo.statuses AS status
    ON
        pipeline.account_id = status.account_id
        AND pipeline.id = status.pipeline_id
LEFT JOIN amo.leads AS lead
    ON
        status.account_id = lead.account_id
        AND status.pipeline_id = lead.pipeline_id
        AND status.id = lead.status_id
        AND lead.deleted_at IS NULL
WHERE pipeline.deleted_at IS NULL AND status.deleted_at IS NULL
GROUP BY
    pipeline.account_id, pipeline.id, pipeline.name, pipeline.sort,
    status.id, status.name, status.sort;

COMMENT ON VIEW mart.funnel IS
'Live leads and their sum by pipeline and stage; order by account_id, position.';
COMMENT ON COLUMN mart.funnel.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN mart.funnel.pipeline_id IS 'Of amo.pipelines.';
COMMENT ON COLUMN mart.funnel.pipeline IS 'Its name.';
COMMENT ON COLUMN mart.funnel.status_id IS 'Of amo.statuses.';
COMMENT ON COLUMN mart.funnel.status IS 'Its name.';
COMMENT ON COLUMN mart.funnel.lead_count IS 'Leads in it now.';
COMMENT ON COLUMN mart.funnel.price_total IS 'Sum of their prices.';
COMMENT ON COLUMN mart.funnel.position IS 'Order of the account.';
