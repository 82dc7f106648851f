"""Records and messages without private values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.tasks import reads
from tunewright.data.private.find import find_spans, recognisers
from tunewright.data.private.mask import Placeholders
from tunewright.data.private.names import name_finders
from tunewright.data.private.scan import FoundInColumn, Scan
from tunewright.data.private.secrets import SECRETS
from tunewright.data.private.withhold import withheld

if TYPE_CHECKING:
    from tunewright.recipe.privacy import PrivacySpec

MOST_CHARACTERS = 10_000
"""Nobody is shown more of a text."""
FIELDS = ("input", "messages", "target")
"""Columns that cleaning changes."""
REDACTED_COLUMNS = (*FIELDS, "meta", "before")


def without_secrets(text: str) -> str:
    """The beginning of the text with `<SECRET>` for each secret, to be shown to people."""
    column = pl.Series("text", [text[:MOST_CHARACTERS]], dtype=pl.String)
    spans = find_spans(column, SECRETS)
    found = FoundInColumn("text", {row: (each,) for row, each in spans.items()})
    return str(Placeholders({"secret"}).masked(column, found)[0])


def redacted(account: pl.DataFrame, spec: PrivacySpec, task: str) -> pl.DataFrame:
    """Dropped and changed rows (DROPPED_COLUMNS) without secrets, and without the values that are masked or dropped.

    They get placeholders without numbers: what left is nobody's any more. A text as it was before cleaning is withheld
    where cleaning revealed such a value.
    """
    kinds = {*spec.kinds("mask", "drop"), *({"secret"} - set(spec.kinds("ignore")))}
    table = [recogniser for recogniser in recognisers(spec.regions) if recogniser.kind in kinds]
    scan = Scan(table, name_finders(spec, kinds))
    if not scan.searching:
        return account
    placeholders = Placeholders(kinds)
    columns = [name for name in REDACTED_COLUMNS if name != "target" or not reads(task)]
    found = {name: scan.column(account, name) for name in columns}
    before = withheld(account, found, [n for n in columns if n in FIELDS], regions=tuple(spec.regions))
    safe = account.with_columns(before)
    found["before"] = scan.column(safe, "before")
    return safe.with_columns(placeholders.masked(safe[name], found[name]) for name in columns)
