"""The patch that counts, in a booted kernel, what the allocations of a filesystem give back.

Every call of an allocator in the filesystem's files is wrapped by a macro, so that sites need not
be known in advance; which of them a scope covers the kernel says itself, by
`current_gfp_context()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from convert.errors import InputError
from convert.report.diffs import split_lines
from convert.tree.kernel import KernelTree
from convert.verify.boot.patching import render

_NAME = "kmem_convert_results"
_CONTEXT = 3  # lines of a diff
_COUNTS = ("calls", "in_scope", "covered", "covered_null", "mayfail", "mayfail_null", "other_null")
_LINE = re.compile(
    r"kmem-convert-results: (?P<file>\S+):(?P<line>\d+) (?P<function>\w+)\(\) "
    + " ".join(rf"{name}=(?P<{name}>\d+)" for name in _COUNTS)
)


@dataclass(frozen=True)
class CallCounts:
    """A call that allocates, with what it gave back in one boot.

    calls: how often it ran; in_scope: of these, with a nofail scope open. covered: of these, with
    __GFP_NOFAIL by mask or by scope, and covered_null: with NULL all the same. mayfail: with
    __GFP_RETRY_MAYFAIL; mayfail_null: of these NULL. other_null: NULL without either.
    """

    file: str
    line: int
    function: str
    calls: int
    in_scope: int
    covered: int
    covered_null: int
    mayfail: int
    mayfail_null: int
    other_null: int

    @property
    def place(self) -> str:
        """File, line and function."""
        return f"{self.file}:{self.line} {self.function}()"


def results_patch(tree: KernelTree, folder: str) -> str:
    """The patch for the files of ``folder``. Raises InputError if it has no Makefile."""
    makefile = f"{folder}/Makefile"
    if not tree.exists(makefile):
        raise InputError(f"{tree.name}: no {makefile}, so results cannot be counted")
    added = {f"{folder}/{_NAME}.{end}": render(f"{_NAME}.{end}.j2") for end in ("c", "h")}
    head = split_lines(tree.read(makefile).decode("latin-1"))[:_CONTEXT]
    lines = [
        f"ccflags-y += -include $(srctree)/{folder}/{_NAME}.h\n",
        f"obj-y += {_NAME}.o\n",
    ]
    body = "".join(f"+{line}" for line in lines) + "".join(f" {line}" for line in head)
    changed = (
        f"diff --git a/{makefile} b/{makefile}\n--- a/{makefile}\n+++ b/{makefile}\n"
        f"@@ -1,{len(head)} +1,{len(head) + len(lines)} @@\n{body}"
    )
    return changed + "".join(_new_file(path, text) for path, text in added.items())


def _new_file(path: str, text: str) -> str:
    lines = split_lines(text)
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}" for line in lines)


def call_counts(consoles: Iterable[str]) -> tuple[CallCounts, ...]:
    """The last counts of every call, added up over boots, in order of their places."""
    total: dict[tuple[str, int, str], list[int]] = {}
    for console in consoles:
        last = {}
        for found in _LINE.finditer(console):
            key = (found["file"], int(found["line"]), found["function"])
            last[key] = [int(found[name]) for name in _COUNTS]
        for key, counts in last.items():
            before = total.get(key, [0] * len(_COUNTS))
            total[key] = [a + b for a, b in zip(before, counts, strict=True)]
    return tuple(CallCounts(*key, *counts) for key, counts in sorted(total.items()))
