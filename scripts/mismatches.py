"""Compare `inventory --mismatches` with the kernel's own api/kfree_mismatch.cocci.

    python -m scripts.mismatches TREE PATH…

Prints, directory by directory, what each of the two finds. Needs `spatch` (package coccinelle).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from convert.flow.provenance.mismatch import Mismatch
from convert.pipeline import Options, tree_mismatches
from convert.report.mismatch_report import mismatches_text
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree

PATCH = "scripts/coccinelle/api/kfree_mismatch.cocci"
_FINDING = re.compile(r"^(?P<file>\S+?):(?P<line>\d+):\d+-\d+: (?P<text>.*)$", re.MULTILINE)


def by_coccinelle(root: Path, path: str) -> dict[tuple[str, int], str]:
    """What the semantic patch reports below a path: the line of each free, with its text."""
    words = ["spatch", "--sp-file", PATCH, "-D", "report", "--no-includes", "--include-headers"]
    done = subprocess.run(
        [*words, "--very-quiet", "--dir", path], cwd=root, capture_output=True, check=False
    )
    text = done.stdout.decode("utf-8", "replace")
    return {(m["file"], int(m["line"])): m["text"] for m in _FINDING.finditer(text)}


def directories(tree: KernelTree, path: str) -> Iterator[str]:
    """The directories right below ``fs``, or the path itself."""
    if path.count("/"):
        yield path
        return
    names = {"/".join(p.split("/")[:2]) for p in tree.files(path) if p.count("/") > 1}
    yield from sorted(names)


def compare(tree: KernelTree, root: Path, path: str) -> tuple[int, int]:
    """Print what is found below one directory; the numbers of both."""
    ours: dict[tuple[str, int], Mismatch] = {
        (one.free.path, one.free.line): one for one in tree_mismatches(tree, (path,), Options())
    }
    theirs = by_coccinelle(root, path)
    for place in sorted(ours.keys() | theirs.keys()):
        who = "both" if place in ours and place in theirs else "we" if place in ours else "spatch"
        print(f"{who}: {place[0]}:{place[1]}")
        if place in theirs:
            print(f"    spatch: {theirs[place]}")
        if place in ours:
            print("    " + mismatches_text([ours[place]], "").replace("\n", "\n    "))
    print(f"{path}: {len(ours)} by us, {len(theirs)} by spatch", flush=True)
    return len(ours), len(theirs)


def main(arguments: list[str]) -> int:
    """Run; 2 for wrong usage."""
    if len(arguments) < 2 or shutil.which("spatch") is None:
        print(__doc__, file=sys.stderr)
        return 2
    tree = open_tree(arguments[0])
    for path in arguments[1:]:
        for directory in directories(tree, path):
            compare(tree, Path(arguments[0]), directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
