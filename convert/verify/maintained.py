"""Whether MAINTAINERS has to follow a commit that adds or removes files.

checkpatch asks the question of every such commit and answers it only if MAINTAINERS changes too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_FIELD = re.compile(r"^([A-Z]):\s*(\S.*?)\s*$")
# The last section claims every file, so that it says nothing of one.
_ALL = frozenset({"*", "*/"})


def patterns(maintainers: str) -> Iterator[str]:
    """The patterns of files (F:) in the text of MAINTAINERS, without those that match all files."""
    for line in maintainers.splitlines():
        field = _FIELD.match(line)
        if field and field[1] == "F" and field[2] not in _ALL:
            yield field[2]


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern names a file, as scripts/get_maintainer.pl has it.

    ``*`` and ``?`` match slashes too; a pattern that ends with a slash names all below a directory,
    any other one only what has as many slashes.
    """
    wanted = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    if not re.match(wanted, path):
        return False
    return pattern.endswith("/") or path.count("/") == pattern.count("/")


def settled(maintainers: str, added: Iterable[str], removed: Iterable[str]) -> str | None:
    """Why MAINTAINERS may stay as it is; None if it has to change, or nobody can tell.

    Each added file has to be named by a pattern, and no removed one by its own path.
    """
    known = tuple(patterns(maintainers))
    if not set(known).isdisjoint(removed):
        return None
    reasons = []
    for path in added:
        found = next((pattern for pattern in known if matches(pattern, path)), None)
        if found is None:
            return None
        reasons.append(f"MAINTAINERS names {path} by F: {found}")
    return "; ".join(reasons) or "MAINTAINERS does not name the removed files"
