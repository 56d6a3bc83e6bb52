"""One thing that is to be changed or undone, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

# Of a change: what became of it.
PLANNED = "planned"
APPLIED = "applied"
JOINED = "joined"  # it was ours already: one more holder
SKIPPED = "skipped"
REFUSED = "refused"
BUSY = "busy"
FAILED = "failed"
NO_EFFECT = "no_effect"

# Of an undoing: these close the row of the journal, under the same words …
RESTORED = "restored"
CHANGED = "skipped_changed"
GONE = "object_gone"
NEVER = "never_applied"
# … and this one does not.
HELD = "held"

ENDS = (RESTORED, CHANGED, GONE, NEVER)


@dataclass(frozen=True, slots=True)
class Change:
    """statement: what is sent, or would be; before: None where nothing was set."""

    kind: str
    object: str
    name: str
    before: str | None
    statement: str
    outcome: str
    detail: str = ""
    relid: int = 0
    value: str = ""
