"""The allocation calls of some files, for the scripts that look at facts of single sites."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from convert.semantics.sizes import SizeReader
from convert.sites.sources import Sources
from convert.source.dialect import load_dialect
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.variants import Call, Variant
from convert.tree.cache import cache_dir
from convert.tree.open import open_tree

Sizes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class AllocationSite:
    """One allocation call in one ``#if`` variant; ``sizes`` are the positions of its factors."""

    source: SourceFile
    item: Item
    variant: Variant
    call: Call
    sizes: tuple[int, ...]

    @property
    def line(self) -> int:
        """The line of the call."""
        return self.source.line(self.call.span.start)

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.source.path}:{self.line}"


def _profile() -> Mapping[str, list[dict[str, Any]]]:
    text = resources.files("convert.profiles").joinpath("allocators.toml").read_text("utf-8")
    return tomllib.loads(text)


def known_allocators() -> Sizes:
    """The kernel's allocators with the arguments that make the size, from the tool's profile."""
    entries = _profile()["allocator"]
    return {entry["name"]: tuple(entry["size"]) for entry in entries if entry.get("size")}


def known_frees() -> frozenset[str]:
    """The kernel's functions that free memory; they accept NULL."""
    return frozenset(entry["name"] for entry in _profile()["deallocator"])


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that the scripts share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("tree", help="a kernel tree: a directory, or DIR@REV")
    parser.add_argument("paths", nargs="+", help="paths in it, e.g. fs/xfs")
    parser.add_argument(
        "--call",
        action="append",
        default=[],
        metavar="NAME=POSITION[,POSITION]",
        help="look at calls of this allocator (of these only), e.g. kmem_alloc=0",
    )
    return parser


def calls_of(options: argparse.Namespace) -> Sizes:
    """The allocators that the user named, or all known ones."""
    given = {}
    for text in options.call:
        name, _, positions = text.partition("=")
        given[name] = tuple(int(word) for word in positions.split(","))
    return given or known_allocators()


@dataclass(frozen=True)
class Subject:
    """The files of a run and the reader of sizes for them."""

    sources: Sources
    sizes: SizeReader


def subject(tree_name: str, paths: Sequence[str], cache: Path | None = None) -> Subject:
    """Open a tree. Raises InputError for unusable input."""
    tree = open_tree(tree_name)
    dialect = load_dialect(tree, paths, cache or cache_dir())
    sources = Sources(tree, paths, lambda: dialect)
    return Subject(sources, SizeReader(tree, sources.c_files, dialect, sources.data))


def allocation_sites(sources: Sources, allocators: Sizes) -> Iterator[AllocationSite]:
    """All calls of these allocators, in order, each in every variant that has it."""
    names = frozenset(allocators)
    for path in sources.holding(names):
        parsed = sources.parsed(path, names)
        if parsed is None:
            continue
        for item in parsed.items:
            for variant in item.variants:
                for call in variant.calls:
                    sizes = allocators.get(call.callee or "", ())
                    if sizes and len(call.slots) > max(sizes):
                        yield AllocationSite(parsed.source, item, variant, call, sizes)
