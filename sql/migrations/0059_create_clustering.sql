-- Purpose: bring entities together that share evidence, by sets: connected components, firms apart.
-- Writes:  staging.cluster_*, staging.component_*, staging.clusters, two functions
-- Re-run:  safe; what exists is kept, functions and the view are replaced by the same text.

CREATE UNLOGGED TABLE IF NOT EXISTS staging.cluster_evidence (
    account_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    kind text NOT NULL,
    crowd bigint NOT NULL,
    value text COLLATE "C" NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.cluster_evidence IS
'Values that more than one entity has; each entity and value once.';
COMMENT ON COLUMN staging.cluster_evidence.crowd IS
'Equal for what is counted as one value: a phone number with all its extensions.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.cluster_nodes (
    node bigint NOT NULL,
    account_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    inn text,
    richness bigint NOT NULL,
    firm bigint,
    root bigint NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.cluster_nodes IS
'The living entities that have evidence, and the cluster that each is in so far.';
COMMENT ON COLUMN staging.cluster_nodes.node IS
'A number for account and entity, growing with the id.';
COMMENT ON COLUMN staging.cluster_nodes.richness IS
'How many valid phones, addresses and legal ids it has: the richer one becomes the master.';
COMMENT ON COLUMN staging.cluster_nodes.firm IS
'Equal for what has the same INN and KPP, or has joined such; two firms never come together.';
COMMENT ON COLUMN staging.cluster_nodes.root IS 'One node of its cluster, equal for all in it.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.cluster_links (
    kind text NOT NULL,
    link bigint NOT NULL,
    node bigint NOT NULL,
    value text NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.cluster_links IS
'Evidence that passed the rules: nodes of the same kind and link have the same value.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.component_edges (
    round integer NOT NULL,
    one bigint NOT NULL,
    other bigint NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.component_edges IS
'Pairs that belong together; round 1 as found, later ones between what was left to be joined.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.component_hooks (
    node bigint NOT NULL,
    root bigint NOT NULL
) WITH (autovacuum_enabled = FALSE, fillfactor = 50);
COMMENT ON TABLE staging.component_hooks IS
'Where each node of the present round of edges goes; equal to itself: nowhere.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.component_roots (
    node bigint NOT NULL,
    root bigint NOT NULL
) WITH (autovacuum_enabled = FALSE, fillfactor = 50);
COMMENT ON TABLE staging.component_roots IS
'Every node of the edges with the smallest node that it can be reached from.';

-- Each round hangs every node below its smallest neighbour and flattens these trees by pointer
-- jumping; the next one works on the edges between trees. A node that found no smaller
-- neighbour takes all of them in, or has a smaller one in the next round: two rounds halve
-- the number of trees, and a chain of n takes one round of log2(n) jumps.
CREATE OR REPLACE FUNCTION staging.connect_components()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog
-- These tables come and go without statistics; a nested loop over them would take hours.
SET enable_nestloop = off
AS $$
DECLARE
    current_round integer := 1;
BEGIN
    TRUNCATE staging.component_roots;
    INSERT INTO staging.component_roots (node, root)
    SELECT edge.one, edge.one FROM staging.component_edges AS edge
    UNION
    SELECT edge.other, edge.other FROM staging.component_edges AS edge;
    LOOP
        TRUNCATE staging.component_hooks;
        INSERT INTO staging.component_hooks (node, root)
        SELECT edge.node, least(edge.node, min(edge.neighbour))
        FROM (
            SELECT one AS node, other AS neighbour
            FROM staging.component_edges WHERE round = current_round
            UNION ALL
            SELECT other AS node, one AS neighbour
            FROM staging.component_edges WHERE round = current_round
        ) AS edge
        GROUP BY edge.node;
        EXIT WHEN NOT FOUND;

        LOOP
            UPDATE staging.component_hooks AS hook
            SET root = above.root
            FROM staging.component_hooks AS above
            WHERE hook.root = above.node AND above.root <> above.node;
            EXIT WHEN NOT FOUND;
        END LOOP;

        UPDATE staging.component_roots AS member
        SET root = hook.root
        FROM staging.component_hooks AS hook
        WHERE member.root = hook.node AND hook.root <> hook.node;

        INSERT INTO staging.component_edges (round, one, other)
        SELECT DISTINCT current_round + 1, one.root, other.root
        FROM staging.component_edges AS edge
        INNER JOIN staging.component_hooks AS one ON edge.one = one.node
        INNER JOIN staging.component_hooks AS other ON edge.other = other.node
        WHERE edge.round = current_round AND one.root <> other.root;
        current_round := current_round + 1;
    END LOOP;
    RETURN current_round - 1;
END;
$$;
COMMENT ON FUNCTION staging.connect_components() IS
'Connected components: from staging.component_edges to staging.component_roots; gives the rounds.';

