"""The control side under /_sandbox/: it needs no token and is not counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

from sandbox.faults import Fault
from sandbox.limits import Limiter
from sandbox.live import Live
from sandbox.mutate import MutationError
from sandbox.problems import Answer
from sandbox.settings import Settings
from sandbox.stats import Stats

ROOT = "/_sandbox/"


@dataclass(slots=True)
class Control:
    """What can be asked of the sandbox itself, and told to it."""

    live: Live
    settings: Settings
    stats: Stats
    limiter: Limiter
    faults: list[Fault]

    def answer(self, method: str, path: str, query_string: str, body: bytes) -> Answer:
        """Answer a request by its path below the root."""
        asked = {name: values[0] for name, values in parse_qs(query_string).items()}
        try:
            if method == "POST":
                sent: Any = json.loads(body or b"{}")
                return _json(200, self._commands()[path](sent))
            return _json(200, self._questions()[path](asked))
        except KeyError as exc:
            return _json(404, {"error": f"unknown path or missing key {exc}"})
        except (ValueError, TypeError, AttributeError, MutationError) as exc:
            return _json(400, {"error": str(exc)})

    def _questions(self) -> dict[str, Callable[[dict[str, str]], Any]]:
        return {
            "stats": self._stats,
            "settings": lambda asked: asdict(self.settings),
            "faults": lambda asked: [asdict(fault) for fault in self.faults],
            "truth": lambda asked: self._truth(asked["stream"]),
            "entities": lambda asked: self.entities(),
            "poison": lambda asked: self.live.account.poison,
        }

    def _commands(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "reset-stats": lambda sent: self._reset(),
            "settings": self._change,
            "faults": self._set_faults,
            "mutate": self.live.mutate,
            "schedule": self._schedule,
            "clock": self._advance,
        }

    def entities(self) -> dict[str, int]:
        """Return how many entities each stream has now."""
        account = self.live.account
        return {name: len(account.collections[name].rows) for name in account.collections}

    def _stats(self, asked: dict[str, str]) -> Any:
        report = self.stats.report("arrivals" in asked, "targets" in asked)
        return report | {"rate_violations": self.limiter.violations}

    def _truth(self, name: str) -> Any:
        rows = self.live.account.collections[name].rows.values()
        return sorted([row.id, row.updated_at] for row in rows)

    def _reset(self) -> Any:
        self.stats.reset()
        self.limiter.reset()
        return {}

    def _change(self, sent: Any) -> Any:
        self.settings.change(sent)
        return asdict(self.settings)

    def _set_faults(self, sent: Any) -> Any:
        if sent.get("clear"):
            self.faults.clear()
        new = sent.get("faults", [])
        new = [*new, sent["fault"]] if "fault" in sent else new
        self.faults.extend([Fault.of(each) for each in new])
        return [asdict(fault) for fault in self.faults]

    def _schedule(self, sent: Any) -> Any:
        """Keep a change of data, of settings or of faults for later."""
        if not {"mutate", "settings", "fault"} & set(sent):
            raise ValueError("a schedule needs mutate, settings or fault")

        def action() -> None:
            if "mutate" in sent:
                self.live.mutate(sent["mutate"])
            if "settings" in sent:
                self.settings.change(sent["settings"])
            if "fault" in sent:
                self.faults.append(Fault.of(sent["fault"]))

        self.live.later(int(sent["after_requests"]), action)
        return {"waiting": len(self.live.waiting)}

    def _advance(self, sent: Any) -> Any:
        self.live.clock.advance(float(sent["advance"]))
        return {"now": self.live.clock.now()}


def _json(status: int, document: Any) -> Answer:
    return Answer(status, json.dumps(document).encode(), "application/json")
