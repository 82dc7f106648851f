"""Fixtures of the rooms that need a model; nothing heavy is imported before a test asks for it."""

# ruff: noqa: PLC0415  # nothing heavy before a test asks for it

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A busy machine is no fault of a law, and what lands must not hang on a draw: in CI the examples are always the same.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("house")

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the default suite reaches no network, whatever a test names


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is measured once a machine is measured once a session, and never left in the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A tiny random base of a family, made when first asked for."""
    from tiny_room import save_base

    root = tmp_path_factory.mktemp("bases")

    def base(kind: str) -> Path:
        return root / kind if (root / kind).exists() else save_base(root / kind, kind)

    return base


@pytest.fixture(scope="session")
def bert(bases: Callable[[str], Path]) -> Path:
    """The tiny random BERT."""
    return bases("bert")


@pytest.fixture(scope="session")
def finished_template(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run is complete; not to be changed."""
    import tunewright
    from tiny_room import lay_out

    folder = tmp_path_factory.mktemp("finished")
    tunewright.run(lay_out(folder, bert))
    return folder


@pytest.fixture
def finished(finished_template: Path, tmp_path: Path) -> Path:
    """A copy of a project whose run is complete, with its recipe: the test may do with it what it likes."""
    return shutil.copytree(finished_template, tmp_path / "project", copy_function=shutil.copy2)


@pytest.fixture(scope="session")
def prepared_template(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose data is prepared and nothing more; not to be changed."""
    from tiny_room import lay_out
    from tunewright.pipeline.context import Context
    from tunewright.pipeline.run import run_stages
    from tunewright.recipe.load import load_recipe

    folder = tmp_path_factory.mktemp("prepared")
    run_stages(Context(load_recipe(lay_out(folder, bert))), ["prepare"])
    return folder


@pytest.fixture
def prepared_project(prepared_template: Path, tmp_path: Path) -> Path:
    """A copy of a project whose data is prepared and nothing more."""
    return shutil.copytree(prepared_template, tmp_path / "project", copy_function=shutil.copy2)
