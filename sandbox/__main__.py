"""Make an account, serve it, say where on stdout, and stop when told."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import time
from dataclasses import fields

from sandbox.generate.account import Size
from sandbox.generate.build import build, new_account
from sandbox.oauth import Client
from sandbox.options import parser
from sandbox.server import Server
from sandbox.settings import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Run until a signal."""
    # A signal during generation ends it as cleanly as one while serving.
    for number in _SIGNALS:
        signal.signal(number, lambda number, frame: sys.exit(0))
    started = time.monotonic()
    options = parser().parse_args()
    given = vars(options)
    settings = Settings()
    settings.change({knob.name: given[knob.name] for knob in fields(Settings)})
    others = {each.name: given.get(each.name) for each in fields(Size)[1:]}
    size = Size.of(options.companies, **others)
    account = new_account(
        options.account_id, options.seed, options.now, size, options.plain_unicode
    )
    # Nothing made here is garbage: looking for it would double the time, now and later.
    gc.disable()
    build(account, options.poison)
    gc.freeze()
    gc.enable()
    client = Client(
        options.token,
        options.client_id,
        options.client_secret,
        options.code,
        options.refresh_token,
    )
    server = Server(account, settings, client, options.fault)
    seconds = time.monotonic() - started
    print(f"sandbox: made the account in {seconds:.1f} s", file=sys.stderr)
    ready = {"token": client.token, "account_id": account.id}
    asyncio.run(_serve(server, options.host, options.port, ready))


async def _serve(server: Server, host: str, port: int, ready: dict[str, object]) -> None:
    stop = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner, url = await server.start(host, port)
    print(json.dumps({"url": url, **ready, "entities": server.entities()}), flush=True)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
