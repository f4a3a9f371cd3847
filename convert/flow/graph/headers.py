"""Declarations of the kernel's headers outside the paths, found by name when they are needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from convert.source.dialect import Dialect
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import BrokenSource, read_source
from convert.source.typedefs import typedef_names
from convert.tree.kernel import KernelTree

# Where declarations are looked for. What is nowhere there is not known.
_ROOTS = ("include/linux", "include/uapi/linux", "include/asm-generic", "include/uapi/asm-generic")
# Each pattern starts with fixed text: the whole of the headers is searched in a moment. A line end
# is put before the file's text, so that a match starts where the definition does in the file.
_STRUCT = re.compile(rb"\nstruct (\w+)[^;{}()=,]*\{")
_UNION = re.compile(rb"\nunion (\w+)[^;{}()=,]*\{")
_TYPEDEF = re.compile(rb"\ntypedef\b")
_DEFINE = re.compile(rb"\n#define[ \t]+(\w+)")
_WORD = re.compile(rb"\b[A-Za-z_]\w*")
_STATIC = re.compile(rb"\nstatic[ \t\n][^;{}()#=]*?\b(\w+)[ \t]*\(")


@dataclass
class Headers:
    """The tree's headers. Nothing is read before the first question."""

    tree: KernelTree
    skip: frozenset[str]  # headers of the paths
    dialect: Callable[[], Dialect]
    _read: dict[tuple[str, str], tuple[ParsedFile, ...]] = field(default_factory=dict)
    _indexes: dict[str, dict[str, list[tuple[str, int]]]] = field(default_factory=dict)

    def aggregate(self, tag: str) -> tuple[Item, ...]:
        """The definitions of ``struct foo`` or ``union foo``."""
        return self._find(tag, "aggregate", _cut_statement)

    def typedef(self, name: str) -> tuple[Item, ...]:
        """The typedefs of a name."""
        return self._find(name, "typedef", _cut_statement)

    def macro(self, name: str) -> tuple[ParsedFile, ...]:
        """The definitions of a macro, each as a file of its own."""
        return self._parsed(name, "macro", _cut_line)

    def inline(self, name: str) -> tuple[ParsedFile, ...]:
        """The definitions of a static inline function, each as a file of its own."""
        return self._parsed(name, "inline", _cut_function)

    def definitions(self, path: str) -> Iterator[tuple[str, frozenset[str]]]:
        """The inlines and macros of one header, each with all words of its text."""
        data = self.tree.read(path)
        for name, offset in _inlines(data):
            yield name, words_in(_cut_function(data, offset))
        for name, offset in _macros(data):
            yield name, words_in(_cut_line(data, offset))

    def forget(self, *kinds: str) -> None:
        """Give the memory of indexes back (30 MB); they are made again if something asks."""
        for kind in kinds:
            self._indexes.pop(kind, None)

    # -- finding -------------------------------------------------------------------------------

    def _find(self, name: str, kind: str, cut: Callable[[bytes, int], bytes]) -> tuple[Item, ...]:
        return tuple(item for file in self._parsed(name, kind, cut) for item in file.declarations)

    def _parsed(
        self, name: str, kind: str, cut: Callable[[bytes, int], bytes]
    ) -> tuple[ParsedFile, ...]:
        known = self._read.get((kind, name))
        if known is not None:
            return known
        found = []
        for path, offset in self._index(kind).get(name, ()):
            data = self.tree.read(path)
            text = cut(data, offset)
            padding = b"\n" * data.count(b"\n", 0, offset)
            try:
                source = read_source(path, padding + text)
            except BrokenSource:
                continue
            found.append(parse_file(source, self.dialect()))
        self._read[kind, name] = tuple(found)
        return tuple(found)

    def _index(self, kind: str) -> dict[str, list[tuple[str, int]]]:
        if kind not in self._indexes:  # all that are missing at once: reading takes the time
            missing = [one for one in _NAMES if one not in self._indexes]
            self._indexes.update((one, {}) for one in missing)
            for path in self._files():
                data = self.tree.read(path)
                for one in missing:
                    for name, offset in _NAMES[one](data):
                        self._indexes[one].setdefault(name, []).append((path, offset))
        return self._indexes[kind]

    def _files(self) -> Iterator[str]:
        for root in _ROOTS:
            if self.tree.exists(root):
                for path in self.tree.files(root):
                    if path.endswith(".h") and path not in self.skip:
                        yield path


def words_in(data: bytes) -> frozenset[str]:
    """All words of a text."""
    return frozenset(word.decode() for word in _WORD.findall(data))


def _aggregates(data: bytes) -> Iterator[tuple[str, int]]:
    for match in _STRUCT.finditer(b"\n" + data):
        yield f"struct {match[1].decode()}", match.start()
    for match in _UNION.finditer(b"\n" + data):
        yield f"union {match[1].decode()}", match.start()


def _typedefs(data: bytes) -> Iterator[tuple[str, int]]:
    for match in _TYPEDEF.finditer(b"\n" + data):
        start = match.start()
        for name in typedef_names(_cut_statement(data, start).decode("latin-1")):
            yield name, start


def _macros(data: bytes) -> Iterator[tuple[str, int]]:
    for match in _DEFINE.finditer(b"\n" + data):
        yield match[1].decode(), match.start()


def _inlines(data: bytes) -> Iterator[tuple[str, int]]:
    for match in _STATIC.finditer(b"\n" + data):
        yield match[1].decode(), match.start()


_NAMES: dict[str, Callable[[bytes], Iterator[tuple[str, int]]]] = {
    "aggregate": _aggregates,
    "typedef": _typedefs,
    "macro": _macros,
    "inline": _inlines,
}
_BRACES = re.compile(rb"[{};]")


def _cut_statement(data: bytes, start: int) -> bytes:
    """The text up to the ``;`` outside braces."""
    depth = 0
    for match in _BRACES.finditer(data, start):
        char = match[0]
        depth += (char == b"{") - (char == b"}")
        if char == b";" and depth == 0:
            return data[start : match.end()]
        if depth < 0:
            break
    return b""


def _cut_function(data: bytes, start: int) -> bytes:
    """The text up to the brace that closes the function; nothing for a declaration."""
    depth = 0
    for match in _BRACES.finditer(data, start):
        char = match[0]
        depth += (char == b"{") - (char == b"}")
        if depth == 0:
            return data[start : match.end()] if char == b"}" else b""
    return b""


def _cut_line(data: bytes, start: int) -> bytes:
    """A directive with its continuation lines."""
    end = start
    while True:
        end = data.find(b"\n", end)
        if end < 0:
            return data[start:]
        if data[end - 1 : end] != b"\\" and data[end - 2 : end] != b"\\\r":
            return data[start : end + 1]
        end += 1
