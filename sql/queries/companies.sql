-- Purpose: companies with their phones and INN, the newest first.
-- Reads:   amo.companies, amo.phones, amo.legal_ids

SELECT
    left(company.name, 32) AS company,
    left(phone.numbers, 44) AS phones,
    legal.inn
FROM amo.companies AS company
INNER JOIN (
    SELECT
        phones.account_id,
        phones.entity_id,
        string_agg(
            coalesce(
                phones.e164 || coalesce(' доб. ' || phones.extension, ''), phones.raw || ' (?)'
            ),
            ', ' ORDER BY phones.position
        ) AS numbers
    FROM amo.phones AS phones
    WHERE phones.entity_type = 'companies'
    GROUP BY phones.account_id, phones.entity_id
) AS phone
    ON company.account_id = phone.account_id AND company.id = phone.entity_id
INNER JOIN (
    SELECT
        legal_ids.account_id,
        legal_ids.entity_id,
        min(legal_ids.value) AS inn
    FROM amo.legal_ids AS legal_ids
    WHERE
        legal_ids.entity_type = 'companies'
        AND legal_ids.kind = 'inn'
        AND legal_ids.is_valid
    GROUP BY legal_ids.account_id, legal_ids.entity_id
) AS legal
    ON company.account_id = legal.account_id AND company.id = legal.entity_id
WHERE company.deleted_at IS NULL
ORDER BY company.created_at DESC, company.id DESC
LIMIT 8;
