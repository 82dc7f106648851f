"""A template comes from a file or the hub: what it may cost is bounded when it is settled."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

TEMPLATE_FILE = "<template>"
"""What jinja calls the file of a compiled template."""
MAX_LINES = 100_000
"""Lines of a compiled template that the rendering of one short conversation may take; long templates take hundreds."""
MAX_CHARACTERS = 100_000
"""Characters that one short conversation may become."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raises TimeoutError inside the block once a template ran MAX_LINES lines in this thread."""
    left = MAX_LINES

    def count(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != TEMPLATE_FILE:
            return None
        left -= event == "line"
        if left < 0:
            raise TimeoutError(f"the template was still running after {MAX_LINES} lines: it loops without bound")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)
