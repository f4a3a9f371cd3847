"""Who outside the paths names a function: a cheap search by words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from convert.flow.graph.model import Place
from convert.source.vocabulary import directory_of
from convert.tree.kernel import KernelTree

# A function can be called where it is declared: in a header, or by a file that declares it itself
# or includes a header of the paths.
_HEADERS = ("include", "fs", "mm", "block", "security")
_CODE = ("fs",)
_TRACES = "include/trace/"  # macros there become code of the file that includes them
_NO_WORD = bytes(
    byte if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) == "_") else 32
    for byte in range(256)
)
_RARE = 8  # a prefix shared by that many names is searched before the names themselves


@dataclass(frozen=True)
class Names:
    """The functions and macros that were read.

    ``external``: with external linkage. ``local``: of headers, for those who include them.
    ``static``: of one ``.c`` file.
    """

    external: frozenset[str]
    local: frozenset[str]
    static: frozenset[str]


@dataclass(frozen=True)
class Mentions:
    """What files outside name.

    places: the first place that names a function, by its name. headers: those of ``include/`` that
    name one, or something that starts with the prefix asked for. near: all words of the files that
    include headers of the paths, or lie beside files that were read: they know the structures.
    """

    places: dict[str, Place]
    headers: tuple[str, ...]
    near: frozenset[str]


def outside_mentions(
    tree: KernelTree,
    read: Collection[str],
    names: Names,
    included: Collection[str],
    prefix: bytes,
) -> Mentions:
    """Search the tree outside the files ``read``.

    ``included``: what the files include; the text of trace headers among it becomes theirs.
    """
    some = _Words(names.external)
    near = _Words(names.external | names.local)
    every = _Words(names.external | names.local | names.static)
    found: dict[str, Place] = {}
    headers = []
    near_words: set[str] = set()
    for path, data, close in _others(tree, read):
        traces = path.startswith(_TRACES) and path.removeprefix("include/") in included
        words = every if traces else near if close else some
        held = tuple(words.of(data))
        for word in held:
            if word not in found:
                found[word] = Place(path, _line(data, word.encode()))
        if path.startswith("include/") and (held or prefix in data):
            headers.append(path)
        if close:
            near_words.update(word.decode() for word in data.translate(_NO_WORD).split())
    return Mentions(found, tuple(headers), frozenset(near_words))


class _Words:
    """Finds names in files."""

    def __init__(self, names: Iterable[str]) -> None:
        self.wanted = {name.encode(): name for name in names}
        self.prefixes = tuple(_prefixes(self.wanted))

    def of(self, data: bytes) -> Iterator[str]:
        """The names that a file holds as whole words."""
        if any(prefix in data for prefix in self.prefixes):
            for word in self.wanted.keys() & set(data.translate(_NO_WORD).split()):
                yield self.wanted[word]


def _prefixes(names: Iterable[bytes]) -> Iterator[bytes]:
    """Texts of which every name holds one, as few as that is cheap."""
    groups: dict[bytes, list[bytes]] = {}
    for name in names:
        groups.setdefault(name.split(b"_")[0] + b"_", []).append(name)
    for prefix, members in groups.items():
        if len(members) >= _RARE and len(prefix) > 2:
            yield prefix
        else:
            yield from members


def _others(tree: KernelTree, read: Collection[str]) -> Iterator[tuple[str, bytes, bool]]:
    """The files outside that may know the paths' functions, and whether by the paths' headers."""
    folders = {directory_of(path) for path in read if path.endswith(".c")}
    cheap = [f"{folder.rpartition('/')[2]}/".encode() for folder in folders]
    names = b"|".join(re.escape(name[:-1]) for name in cheap)
    near = re.compile(rb'\n[ \t]*#[ \t]*include[^\n]*[/"<](?:' + names + rb")/")
    for root in _HEADERS:
        if not tree.exists(root):
            continue
        for path in tree.files(root):
            if path in read or not path.endswith((".h", ".c")):
                continue
            close = directory_of(path) in folders
            if not close and path.endswith(".c") and root not in _CODE:
                continue
            data = tree.read(path)
            close = close or (
                any(map(data.__contains__, cheap)) and bool(near.search(b"\n" + data))
            )
            if close or path.endswith(".h") or b"extern " in data:
                yield path, data, close


def _line(data: bytes, word: bytes) -> int:
    match = re.search(rb"\b" + word + rb"\b", data)
    return 1 if match is None else data.count(b"\n", 0, match.start()) + 1
