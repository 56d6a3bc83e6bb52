-- Purpose: leads for people and BI: names beside the ids, a column for each custom field.
-- Version: 1
-- Reads:   amo.leads and what it refers to, amo.custom_fields, amo.custom_field_values
-- Writes:  mart.leads
-- Re-run:  safe; the view is replaced when the custom fields or this file changed.
-- Runs:    each time; nothing is done while the metadata is the same.

SELECT ops.build_wide_view(
    'leads',
    'Leads that exist, with names and custom fields as columns. docs/MART.md.',
    $$
    SELECT
        lead.account_id,
        lead.id,
        lead.name,
        coalesce(lead.price_with_minor_units, lead.price) AS price,
        lead.pipeline_id,
        pipeline.name AS pipeline_name,
        lead.status_id,
        status.name AS status_name,
        lead.loss_reason_id,
        loss_reason.name AS loss_reason_name,
        lead.responsible_user_id,
        responsible.name AS responsible_user_name,
        lead.group_id,
        department.name AS group_name,
        lead.source_id,
        source.name AS source_name,
        lead.created_at,
        lead.created_by,
        author.name AS created_by_name,
        lead.updated_at,
        lead.updated_by,
        editor.name AS updated_by_name,
        lead.closed_at,
        lead.closest_task_at,
        lead.score,
        lead.labor_cost,
        company.id AS company_id,
        company.name AS company_name,
        contact.id AS main_contact_id,
        contact.name AS main_contact_name,
        tag.names AS tags
    FROM amo.leads AS lead
    LEFT JOIN amo.pipelines AS pipeline
        ON lead.account_id = pipeline.account_id AND lead.pipeline_id = pipeline.id
    LEFT JOIN amo.statuses AS status
        ON
            lead.account_id = status.account_id
            AND lead.pipeline_id = status.pipeline_id
            AND lead.status_id = status.id
    LEFT JOIN amo.loss_reasons AS loss_reason
        ON lead.account_id = loss_reason.account_id AND lead.loss_reason_id = loss_reason.id
    LEFT JOIN amo.sources AS source
        ON lead.account_id = source.account_id AND lead.source_id = source.id
    LEFT JOIN amo.users AS responsible
        ON
            lead.account_id = responsible.account_id
            AND lead.responsible_user_id = responsible.id
    LEFT JOIN amo.groups AS department
        ON lead.account_id = department.account_id AND lead.group_id = department.id
    LEFT JOIN amo.users AS author
        ON lead.account_id = author.account_id AND lead.created_by = author.id
    LEFT JOIN amo.users AS editor
        ON lead.account_id = editor.account_id AND lead.updated_by = editor.id
    LEFT JOIN LATERAL (
        SELECT min(link.to_entity_id) AS id
        FROM amo.links AS link
        WHERE
            link.account_id = lead.account_id
            AND link.entity_type = 'leads'
            AND link.entity_id = lead.id
            AND link.to_entity_type = 'companies'
    ) AS firm ON TRUE
    LEFT JOIN amo.companies AS company
        ON lead.account_id = company.account_id AND firm.id = company.id
    LEFT JOIN LATERAL (
        SELECT min(link.to_entity_id) AS id
        FROM amo.links AS link
        WHERE
            link.account_id = lead.account_id
            AND link.entity_type = 'leads'
            AND link.entity_id = lead.id
            AND link.to_entity_type = 'contacts'
            AND link.is_main
    ) AS person ON TRUE
    LEFT JOIN amo.contacts AS contact
        ON lead.account_id = contact.account_id AND person.id = contact.id
    LEFT JOIN LATERAL (
        SELECT array_agg(tags.name ORDER BY tags.name, tags.id) AS names
        FROM amo.entity_tags AS carried
        INNER JOIN amo.tags AS tags
            ON
                carried.account_id = tags.account_id
                AND carried.entity_type = tags.entity_type
                AND carried.tag_id = tags.id
        WHERE
            carried.account_id = lead.account_id
            AND carried.entity_type = 'leads'
            AND carried.entity_id = lead.id
    ) AS tag ON TRUE
    WHERE lead.deleted_at IS NULL
    $$
);
