"""Options that several commands have, in one wording, and numbers that are numbers."""

from __future__ import annotations

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A range that NaN is not in: whatever it is compared with, the answer is no."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Raises BadParameter."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


max_delete_pct = click.option(
    "--max-delete-pct",
    type=Number(0, 100),
    default=5.0,
    show_default=True,
    help="Mark nothing as deleted in a stream where more than this share vanished.",
)

chunk_rows = click.option(
    "--chunk-rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Commit the rows of every N changed documents, instead of all in one transaction.",
)

base_url = click.option("--base-url", metavar="URL", help="Instead of AMO_BASE_URL.")

rate = click.option(
    "--rate", metavar="N", help="Requests a second, instead of AMO_RATE; at most 7."
)
