-- Purpose: customers for people and BI: names beside the ids, a column for each custom field.
-- Version: 1
-- Reads:   amo.customers and what it refers to, amo.custom_fields, amo.custom_field_values
-- Writes:  mart.customers
-- Re-run:  safe; the view is replaced when the custom fields or this file changed.
-- Runs:    each time; nothing is done while the metadata is the same.

SELECT ops.build_wide_view(
    'customers',
    'Customers that exist, with names and custom fields as columns. docs/MART.md.',
    $$
    SELECT
        customer.account_id,
        customer.id,
        customer.name,
        customer.next_price,
        customer.next_date,
        customer.status_id,
        status.name AS status_name,
        customer.periodicity,
        customer.responsible_user_id,
        responsible.name AS responsible_user_name,
        customer.group_id,
        department.name AS group_name,
        customer.created_at,
        customer.created_by,
        author.name AS created_by_name,
        customer.updated_at,
        customer.updated_by,
        editor.name AS updated_by_name,
        customer.closest_task_at,
        customer.ltv,
        customer.purchases_count,
        customer.average_check,
        company.id AS company_id,
        company.name AS company_name,
        contact.id AS main_contact_id,
        contact.name AS main_contact_name,
        tag.names AS tags
    FROM amo.customers AS customer
    LEFT JOIN amo.customer_statuses AS status
        ON customer.account_id = status.account_id AND customer.status_id = status.id
    LEFT JOIN amo.users AS responsible
        ON
            customer.account_id = responsible.account_id
            AND customer.responsible_user_id = responsible.id
    LEFT JOIN amo.groups AS department
        ON customer.account_id = department.account_id AND customer.group_id = department.id
    LEFT JOIN amo.users AS author
        ON customer.account_id = author.account_id AND customer.created_by = author.id
    LEFT JOIN amo.users AS editor
        ON customer.account_id = editor.account_id AND customer.updated_by = editor.id
    LEFT JOIN LATERAL (
        SELECT min(link.to_entity_id) AS id
        FROM amo.links AS link
        WHERE
            link.account_id = customer.account_id
            AND link.entity_type = 'customers'
            AND link.entity_id = customer.id
            AND link.to_entity_type = 'companies'
    ) AS firm ON TRUE
    LEFT JOIN amo.companies AS company
        ON customer.account_id = company.account_id AND firm.id = company.id
    LEFT JOIN LATERAL (
        SELECT min(link.to_entity_id) AS id
        FROM amo.links AS link
        WHERE
            link.account_id = customer.account_id
            AND link.entity_type = 'customers'
            AND link.entity_id = customer.id
            AND link.to_entity_type = 'contacts'
            AND link.is_main
    ) AS person ON TRUE
    LEFT JOIN amo.contacts AS contact
        ON customer.account_id = contact.account_id AND person.id = contact.id
    LEFT JOIN LATERAL (
        SELECT array_agg(tags.name ORDER BY tags.name, tags.id) AS names
        FROM amo.entity_tags AS carried
        INNER JOIN amo.tags AS tags
            ON
                carried.account_id = tags.account_id
                AND carried.entity_type = tags.entity_type
                AND carried.tag_id = tags.id
        WHERE
            carried.account_id = customer.account_id
            AND carried.entity_type = 'customers'
            AND carried.entity_id = customer.id
    ) AS tag ON TRUE
    WHERE customer.deleted_at IS NULL
    $$
);
