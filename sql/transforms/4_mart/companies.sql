-- Purpose: companies for people and BI: names beside the ids, a column for each custom field.
-- Version: 1
-- Reads:   amo.companies and what it refers to, amo.custom_fields, amo.custom_field_values
-- Writes:  mart.companies
-- Re-run:  safe; the view is replaced when the custom fields or this file changed.
-- Runs:    each time; nothing is done while the metadata is the same.

SELECT ops.build_wide_view(
    'companies',
    'Companies that exist, with names and custom fields as columns. docs/MART.md.',
    $$
    SELECT
        company.account_id,
        company.id,
        company.name,
        company.responsible_user_id,
        responsible.name AS responsible_user_name,
        company.group_id,
        department.name AS group_name,
        company.created_at,
        company.created_by,
        author.name AS created_by_name,
        company.updated_at,
        company.updated_by,
        editor.name AS updated_by_name,
        company.closest_task_at,
        legal_id.inn,
        phone.numbers AS phones,
        email.addresses AS emails,
        tag.names AS tags
    FROM amo.companies AS company
    LEFT JOIN amo.users AS responsible
        ON
            company.account_id = responsible.account_id
            AND company.responsible_user_id = responsible.id
    LEFT JOIN amo.groups AS department
        ON company.account_id = department.account_id AND company.group_id = department.id
    LEFT JOIN amo.users AS author
        ON company.account_id = author.account_id AND company.created_by = author.id
    LEFT JOIN amo.users AS editor
        ON company.account_id = editor.account_id AND company.updated_by = editor.id
    LEFT JOIN LATERAL (
        SELECT (array_agg(legal_ids.value ORDER BY legal_ids.position))[1] AS inn
        FROM amo.legal_ids AS legal_ids
        WHERE
            legal_ids.account_id = company.account_id
            AND legal_ids.entity_type = 'companies'
            AND legal_ids.entity_id = company.id
            AND legal_ids.kind = 'inn'
            AND legal_ids.is_valid
    ) AS legal_id ON TRUE
    LEFT JOIN LATERAL (
        SELECT array_agg(phones.e164 ORDER BY phones.position) AS numbers
        FROM amo.phones AS phones
        WHERE
            phones.account_id = company.account_id
            AND phones.entity_type = 'companies'
            AND phones.entity_id = company.id
            AND phones.is_valid
    ) AS phone ON TRUE
    LEFT JOIN LATERAL (
        SELECT array_agg(emails.email ORDER BY emails.position) AS addresses
        FROM amo.emails AS emails
        WHERE
            emails.account_id = company.account_id
            AND emails.entity_type = 'companies'
            AND emails.entity_id = company.id
            AND emails.is_valid
    ) AS email ON TRUE
    LEFT JOIN LATERAL (
        SELECT array_agg(tags.name ORDER BY tags.name, tags.id) AS names
        FROM amo.entity_tags AS carried
        INNER JOIN amo.tags AS tags
            ON
                carried.account_id = tags.account_id
                AND carried.entity_type = tags.entity_type
                AND carried.tag_id = tags.id
        WHERE
            carried.account_id = company.account_id
            AND carried.entity_type = 'companies'
            AND carried.entity_id = company.id
    ) AS tag ON TRUE
    WHERE company.deleted_at IS NULL
    $$
);
