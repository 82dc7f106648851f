"""Where the starter language model lies: in this package, with the record of its pre-training."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from tunewright.core.errors import MissingPackage, Problem, RunError
from tunewright.core.files import sha256_file

NAME = "starter/lm"
LICENSE = "Apache-2.0"
"""Of the weights: as this package."""
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "8bf594bd2451323952e2b5aacf00aeefa09ba7546a776dd431146b613dddccee"


def lm_folder() -> Path:
    """The folder of the starter language model in Hugging Face layout.

    Raises MissingPackage where this installation lacks it, RunError when the weights are not the ones known.
    """
    folder = Path(str(resources.files("tunewright.starter"))) / "lm"
    weights = folder / WEIGHTS
    if not weights.is_file():
        given = f"this installation holds no {NAME}"
        expected = "the weights that the package carries"
        raise MissingPackage(Problem("model.name", given, expected, "install tunewright again"))
    found = sha256_file(weights)
    if found != WEIGHTS_SHA256:
        given = f"the weights' sha256 is {found[:16]}…"
        raise RunError(Problem(str(weights), given, f"{WEIGHTS_SHA256[:16]}…", "install tunewright again"))
    return folder
