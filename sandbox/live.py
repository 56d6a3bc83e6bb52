"""Requests to change live data: now, or in the middle of somebody's paging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox.clock import Clock
from sandbox.generate.account import Account
from sandbox.mutate import Mutation, MutationError
from sandbox.store import Id
from sandbox.wire import Json


@dataclass(slots=True)
class Live:
    """The changes made and those that wait for their turn."""

    account: Account
    clock: Clock
    rng: Random = field(init=False)
    waiting: list[tuple[int, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = self.account.rng("live")

    def mutate(self, request: Json) -> Json:
        """Make the changes of a request in a fixed order of verbs; name the ids it took."""
        if unknown := set(request) - set(self._changes()):
            raise MutationError(f"unknown changes: {sorted(unknown)}")
        mutation = Mutation(self.account, self.rng, self.clock.now())
        return {
            verb: {name: change(mutation, name, asked) for name, asked in request[verb].items()}
            for verb, change in self._changes().items()
            if verb in request
        }

    def _changes(self) -> dict[str, Callable[[Mutation, str, Any], list[Any]]]:
        return {
            "insert": self._insert,
            "update": self._update,
            "delete": self._delete,
            "restore": self._restore,
            "merge": self._merge,
        }

    def later(self, after_requests: int, action: Callable[[], object]) -> None:
        """Keep an action until so many more requests have been answered."""
        self.waiting.append((after_requests, action))

    def tick(self) -> None:
        """Note that one more request is about to be answered; do what is due before it."""
        due = [action for left, action in self.waiting if left <= 0]
        self.waiting = [(left - 1, action) for left, action in self.waiting if left > 0]
        for action in due:
            action()

    def _insert(self, mutation: Mutation, name: str, count: int) -> list[Id]:
        return [mutation.insert(name) for _ in range(count)]

    def _update(self, mutation: Mutation, name: str, asked: Any) -> list[Id]:
        changes = asked.get("set") if isinstance(asked, dict) else None
        ids = self._chosen(name, asked)
        for id_ in ids:
            mutation.update(name, id_, changes)
        return ids

    def _delete(self, mutation: Mutation, name: str, asked: Any) -> list[Id]:
        ids = self._chosen(name, asked)
        for id_ in ids:
            mutation.delete(name, id_)
        return ids

    def _restore(self, mutation: Mutation, name: str, asked: Any) -> list[Id]:
        known = self.account.collections.get(name)
        ids = list(known.trash)[:asked] if isinstance(asked, int) and known else asked
        for id_ in ids:
            mutation.restore(name, id_)
        return list(ids)

    def _merge(self, mutation: Mutation, name: str, asked: Any) -> list[list[Id]]:
        if isinstance(asked, int):
            ids = self._chosen(name, 2 * asked)
            asked = [list(pair) for pair in zip(ids[::2], ids[1::2], strict=True)]
        for winner, loser in asked:
            mutation.merge(name, winner, loser)
        return list(asked)

    def _chosen(self, name: str, asked: Any) -> list[Id]:
        """Return the ids that are asked for by list or by number."""
        if isinstance(asked, dict):
            asked = asked["ids"] if "ids" in asked else asked["count"]
        if isinstance(asked, list):
            return asked
        known = self.account.collections.get(name)
        if known is None or len(known.rows) < asked:
            raise MutationError(f"there are no {asked} of {name}")
        return self.rng.sample(known.ids, asked)
