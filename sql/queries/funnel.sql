-- Purpose: the funnel of the main pipeline, stage by stage.
-- Reads:   mart.funnel, amo.pipelines

SELECT
    funnel.status AS stage,
    funnel.lead_count AS leads,
    to_char(funnel.price_total, 'FM999G999G999G990') AS total
FROM mart.funnel AS funnel
INNER JOIN amo.pipelines AS pipeline
    ON
        funnel.account_id = pipeline.account_id
        AND funnel.pipeline_id = pipeline.id
WHERE pipeline.is_main
ORDER BY funnel.account_id, funnel.position;
