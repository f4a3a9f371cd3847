"""Whether what a profile names is in a tree: a name that is nowhere is a mistake of the profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from convert.profiles.locks import Locks
from convert.tree.kernel import KernelTree

_WORD = re.compile(rb"[A-Za-z_]\w*")
_TABLE = re.compile(rb"\b((?:struct|union) \w+)\s*\{")


@dataclass(frozen=True)
class Presence:
    """The words of a tree's headers, and the words inside of each structure's definition."""

    words: frozenset[str]
    tables: dict[str, frozenset[str]]

    def has_name(self, name: str) -> bool:
        """Whether a header has the word."""
        return name in self.words

    def has_member(self, owner: str, member: str) -> bool:
        """Whether a structure is defined in a header and has that word in its definition."""
        return member in self.tables.get(owner, frozenset())


def read_presence(tree: KernelTree, places: Iterable[str] = ("include", "fs")) -> Presence:
    """Read all headers below some directories. Raises InputError if one is not in the tree."""
    words: set[bytes] = set()
    tables: dict[str, frozenset[str]] = {}
    for path in sorted({path for place in places for path in tree.files(place)}):
        if not path.endswith(".h"):
            continue
        data = tree.read(path)
        words.update(_WORD.findall(data))
        for match in _TABLE.finditer(data):
            name = match[1].decode()
            inside = frozenset(word.decode() for word in _WORD.findall(_body(data, match.end())))
            tables[name] = tables.get(name, frozenset()) | inside
    return Presence(frozenset(word.decode() for word in words), tables)


def _body(data: bytes, start: int) -> bytes:
    """The text behind an opening brace, up to the one that closes it."""
    depth = 1
    for match in re.finditer(rb"[{}]", data[start:]):
        depth += 1 if match[0] == b"{" else -1
        if depth == 0:
            return data[start : start + match.start()]
    return data[start:]


def lock_names(locks: Locks) -> Iterator[str]:
    """The names of all locks and events that the profile names, some several times."""
    yield from (lock for entry in locks.outside for lock in entry.takes)
    yield from (entry.lock for entry in locks.locked)
    named = [entry.lock for entry in (*locks.take, *locks.release)]
    named += [entry.lock for entry in locks.held] + [entry.lock for entry in locks.reclaim_wait]
    named += [entry.event for entry in locks.wait] + [entry.event for entry in locks.wake]
    yield from (lock for lock in named if lock is not None)


def _is_bit(name: str) -> bool:
    """Whether the last word of a lock's name is that of a bit, which is no member."""
    return name.startswith(("PG_", "BH_", "I_"))


def table_members(locks: Locks) -> Iterator[tuple[str, str]]:
    """All members of structures that hold or take locks, as (``struct name``, member)."""
    yield from ((entry.owner, name) for entry in locks.reclaim for name in entry.members)
    yield from ((entry.owner, name) for entry in locks.held for name in entry.members)
    for taken in (*locks.take, *locks.release):
        if taken.owner is not None and taken.member is not None:
            yield taken.owner, taken.member.partition(".")[0]
    for lock in lock_names(locks):
        owner, _, name = lock.partition(".")
        if not _is_bit(name):
            yield f"struct {owner}", name.partition(".")[0]


def called_members(locks: Locks) -> Iterator[tuple[str, str]]:
    """The methods that the kernel's core calls back; a release need not have each of them."""
    called = [called for outside in locks.outside for called in outside.calls]
    called += [run for reclaiming in locks.reclaim_wait for run in reclaiming.runs]
    called += [run for wait in locks.wait for run in wait.runs]
    for member in called:
        owner, _, name = member.partition(".")
        yield owner, name


def absent(locks: Locks, trees: Iterable[Presence]) -> tuple[str, ...]:
    """The names and members of the profile that none of the trees has, sorted."""
    known = tuple(trees)
    harmless = {name for entry in locks.harmless for name in entry.names}
    guards = {name for entry in locks.guard for name in entry.names}
    bits = {name for _, _, name in (lock.partition(".") for lock in lock_names(locks))}
    wanted = (locks.names | harmless | {name for name in bits if _is_bit(name)}) - guards
    names = {name for name in wanted if not any(tree.has_name(name) for tree in known)}
    members = {
        f"{owner}.{member}"
        for owner, member in (*table_members(locks), *called_members(locks))
        if not any(tree.has_member(owner, member) for tree in known)
    }
    return tuple(sorted(names | members))
