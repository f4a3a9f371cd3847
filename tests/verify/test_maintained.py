"""MAINTAINERS is asked before a commit is said to lack an entry."""

from __future__ import annotations

import pytest

from convert.verify.maintained import matches, settled

MAINTAINERS = """\
Maintainers List
	F: *Files* and directories wildcard patterns.

MEMORY MANAGEMENT
M:	A Person <person@example.org>
F:	include/linux/mm*.h
F:	mm/
F:	tools/vm/page.c

LIBRARY
F:	lib/*.c

THE REST
F:	*
F:	*/
"""


@pytest.mark.parametrize(
    ("added", "removed", "reason"),
    [
        (["mm/new.c"], [], "MAINTAINERS names mm/new.c by F: mm/"),
        (["mm/deep/new.c"], [], "MAINTAINERS names mm/deep/new.c by F: mm/"),
        (["lib/new.c"], ["mm/old.c"], "MAINTAINERS names lib/new.c by F: lib/*.c"),
        ([], ["fs/old.c"], "MAINTAINERS does not name the removed files"),
        (["fs/new.c"], [], None),
        (["mm/new.c", "fs/new.c"], [], None),
        (["lib/deep/new.c"], [], None),
        ([], ["tools/vm/page.c"], None),
        (["mm/page.c"], ["tools/vm/page.c"], None),
    ],
)
def test_what_settles_the_question(
    added: list[str], removed: list[str], reason: str | None
) -> None:
    assert settled(MAINTAINERS, added, removed) == reason


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("mm/", "mm/a.c", True),
        ("mm/", "mmap/a.c", False),
        ("fs/x*", "fs/x.c", True),
        ("fs/x*", "fs/x/y.c", False),
        ("fs/x*/", "fs/x/y.c", True),
        ("fs/x.c", "fs/xac", False),
        ("fs/?.c", "fs/x.c", True),
    ],
)
def test_patterns_are_those_of_get_maintainer(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected
