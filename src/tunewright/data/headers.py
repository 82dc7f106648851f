"""Names of columns as a header gives them: each is there, of its own, and can be shown."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.data.frame import refuse_reserved

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_COLUMNS = 10_000
"""No data set of texts has more columns, and every row pays for each."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
KEEP_FEW = "keep the columns of the text and its label or answer, and those that you need beside them"


def named_columns(header: Sequence[str], name: str, *, line: int = 1) -> list[str]:
    """The names of a header's cells, `column_3` for an empty one. Raises DataError for repeated and unfit names."""
    names = [cell.strip() or f"column_{number}" for number, cell in enumerate(header, start=1)]
    repeated = [column for column, count in Counter(names).items() if count > 1]
    if repeated:
        more = f" and {len(repeated) - 8:,} more" if len(repeated) > 8 else ""
        given = f"the header names {', '.join(map(shown_name, repeated[:8]))}{more} more than once"
        raise DataError(Problem(f"{name}:{line}", given, "a different name for each column", "rename the columns"))
    require_fit_names(names, name)
    return names


def require_fit_names(names: Sequence[str], name: str) -> None:
    """Raises DataError for too many columns, for names that cannot be shown, and for our own."""
    if len(names) > MOST_COLUMNS:
        given = f"has {len(names):,} columns"
        raise DataError(Problem(name, given, f"at most {MOST_COLUMNS:,} columns", KEEP_FEW))
    unfit = [column for column in names if _CONTROL.search(column)]
    if unfit:
        given = f"has a column whose name holds control characters: {shown_name(unfit[0])}"
        raise DataError(Problem(name, given, "names of visible characters", "rename the column"))
    refuse_reserved(names, name=name)


def shown_name(column: str) -> str:
    """The name in quotation marks, its end left out where it is long."""
    return repr(column if len(column) <= 60 else column[:57] + "...")
