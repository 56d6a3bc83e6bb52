-- Purpose: contacts for people and BI: names beside the ids, a column for each custom field.
-- Version: 1
-- Reads:   amo.contacts and what it refers to, amo.custom_fields, amo.custom_field_values
-- Writes:  mart.contacts
-- Re-run:  safe; the view is replaced when the custom fields or this file changed.
-- Runs:    each time; nothing is done while the metadata is the same.

SELECT ops.build_wide_view(
    'contacts',
    'Contacts that exist, with names and custom fields as columns. docs/MART.md.',
    $$
    SELECT
        contact.account_id,
        contact.id,
        contact.name,
        contact.first_name,
        contact.last_name,
        contact.responsible_user_id,
        responsible.name AS responsible_user_name,
        contact.group_id,
        department.name AS group_name,
        contact.created_at,
        contact.created_by,
        author.name AS created_by_name,
        contact.updated_at,
        contact.updated_by,
        editor.name AS updated_by_name,
        contact.closest_task_at,
        company.id AS company_id,
        company.name AS company_name,
        phone.numbers AS phones,
        email.addresses AS emails,
        tag.names AS tags
    FROM amo.contacts AS contact
    LEFT JOIN amo.users AS responsible
        ON
            contact.account_id = responsible.account_id
            AND contact.responsible_user_id = responsible.id
    LEFT JOIN amo.groups AS department
        ON contact.account_id = department.account_id AND contact.group_id = department.id
    LEFT JOIN amo.users AS author
        ON contact.account_id = author.account_id AND contact.created_by = author.id
    LEFT JOIN amo.users AS editor
        ON contact.account_id = editor.account_id AND contact.updated_by = editor.id
    LEFT JOIN LATERAL (
        SELECT min(link.to_entity_id) AS id
        FROM amo.links AS link
        WHERE
            link.account_id = contact.account_id
            AND link.entity_type = 'contacts'
            AND link.entity_id = contact.id
            AND link.to_entity_type = 'companies'
    ) AS firm ON TRUE
    LEFT JOIN amo.companies AS company
        ON contact.account_id = company.account_id AND firm.id = company.id
    LEFT JOIN LATERAL (
        SELECT array_agg(phones.e164 ORDER BY phones.position) AS numbers
        FROM amo.phones AS phones
        WHERE
            phones.account_id = contact.account_id
            AND phones.entity_type = 'contacts'
            AND phones.entity_id = contact.id
            AND phones.is_valid
    ) AS phone ON TRUE
    LEFT JOIN LATERAL (
        SELECT array_agg(emails.email ORDER BY emails.position) AS addresses
        FROM amo.emails AS emails
        WHERE
            emails.account_id = contact.account_id
            AND emails.entity_type = 'contacts'
            AND emails.entity_id = contact.id
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
            carried.account_id = contact.account_id
            AND carried.entity_type = 'contacts'
            AND carried.entity_id = contact.id
    ) AS tag ON TRUE
    WHERE contact.deleted_at IS NULL
    $$
);
