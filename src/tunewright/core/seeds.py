"""Randomness by name: every use draws from its own child of the root seed, so that adding one never moves another."""

from __future__ import annotations

import hashlib

import numpy as np


def child_seed(root: int, *path: str | int) -> int:
    """A 63-bit seed that depends on the root and on the path's names alone."""
    text = "\x1f".join([str(root), *map(str, path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(root: int, *path: str | int) -> np.random.Generator:
    """A numpy generator seeded with the child of `root` at `path`."""
    return np.random.Generator(np.random.PCG64(child_seed(root, *path)))


def bounded_seed(seed: int, *, bits: int) -> int:
    """The seed where it has so few bits, else a child of it that has: for libraries that take no larger one."""
    return seed if seed < 1 << bits else child_seed(seed, "bounded") % (1 << bits)
