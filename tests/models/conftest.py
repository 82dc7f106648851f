"""What the tests of models that write share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tiny_models import tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A tiny random model of a family that writes, made when first asked for; not to be changed."""
    root = tmp_path_factory.mktemp("writers")

    def folder(family: str) -> Path:
        return root / family if (root / family).exists() else tiny_model(family, root / family)

    return folder
