"""What of a page is kept, in the transaction that stages it: nothing else is committed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from loader.errors import TemporaryError
from loader.ledger import Staged

# What was not asked for goes before anything else sees it, and with it the blocks that were
# asked for only to follow them; gives what is left and what went. OFFSET 0: evaluated once.
_KEEP = """
    WITH pruned AS (
        UPDATE staging.pages AS page SET
            body = jsonb_set(
                page.body, ARRAY['_embedded', %(key)s],
                staging.lean_items(kept.items, %(extra)s)
            )
        FROM staging.pages AS before
        CROSS JOIN LATERAL (
            SELECT staging.kept_items(
                before.body -> '_embedded' -> %(key)s, %(path)s::jsonpath, %(vars)s::jsonb
            ) AS items
            OFFSET 0
        ) AS kept
        WHERE
            page.run_id = %(run_id)s AND page.page_no = %(page_no)s
            AND page.stream = %(stream)s AND page.params = %(params)s
            AND before.ctid = page.ctid
        RETURNING jsonb_array_length(kept.items) AS rows
    )
    UPDATE ops.pages AS noted SET rows = pruned.rows, skipped = noted.rows - pruned.rows
    FROM pruned
    WHERE
        noted.run_id = %(run_id)s AND noted.page_no = %(page_no)s
        AND noted.stream = %(stream)s AND noted.params = %(params)s
    RETURNING noted.rows, noted.skipped
"""

# In the order of the key, since pages that share ids are committed at the same time.
_FOLLOW = """
    INSERT INTO ops.selected AS known (run_id, stream, entity_id, is_wanted)
    SELECT page.run_id, found.stream, found.entity_id, found.is_wanted
    FROM staging.pages AS page
    CROSS JOIN LATERAL staging.selected_ids(
        page.body -> '_embedded' -> %(key)s, page.stream, %(blocks)s,
        %(path)s::jsonpath, %(named)s::jsonpath, %(vars)s::jsonb
    ) AS found
    WHERE
        page.run_id = %(run_id)s AND page.page_no = %(page_no)s
        AND page.stream = %(stream)s AND page.params = %(params)s
    ORDER BY found.stream, found.entity_id
    ON CONFLICT ON CONSTRAINT selected_pkey DO UPDATE SET is_wanted = TRUE
    WHERE excluded.is_wanted AND NOT known.is_wanted
"""


@dataclass(frozen=True, slots=True)
class Keep:
    """Which entities of a page are kept: those where the jsonpath finds something.

    A filter that amoCRM ignores brings others: they must not get into the database.
    is_strict: a page of more others than wanted is refused, since there is no other way to ask.
    """

    path: str
    vars: Mapping[str, object]
    is_strict: bool = False

    def __and__(self, other: Keep) -> Keep:
        """Those that both keep; their variables have different names."""
        path = f"$ ? (exists({self.path}) && exists({other.path}))"
        return Keep(path, {**self.vars, **other.vars}, self.is_strict or other.is_strict)


@dataclass(frozen=True, slots=True)
class Follow:
    """The ids of what is kept, and of what it names in blocks of _embedded, go into ops.selected.

    extra: blocks that were asked for only for that, and that a full load does not have.
    named: jsonpath of entities that are noted even where they are not kept.
    """

    blocks: tuple[str, ...]
    extra: tuple[str, ...]
    named: str | None = None


def prune(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    facts: dict[str, object],
    page: Staged,
    keep: Keep,
    follow: Follow | None,
) -> Staged:
    """Leave what was asked for, and note what it leads to.

    Raises TemporaryError, which rolls the page back, when a strict Keep finds mostly others.
    """
    facts = facts | {"path": keep.path, "vars": json.dumps(keep.vars), "extra": []}
    if follow:
        facts |= {"blocks": list(follow.blocks), "named": follow.named}
        facts |= {"extra": list(follow.extra)}
        cursor.execute(_FOLLOW, facts)
    row = cursor.execute(_KEEP, facts).fetchone()
    assert row is not None  # noqa: S101 - the ledger has just taken this page
    rows, skipped = row
    if keep.is_strict and skipped > rows:
        raise TemporaryError(
            f"amoCRM ignores the filter of {facts['stream']}",
            detail=f"{skipped} of {page.held} entities of a page were not asked for",
            hint="nothing of the page was kept; bin/load without --companies reads all there is",
        )
    return replace(page, rows=rows, skipped=skipped)
