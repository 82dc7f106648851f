"""Amounts of bytes: how people read them, and how many the machine has."""

from __future__ import annotations

import os

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def human_size(count: int) -> str:
    """The count of bytes with a unit, such as `256 MiB` or `1.5 GiB`."""
    power = min(len(UNITS) - 1, max(0, (count.bit_length() - 1) // 10))
    figure = count / 1024**power
    return f"{figure:,.0f} {UNITS[power]}" if power == 0 or figure >= 100 else f"{figure:,.3g} {UNITS[power]}"


def physical_memory() -> int | None:
    """Bytes of memory that the machine has; None where the system does not tell."""
    if not {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(os.sysconf_names):
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
