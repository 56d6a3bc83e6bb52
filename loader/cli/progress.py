"""Progress on a terminal, drawn while a load or a transform runs, and gone when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loader.cli.main import Output
from loader.progress import NOBODY, OnFile, Watcher, unwatched


@contextmanager
def load(out: Output) -> Iterator[Watcher]:
    """What loader.load tells its progress to; draws nothing where nobody watches."""
    if not out.is_watched:
        yield NOBODY
        return
    # Rich takes memory and time, which nobody gains by in a pipe.
    from loader.cli.drawing import LoadDrawing, drawn  # noqa: PLC0415

    drawing = LoadDrawing()
    with drawn(drawing.draw):
        yield drawing


@contextmanager
def transform(out: Output) -> Iterator[OnFile]:
    """What loader.transform tells its files to, as on_file."""
    if not out.is_watched:
        yield unwatched
        return
    from loader.cli.drawing import FilesDrawing, drawn  # noqa: PLC0415

    drawing = FilesDrawing()
    with drawn(drawing.draw):
        yield drawing.on_file
