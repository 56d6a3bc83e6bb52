"""The HTTP server: a request is counted at its arrival, and its answer sent off, well or badly."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

from aiohttp import web

from sandbox.control import ROOT, Control
from sandbox.dispatch import Call, Dispatch
from sandbox.faults import Fault
from sandbox.generate.account import Account
from sandbox.oauth import Client
from sandbox.problems import Answer
from sandbox.settings import Settings
from sandbox.stats import Stats


class Server:
    """One account on one port."""

    def __init__(
        self, account: Account, settings: Settings, client: Client, faults: list[Fault]
    ) -> None:
        self._account = account
        self._settings = settings
        self._client = client
        self._faults = faults
        self._stats = Stats()
        self._chance = account.rng("latency")
        self._answers = 0
        self._dispatch: Dispatch
        self._control: Control

    async def start(self, host: str, port: int) -> tuple[web.ServerRunner, str]:
        """Listen; return the runner, which must be cleaned up at the end, and the URL."""
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        name, number = runner.addresses[0][:2]
        url = f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"
        self._dispatch = Dispatch(self._account, self._settings, self._client, self._faults, url)
        self._control = Control(
            self._dispatch.live, self._settings, self._stats, self._dispatch.limiter, self._faults
        )
        return runner, url

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read() if request.body_exists else b""
        call = Call(request.method, request.raw_path, request.headers, body, time.monotonic())
        if call.path.startswith(ROOT):
            name = call.path.removeprefix(ROOT)
            return self._response(
                self._control.answer(call.method, name, call.query_string, call.body)
            )
        self._stats.arrive(call.target, call.arrival)
        outcome, size = "aborted", 0
        try:
            answer, fault = self._dispatch.answer(call)
            await self._wait(fault)
            size = len(answer.body)
            outcome = "reset" if fault and fault.kind == "reset" else str(answer.status)
            return await self._deliver(request, answer, fault)
        finally:
            self._stats.leave(outcome, size)

    async def _wait(self, fault: Fault | None) -> None:
        low, high = self._settings.latency_bounds
        seconds = low + (high - low) * self._chance.random()
        if fault and fault.kind == "slow":
            seconds += fault.seconds
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def _deliver(
        self, request: web.BaseRequest, answer: Answer, fault: Fault | None
    ) -> web.StreamResponse:
        kind = fault.kind if fault else ""
        half = answer.body[: len(answer.body) // 2]
        if kind == "reset":
            return _reset(request)
        if kind == "truncated":
            return self._response(Answer(answer.status, half, answer.content_type))
        response = self._response(answer)
        if kind == "cut" and request.transport is not None:
            # Promise the whole body, send half of it, and hang up.
            broken = web.StreamResponse(status=response.status, headers=response.headers)
            broken.content_length = len(answer.body)
            await broken.prepare(request)
            await broken.write(half)
            request.transport.close()
            return broken
        return response

    def _response(self, answer: Answer) -> web.Response:
        self._answers += 1
        headers = {
            "Date": self._dispatch.clock.http_date(),
            "X-Request-Id": f"{self._account.id:08x}{self._answers:024x}",
            **answer.headers,
        }
        if answer.body:
            headers["Content-Type"] = answer.content_type
        return web.Response(body=answer.body or None, status=answer.status, headers=headers)

    def entities(self) -> dict[str, int]:
        """Return how many entities each stream has now."""
        return self._control.entities()


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    """Drop the connection with a TCP reset, before any answer."""
    transport = request.transport
    if transport is not None:
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response()
