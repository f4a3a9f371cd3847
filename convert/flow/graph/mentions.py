"""Who outside the paths names a function: a cheap search by words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from convert.flow.graph.model import Place
from convert.tree.kernel import KernelTree

# Where code that may use a filesystem's functions is searched; what is not there is missing.
_SEARCHED = ("fs", "mm", "include", "block", "kernel", "security", "init", "lib", "ipc")
_NO_WORD = bytes(
    byte if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) == "_") else 32
    for byte in range(256)
)
_RARE = 8  # a prefix shared by that many names is searched before the names themselves


def outside_mentions(
    tree: KernelTree, read: Collection[str], names: Collection[str]
) -> dict[str, Place]:
    """The first place outside the files ``read`` that names each of ``names``, if there is one."""
    wanted = {name.encode(): name for name in names}
    prefixes = tuple(_prefixes(wanted))
    found: dict[str, Place] = {}
    for path in _others(tree, read):
        data = tree.read(path)
        if not any(prefix in data for prefix in prefixes):
            continue
        for word in wanted.keys() & set(data.translate(_NO_WORD).split()):
            name = wanted[word]
            if name not in found:
                found[name] = Place(path, _line(data, word))
    return found


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


def _others(tree: KernelTree, read: Collection[str]) -> Iterator[str]:
    for root in _SEARCHED:
        if tree.exists(root):
            for path in tree.files(root):
                if path.endswith((".c", ".h")) and path not in read:
                    yield path


def _line(data: bytes, word: bytes) -> int:
    match = re.search(rb"\b" + word + rb"\b", data)
    return 1 if match is None else data.count(b"\n", 0, match.start()) + 1
