"""Packages that are not always there, imported in one place and with one message."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tunewright.core.errors import MissingPackage, Problem

if TYPE_CHECKING:
    from types import ModuleType


def import_optional(name: str, *, extra: str, purpose: str) -> ModuleType:
    """The module, or MissingPackage naming the extra that brings it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name is None or fault.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise missing_extra(name, extra=extra, purpose=purpose) from fault


def missing_extra(package: str, *, extra: str, purpose: str) -> MissingPackage:
    """The error for a package that an extra brings."""
    remedy = f"pip install 'tunewright[{extra}]'"
    return MissingPackage(Problem(purpose, f"the package {package!r} is not installed", "the package", remedy))
