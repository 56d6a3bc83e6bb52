"""The manners of the account that can be chosen at the start and changed while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any


def _knob(default: Any, help_: str, choices: tuple[Any, ...] = ()) -> Any:
    return field(default=default, metadata={"help": help_, "choices": choices})


@dataclass(slots=True)
class Settings:
    """Every field is a flag of the command line and a key of POST /_sandbox/settings."""

    rate: float = _knob(0.0, "requests allowed in any one second, 0 for no limit")
    rate_body: str = _knob("json", "body of a 429", ("json", "html"))
    retry_after: int = _knob(1, "seconds named by a JSON 429")
    block_after: int = _knob(0, "429 answers after which everything is an HTML 403, 0 for never")
    blocked: bool = _knob(False, "answer everything with the HTML 403 of a blocked account")
    latency: str = _knob("0:0", "MIN:MAX seconds added to every answer")
    next_links: str = _knob(
        "natural",
        "`next` links: as each list of amoCRM does, or one way on all lists",
        ("natural", "correct", "always", "missing"),
    )
    early_204: float = _knob(0.0, "share of pages after the first that are 204 when first asked")
    filter_package: bool = _knob(True, "the paid filters of leads, contacts, companies, customers")
    ignored_filters: str = _knob("", "comma list of streams whose filters are ignored all the same")
    events_limit: int = _knob(100, "largest page of events", (100, 250))
    over_max: str = _knob("clamp", "a limit over the largest one", ("clamp", "fallback", "error"))
    customers_answer: str = _knob(
        "on", "answer of the customers lists", ("on", "204", "402", "422")
    )
    customers_mode: str = _knob(
        "periodicity", "customers_mode of the account", ("periodicity", "segments")
    )
    admin: bool = _knob(True, "the token belongs to an administrator")
    denied: str = _knob("", "comma list of streams that answer 403 for want of rights")
    drive_url: str = _knob("", "drive_url of the account, when it is not this server")
    drive_answer: str = _knob("on", "answer of the file service", ("on", "401", "403", "html 403"))
    drive_limit: int = _knob(250, "largest page of files; a larger limit is clamped to it")
    heavy_limit: int = _knob(0, "a larger limit than this is too heavy, 0 for never")
    heavy_status: int = _knob(504, "answer to a too heavy page", (500, 502, 503, 504))
    link_host: str = _knob("", "host named in links, such as https://shard151.amocrm.ru")
    redirect_to: str = _knob("", "host that every API call is redirected to")
    renamed_to: str = _knob("", "host:port the account moved to: others answer 404 and redirects")
    shown_account_id: int = _knob(0, "account id to show in place of the real one")
    credentials: str = _knob("valid", "state of every token", ("valid", "expired", "revoked"))
    token_lifetime: int = _knob(86_400, "seconds until an access token from OAuth expires")
    extra_keys: bool = _knob(False, "add keys nobody has heard of to every page and entity")

    @property
    def latency_bounds(self) -> tuple[float, float]:
        """The least and the greatest latency in seconds."""
        return _bounds(self.latency)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set all given fields, or none of them when one is wrong."""
        known = {knob.name: knob for knob in fields(self)}
        checked: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}")
            checked[name] = _checked(known[name], value)
        for name, value in checked.items():
            setattr(self, name, value)


def _checked(knob: Field[Any], value: Any) -> Any:
    kind, choices = type(knob.default), knob.metadata["choices"]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"setting {knob.name} must be a {kind.__name__}")
    if choices and value not in choices:
        raise ValueError(f"setting {knob.name} must be one of {choices}")
    if knob.name == "latency":
        _bounds(str(value))
    return value


def _bounds(latency: str) -> tuple[float, float]:
    low, _, high = latency.partition(":")
    return float(low), float(high or low)
