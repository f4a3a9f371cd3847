"""What the scripts share: the C files of a kernel tree, read and parsed one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from convert.source.dialect import Dialect, load_dialect
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.tree.cache import cache_dir
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree


def dialect_of(tree: KernelTree, paths: list[str]) -> Dialect:
    """The dialect of some paths of a tree, from the user's cache if it is there."""
    return load_dialect(tree, paths, Path(cache_dir()))


def c_files(tree: KernelTree, paths: list[str]) -> Iterator[str]:
    """The paths of all .c and .h files under some paths."""
    for path in paths:
        yield from (file for file in tree.files(path) if file.endswith((".c", ".h")))


def sources(tree: KernelTree, paths: list[str]) -> Iterator[SourceFile | BrokenSource]:
    """All files, lexed; one that cannot be lexed comes as its error."""
    for path in c_files(tree, paths):
        try:
            yield read_source(path, tree.read(path))
        except BrokenSource as broken:
            yield broken


def parsed_files(
    tree: KernelTree, paths: list[str], known: Dialect | None = None
) -> Iterator[ParsedFile | BrokenSource]:
    """All files, parsed, in a dialect that is known or made for them."""
    dialect = known or dialect_of(tree, paths)
    for source in sources(tree, paths):
        yield source if isinstance(source, BrokenSource) else parse_file(source, dialect)


__all__ = ["c_files", "dialect_of", "open_tree", "parsed_files", "sources"]
