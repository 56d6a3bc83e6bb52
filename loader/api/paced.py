"""HTTP connections that wait for their turn when they stand, right before a request is written.

A turn that was taken before a new connection's handshake would be used a hundred milliseconds
late, together with the punctual ones after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


def session(take_turn: Callable[[], None]) -> requests.Session:
    """A session that calls `take_turn` in the thread of each request; it may raise."""
    made = requests.Session()
    adapter = _Paced(take_turn)
    for scheme in ("http://", "https://"):
        made.mount(scheme, adapter)
    return made


class _Paced(HTTPAdapter):
    """Both for connections of its own and for those through a proxy."""

    def __init__(self, take_turn: Callable[[], None]) -> None:
        self._pools = _pools(take_turn)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(take_turn: Callable[[], None]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is None:
                self.connect()
            take_turn()
            super().request(*args, **kwargs)

    class Encrypted(HTTPSConnection):
        def request(self, *args: Any, **kwargs: Any) -> None:
            take_turn()  # urllib3 has connected it, to see the certificate
            super().request(*args, **kwargs)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
