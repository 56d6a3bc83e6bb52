"""A command on a terminal of its own, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from types import TracebackType

import pyte

from tests.support.commands import ROOT, Commands

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d|10\d)(?:;\d+)*m")


class Terminal:
    """Runs bin/command on a pseudo-terminal; `screens` are those that were seen on the way."""

    def __init__(
        self,
        commands: Commands,
        *command: str,
        lines: int = 24,
        columns: int = 80,
        **environment: str,
    ) -> None:
        self.raw = b""
        self.screens: list[str] = []
        self._screen = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self._fd, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [ROOT / "bin" / command[0], *command[1:]],
            env=commands.full_environment(**{"TERM": "xterm-256color"} | environment),
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._fd)

    @property
    def screen(self) -> str:
        """What can be seen now."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def scrolled(self) -> list[str]:
        """What has left it at the top."""
        return [
            "".join(line[column].data for column in range(self._screen.columns)).rstrip()
            for line in self._screen.history.top
        ]

    @property
    def has_cursor(self) -> bool:
        return not self._screen.cursor.hidden

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Until the screen shows it."""
        while not (found := re.search(pattern, self.screen, re.MULTILINE)):
            assert self._read(), f"{pattern} never stood there:\n" + "\n\n".join(self.screens)
        return found

    def end(self) -> int:
        """Until the command ends; its exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=10)

    def _read(self) -> bool:
        """Take in what comes next; False at the end."""
        ready, _, _ = select.select([self._fd], [], [], 60)
        assert ready, "the command says nothing"
        try:
            piece = os.read(self._fd, 65536)
        except OSError:  # how Linux tells that the other side is closed
            piece = b""
        self.raw += piece
        self._stream.feed(piece)
        if piece and (not self.screens or self.screens[-1] != self.screen):
            self.screens.append(self.screen)
        return bool(piece)
