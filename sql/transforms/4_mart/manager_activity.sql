-- Purpose: what each user has done, month by month: leads, tasks, notes, calls.
-- Version: 1
-- Reads:   amo.leads, amo.tasks, amo.notes, amo.users
-- Writes:  mart.manager_activity
-- Re-run:  safe; the view is replaced, its grants stay.

CREATE OR REPLACE VIEW mart.manager_activity AS
SELECT
    act.account_id,
    date_trunc('month', act.at)::date AS month,
    act.user_id,
    person.name AS user_name,
    count(*) FILTER (WHERE act.kind = 'lead') AS leads_created,
    count(*) FILTER (WHERE act.kind = 'lead' AND act.is_open) AS leads_still_open,
    coalesce(sum(act.price) FILTER (WHERE act.kind = 'lead' AND act.is_open), 0) AS price_open,
    count(*) FILTER (WHERE act.kind = 'won') AS leads_won,
    coalesce(sum(act.price) FILTER (WHERE act.kind = 'won'), 0) AS price_won,
    count(*) FILTER (WHERE act.kind = 'lost') AS leads_lost,
    coalesce(sum(act.price) FILTER (WHERE act.kind = 'lost'), 0) AS price_lost,
    count(*) FILTER (WHERE act.kind = 'task') AS tasks_due,
    count(*) FILTER (WHERE act.kind = 'task' AND NOT act.is_open) AS tasks_done,
    count(*) FILTER (WHERE act.kind = 'task' AND act.is_open AND act.at < now()) AS tasks_overdue,
    count(*) FILTER (WHERE act.kind = 'note') AS notes,
    count(*) FILTER (WHERE act.kind = 'call') AS calls
FROM (
    SELECT
        lead.account_id,
        lead.responsible_user_id AS user_id,
        lead.created_at AS at,
        'lead' AS kind,
        coalesce(lead.status_id NOT IN (142, 143), TRUE) AS is_open,
        coalesce(lead.price_with_minor_units, lead.price) AS price
    FROM amo.leads AS lead
    WHERE lead.deleted_at IS NULL

    UNION ALL

    SELECT
        lead.account_id,
        lead.responsible_user_id AS user_id,
        lead.closed_at AS at,
        CASE lead.status_id WHEN 142 THEN 'won' ELSE 'lost' END AS kind,
        FALSE AS is_open,
        coalesce(lead.price_with_minor_units, lead.price) AS price
    FROM amo.leads AS lead
    WHERE lead.deleted_at IS NULL AND lead.status_id IN (142, 143)

    UNION ALL

    SELECT
        task.account_id,
        task.responsible_user_id AS user_id,
        task.complete_till AS at,
        'task' AS kind,
        task.is_completed IS NOT TRUE AS is_open,
        NULL AS price
    FROM amo.tasks AS task
    WHERE task.deleted_at IS NULL

    UNION ALL

    -- A note counts for whoever wrote it; 0 is a robot.
    SELECT
        note.account_id,
        note.created_by AS user_id,
        note.created_at AS at,
        CASE WHEN note.note_type IN ('call_in', 'call_out') THEN 'call' ELSE 'note' END AS kind,
        FALSE AS is_open,
        NULL AS price
    FROM amo.notes AS note
    WHERE note.deleted_at IS NULL
) AS act
LEFT JOIN amo.users AS person
    ON act.account_id = person.account_id AND act.user_id = person.id
WHERE act.user_id <> 0 AND act.at IS NOT NULL
GROUP BY act.account_id, date_trunc('month', act.at), act.user_id, person.name;

COMMENT ON VIEW mart.manager_activity IS
'Work by user and month, in the time zone of the reader''s session. docs/MART.md.';
COMMENT ON COLUMN mart.manager_activity.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN mart.manager_activity.user_id IS 'Of amo.users.';
COMMENT ON COLUMN mart.manager_activity.user_name IS 'Its name.';
COMMENT ON COLUMN mart.manager_activity.leads_created IS
'Leads of the user that were created in this month.';
COMMENT ON COLUMN mart.manager_activity.price_open IS 'Sum of the prices of leads_still_open.';
COMMENT ON COLUMN mart.manager_activity.price_won IS 'Sum of the prices of leads_won.';
COMMENT ON COLUMN mart.manager_activity.price_lost IS 'Sum of the prices of leads_lost.';
COMMENT ON COLUMN mart.manager_activity.tasks_done IS 'Of tasks_due.';
COMMENT ON COLUMN mart.manager_activity.tasks_overdue IS 'Of tasks_due.';
COMMENT ON COLUMN mart.manager_activity.calls IS 'In and out, by who wrote them.';
COMMENT ON COLUMN mart.manager_activity.month IS 'Its first day.';
COMMENT ON COLUMN mart.manager_activity.leads_still_open IS
'Of those created in this month; their sum over the months is what the user has now.';
COMMENT ON COLUMN mart.manager_activity.leads_won IS 'Closed as won in this month.';
COMMENT ON COLUMN mart.manager_activity.leads_lost IS 'Closed as lost in this month.';
COMMENT ON COLUMN mart.manager_activity.tasks_due IS
'Due in this month; done and overdue are of these. amoCRM does not say when one was done.';
COMMENT ON COLUMN mart.manager_activity.notes IS 'All that are not calls, of people, not robots.';