CREATE OR REPLACE FUNCTION staging.link_nodes(evidence_kind text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
SET enable_nestloop = off
AS $$
BEGIN
    -- A value of too many is no evidence, nor one of two firms: it belongs to neither.
    INSERT INTO staging.cluster_links (kind, link, node, value)
    SELECT evidence_kind, used.link, used.node, used.value
    FROM (
        SELECT
            node.node,
            evidence.value,
            dense_rank() OVER (ORDER BY evidence.crowd, evidence.value) AS link,
            count(*) OVER same AS sharers,
            min(node.firm) OVER same AS firm,
            max(node.firm) OVER same AS other_firm
        FROM staging.cluster_evidence AS evidence
        INNER JOIN staging.cluster_nodes AS node
            ON evidence.account_id = node.account_id AND evidence.entity_id = node.entity_id
        INNER JOIN (
            SELECT every.crowd
            FROM staging.cluster_evidence AS every
            INNER JOIN staging.cluster_nodes AS living
                ON every.account_id = living.account_id AND every.entity_id = living.entity_id
            WHERE every.kind = evidence_kind
            GROUP BY every.crowd
            HAVING count(DISTINCT every.entity_id) <= (SELECT max_sharers FROM ops.duplicate_rules)
        ) AS small
            ON evidence.crowd = small.crowd
        WINDOW same AS (PARTITION BY evidence.crowd, evidence.value)
    ) AS used
    WHERE used.sharers > 1 AND used.firm IS NOT DISTINCT FROM used.other_firm;

    -- First what has no firm comes together ...
    TRUNCATE staging.component_edges;
    INSERT INTO staging.component_edges (round, one, other)
    SELECT DISTINCT 1, star.centre, star.root
    FROM (
        SELECT node.root, min(node.root) OVER (PARTITION BY link.link) AS centre
        FROM staging.cluster_links AS link
        INNER JOIN staging.cluster_nodes AS node ON link.node = node.node
        WHERE link.kind = evidence_kind AND node.firm IS NULL
    ) AS star
    WHERE star.centre <> star.root;
    PERFORM staging.connect_components();
    UPDATE staging.cluster_nodes AS node
    SET root = component.root
    FROM staging.component_roots AS component
    WHERE node.root = component.node AND node.root <> component.root;

    -- ... then it joins the firm that it shares a value with, if that is one and not two.
    UPDATE staging.cluster_nodes AS node
    SET root = joined.root, firm = joined.firm
    FROM (
        SELECT stray.root AS stray, min(owner.root) AS root, min(owner.firm) AS firm
        FROM (
            SELECT link.link, min(node.firm) AS firm, min(node.root) AS root,
                max(node.root) AS other_root
            FROM staging.cluster_links AS link
            INNER JOIN staging.cluster_nodes AS node ON link.node = node.node
            WHERE link.kind = evidence_kind AND node.firm IS NOT NULL
            GROUP BY link.link
        ) AS owner
        INNER JOIN staging.cluster_links AS link
            ON owner.link = link.link AND link.kind = evidence_kind
        INNER JOIN staging.cluster_nodes AS stray
            ON link.node = stray.node AND stray.firm IS NULL
        GROUP BY stray.root
        HAVING min(owner.root) = max(owner.other_root)
    ) AS joined
    WHERE node.root = joined.stray;
END;
$$;
COMMENT ON FUNCTION staging.link_nodes(text) IS
'Bring the nodes together that share evidence of this kind: phone, then email.';

CREATE OR REPLACE VIEW staging.clusters AS
SELECT
    member.account_id,
    member.entity_id,
    member.cluster_id,
    member.master_id,
    reason.kind AS matched_by,
    reason.value AS matched_value
FROM (
    SELECT
        node.node,
        node.account_id,
        node.entity_id,
        min(node.entity_id) OVER (PARTITION BY node.root) AS cluster_id,
        first_value(node.entity_id) OVER (
            PARTITION BY node.root
            ORDER BY node.inn IS NULL, node.richness DESC, node.entity_id -- noqa: AM03
        ) AS master_id
    FROM staging.cluster_nodes AS node
) AS member
INNER JOIN (
    SELECT DISTINCT ON (shared.node)
        shared.node,
        shared.kind,
        string_agg(shared.value, ', ' ORDER BY shared.value) AS value
    FROM (
        SELECT
            link.node,
            link.kind,
            link.value,
            count(*) OVER (PARTITION BY link.kind, link.link, node.root) AS sharers
        FROM staging.cluster_links AS link
        INNER JOIN staging.cluster_nodes AS node
            ON link.node = node.node
    ) AS shared
    -- Evidence that led nowhere, since it pointed at two firms, is no reason.
    WHERE shared.sharers > 1
    GROUP BY shared.node, shared.kind
    ORDER BY shared.node, array_position('{inn,phone,email}', shared.kind)
) AS reason
    ON member.node = reason.node;
COMMENT ON VIEW staging.clusters IS
'What the nodes and links of the present transform amount to: entities in clusters of two or more.';
