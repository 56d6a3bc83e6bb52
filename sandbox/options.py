"""The flags of the command line."""

from __future__ import annotations

import argparse
import ipaddress
import json
from dataclasses import fields

from sandbox.faults import Fault
from sandbox.generate.account import Size
from sandbox.settings import Settings

# 9 October 2025: a fixed moment in the past, so that the data is the same on every day.
NOW = 1_760_000_000
ACCOUNT_ID = 11_111_111


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Serve a local look-alike of an amoCRM account.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    _add_data(made)
    _add_network(made)
    _add_quirks(made)
    return made


def _add_data(made: argparse.ArgumentParser) -> None:
    flag = made.add_argument_group("data").add_argument
    flag("--companies", type=int, default=1000, help="companies; other numbers follow from it")
    for name in [each.name for each in fields(Size) if each.name != "companies"]:
        flag(f"--{name}", type=int, default=argparse.SUPPRESS, help=f"{name}, if not as usual")
    flag("--seed", type=int, default=1, help="equal seeds make equal data")
    flag("--account-id", type=int, default=ACCOUNT_ID, help="id of the account")
    flag("--now", type=int, default=NOW, help="Unix time of the account at the start")
    flag("--plain-unicode", action="store_true", help="do not escape non-ASCII characters")
    flag("--poison", type=int, default=0, metavar="N", help="spoil N entities in each way")


def _add_network(made: argparse.ArgumentParser) -> None:
    flag = made.add_argument_group("network and tokens").add_argument
    flag("--host", type=_loopback, default="127.0.0.1", help="loopback address")
    flag("--port", type=int, default=0, help="0 for any free one")
    flag("--token", default="sandbox-token", help="long-lived token")
    flag("--client-id", default="sandbox-client", help="OAuth client id")
    flag("--client-secret", default="sandbox-secret", help="OAuth client secret")
    flag("--code", default="sandbox-code", help="OAuth code, good once")
    flag("--refresh-token", default="sandbox-refresh", help="OAuth refresh token, good once")


def _add_quirks(made: argparse.ArgumentParser) -> None:
    flag = made.add_argument_group("quirks, which can be changed while it runs").add_argument
    sample = 'such as {"kind": "http_500", "path": "*/leads", "page": 3, "times": 2}'
    flag("--fault", type=_fault, action="append", default=[], metavar="JSON", help=sample)
    for knob in fields(Settings):
        name, default = "--" + knob.name.replace("_", "-"), knob.default
        help_, choices = knob.metadata["help"], knob.metadata["choices"] or None
        if isinstance(default, bool):
            flag(name, action=argparse.BooleanOptionalAction, default=default, help=help_)
        else:
            flag(name, type=type(default), default=default, choices=choices, help=help_)


def _loopback(text: str) -> str:
    if text == "localhost" or ipaddress.ip_address(text).is_loopback:
        return text
    raise argparse.ArgumentTypeError("only a loopback address may be bound")


def _fault(text: str) -> Fault:
    return Fault.of(json.loads(text))
