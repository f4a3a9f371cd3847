"""From the words of the command line to a tree."""

from __future__ import annotations

from pathlib import Path

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.tree.revision import GitTree


def open_tree(spec: str) -> KernelTree:
    """Open ``DIR`` (the files as they lie there) or ``DIR@REV`` (a revision, no checkout needed).

    Both halves may hold an ``@`` themselves: a directory of the whole name wins, then the longest
    directory before an ``@``; the rest is the revision. Raises InputError, which says what to name.
    """
    if spec and Path(spec).is_dir():
        return DirectoryTree(Path(spec), spec)
    places = [index for index, letter in enumerate(spec) if letter == "@" and index > 0]
    for place in reversed(places):
        directory = Path(spec[:place])
        if directory.is_dir():
            return GitTree(directory, spec[place + 1 :], spec)
    if spec and Path(spec).exists():
        raise InputError(f"{spec}: not a directory; name the top of a kernel tree")
    missing = spec[: places[0]] if places else spec or "an empty name"
    raise InputError(f"{missing}: no such directory; name a kernel tree as DIR or DIR@REV")
