"""Files that are either whole or absent: atomic writes, hashes, folders built aside and renamed."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tunewright.core.errors import Problem, RunError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, non-finite numbers refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """The sha256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def resolve_path(text: str, folder: Path) -> Path:
    """The path that a user wrote, from `folder` where it is relative; a `~name` of nobody here stays as written."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # there is no such user, or the one there is has no home: a file may still bear that name
        path = Path(text)
    return folder / path


def sha256_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fsync_folder(folder: Path) -> None:
    """Makes the folder's entries durable, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


STALE_S = 3600.0
"""A part that nobody has written to for this long is that of a process that was killed."""


def atomic_write(path: Path, content: bytes) -> None:
    """The file holds `content`, or what it held before: never a part. Raises RunError on a full disk."""
    with atomic_stream(path) as stream:
        stream.write(content)


@contextlib.contextmanager
def atomic_stream(path: Path) -> Iterator[BinaryIO]:
    """Yields a stream; the file holds what was written to it only if the block ends without an error.

    Several processes may write the same file at once: the last to end wins. Raises RunError on a full disk.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_stale_parts(path)
        try:
            with aside.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        fsync_folder(path.parent)


def _clear_stale_parts(path: Path) -> None:
    """What writers of this file left when they were killed is gone; a writer at work keeps its part."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(FileNotFoundError):  # its writer has just ended
            if time.time() - part.stat().st_mtime > STALE_S:
                part.unlink()


def write_json(path: Path, value: Any) -> None:
    """The file holds the value as indented JSON; a non-finite number is refused (ValueError)."""
    atomic_write(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The value of a JSON file. Raises RunError naming the file when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as fault:
        given = f"is not JSON: {fault}"
        raise RunError(Problem(str(path), given, "a file written by tunewright", "delete it and run again")) from fault


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping of a JSON file. Raises RunError naming the file when it is not JSON, or another value."""
    value = read_json(path)
    if not isinstance(value, dict):
        given = f"is JSON, and no mapping: {type(value).__name__}"
        raise RunError(Problem(str(path), given, "a file written by tunewright", "delete it and run again"))
    return value


def tree_hashes(folder: Path, *, skip: frozenset[str] = frozenset()) -> dict[str, str]:
    """Relative path to sha256 of every file below the folder, sorted; `skip` holds relative paths left out."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    names = ((p, p.relative_to(folder).as_posix()) for p in files)
    return {name: sha256_file(path) for path, name in names if name not in skip}


@contextlib.contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turns a full disk, a refused permission or a read-only file system into a RunError that names the path."""
    try:
        yield
    except Exception as fault:  # whatever it is goes on, unless the system's error number stands behind it
        reasons = {
            errno.ENOSPC: ("no space left on the disk", "free some space, then run the same command again: it resumes"),
            errno.EDQUOT: ("the disk quota is used up", "free some space, then run the same command again: it resumes"),
            errno.EACCES: ("permission denied", "choose a folder you may write to"),
            errno.EROFS: ("the file system is read-only", "choose a folder you may write to"),
            errno.ENOTDIR: ("a file stands where a folder is needed", "remove or rename that file"),
            errno.EEXIST: ("a file stands where a folder is needed", "remove or rename that file"),
        }
        number = error_number(fault)
        if number not in reasons:
            raise
        given, remedy = reasons[number]
        raise RunError(Problem(str(path), given, "a folder with room to write", remedy)) from fault


def error_number(fault: Exception) -> int | None:
    """The system's error number of a fault, or None. Libraries written in Rust tell it in words: `(os error 28)`."""
    if isinstance(fault, OSError):
        return fault.errno
    told = re.search(r"\(os error (\d+)\)", str(fault))
    return int(told[1]) if told else None


@contextlib.contextmanager
def built_aside(folder: Path) -> Iterator[Path]:
    """Yields an empty folder beside `folder`; it takes the folder's place only if the block ends without an error.

    What stood at `folder` is kept until then. A half-written folder is removed and never bears the final name. One
    process at a time may build a folder.
    """
    aside = folder.with_name(f".{folder.name}.attempt-{os.getpid()}")
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    with disk_faults(folder):
        for left in folder.parent.glob(f".{folder.name}.attempt-*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        _tidy_old(folder)
        aside.mkdir(parents=True)
        try:
            yield aside
            swap(aside, folder, old)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _tidy_old(folder: Path) -> None:
    """What a process killed inside `swap` left: the only copy returns to its place, any other goes."""
    left = sorted(folder.parent.glob(f".{folder.name}.old-*"), key=lambda path: path.stat().st_mtime_ns)
    if left and not folder.exists():
        left.pop().rename(folder)
    for old in left:
        shutil.rmtree(old, ignore_errors=True)


def swap(new: Path, folder: Path, old: Path) -> None:
    """`new` takes the place of `folder`, whose former content goes only once the new one stands there."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    fsync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def why_unreadable(path: Path, fault: OSError | UnicodeDecodeError, *, known: Sequence[str] = ()) -> str:
    """Why a text file cannot be read, in words; of a missing one, the file or known name that was meant."""
    if isinstance(fault, UnicodeDecodeError):
        return f"it is not UTF-8 (byte {fault.start + 1:,})"
    if not isinstance(fault, FileNotFoundError):
        return (fault.strerror or str(fault)).lower()
    beside = [each.name for each in path.parent.iterdir() if each.is_file()] if path.parent.is_dir() else []
    named = f"{path.parent.name}/{path.name}"
    return f"there is no such file{did_you_mean(path.name, beside) or did_you_mean(named, known)}"
