"""The headers that some files include, directly or through others, in any ``#if`` branch."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence

from convert.tree.kernel import KernelTree

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
# Where the build looks (LINUXINCLUDE in the kernel's Makefile) and where <asm/…> comes from.
_ASM = ("arch/x86/include/asm", "arch/x86/include/uapi/asm")
_GENERIC_ASM = ("include/asm-generic", "include/uapi/asm-generic")
_ROOTS = ("include", "include/uapi", "arch/x86/include", "arch/x86/include/uapi")


def included_headers(
    tree: KernelTree, roots: Sequence[str], read: Callable[[str], bytes]
) -> tuple[str, ...]:
    """The paths of all headers reachable from ``roots``, and the headers among these.

    A name in quotes that stands in no directory searched is taken from any header of that name
    among ``roots`` (a Makefile may add directories). Headers that the build generates are missing.
    """
    finder = _Finder(tree, roots)
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for quote, name in _INCLUDE.findall(read(path)):
            found = finder.find(path, quote == b'"', name.decode("latin-1"))
            waiting += [other for other in found if other not in seen]
    return tuple(sorted(path for path in seen if path.endswith(".h")))


class _Finder:
    def __init__(self, tree: KernelTree, roots: Iterable[str]) -> None:
        self.tree = tree
        self.by_name: dict[str, list[str]] = {}
        self.known: dict[str, bool] = {}
        for path in roots:
            self.by_name.setdefault(posixpath.basename(path), []).append(path)

    def find(self, includer: str, quoted: bool, name: str) -> tuple[str, ...]:
        found = [path for path in _candidates(includer, quoted, name) if self.is_there(path)]
        if not found and quoted:
            found = self.by_name.get(posixpath.basename(name), [])
        return tuple(dict.fromkeys(found))

    def is_there(self, path: str) -> bool:
        if path not in self.known:
            self.known[path] = not path.startswith("..") and self.tree.exists(path)
        return self.known[path]


def _candidates(includer: str, quoted: bool, name: str) -> Iterable[str]:
    if quoted:
        yield posixpath.normpath(posixpath.join(posixpath.dirname(includer), name))
    if name.startswith("asm/"):
        yield from (root + name[3:] for root in (*_ASM, *_GENERIC_ASM))
    yield from (posixpath.normpath(f"{root}/{name}") for root in _ROOTS)
