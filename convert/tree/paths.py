"""Paths inside a kernel tree: relative to its top, forward slashes, never leading out of it."""

from __future__ import annotations

import posixpath

from convert.errors import InputError


def tree_path(path: str) -> str:
    """Return the path in its one spelling (``./fs//xfs/`` is ``fs/xfs``, the top is ``""``).

    ``..`` is resolved by the text alone, which is right because symlinks are never followed.
    Raises InputError for an absolute path and for one that leads out of the tree.
    """
    if path.startswith("/"):
        raise InputError(f"{path}: an absolute path; name it from the tree's top, such as fs/xfs")
    if "\0" in path:
        raise InputError(f"{path!r}: holds a NUL byte")
    clean = posixpath.normpath(path) if path else "."
    if clean == ".." or clean.startswith("../"):
        raise InputError(f"{path}: leads out of the tree")
    return "" if clean == "." else clean
