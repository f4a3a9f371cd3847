"""Compare `inventory --mismatches` with the kernel's own api/kfree_mismatch.cocci.

    python -m scripts.mismatches [--limit SECONDS] [--alone] [--plant] TREE PATH…

Prints, directory by directory, what each of the two finds, and their sums. A directory that takes
us longer than the limit (default: 1800 s), or spatch for one file of it, is named and counted,
never left out in silence. Needs `spatch` (package coccinelle), but for ``--alone``, which runs our
side only. With ``--plant`` both look at a copy in which every kvfree() and vfree() is a kfree().
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from convert.flow.provenance.mismatch import Mismatch, Unit, mismatches_of, units_of
from convert.flow.provenance.names import load_names
from convert.report.mismatch_report import mismatches_text
from convert.sites.sources import C_SUFFIXES
from convert.source.dialect import load_dialect
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import BrokenSource, read_source
from convert.source.vocabulary import Dialect
from convert.tree.cache import cache_dir
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree
from convert.tree.overlay import OverlayTree

PATCH = "scripts/coccinelle/api/kfree_mismatch.cocci"
# Each of its rules asks for a name like these; it runs on the files that hold one.
_NEEDED = re.compile(rb"\b(?:__|k)?v(?:free|[mz]alloc|calloc)")
_FREE_OF_VMALLOC = re.compile(rb"\bk?vfree\(")
_FINDING = re.compile(r"^(?P<file>\S+?):(?P<line>\d+):\d+-\d+: (?P<text>.*)$", re.MULTILINE)
Place = tuple[str, int]


class LimitError(Exception):
    """A directory took longer than the limit."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise LimitError when the block takes longer."""

    def stop(_: int, __: FrameType | None) -> None:
        raise LimitError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Comparison:
    """Both sides, unit after unit; ``limit`` in seconds."""

    tree: KernelTree
    root: Path
    patch: Path
    dialect: Dialect
    limit: int
    alone: bool
    counts: Counter[str] = field(default_factory=Counter)

    def by_us(self, unit: Unit) -> dict[Place, Mismatch]:
        """What the provenance of a unit shows."""
        with limited(self.limit):
            found = list(mismatches_of([unit], self.parsed, load_names(), self.tree.read))
        return {(one.free.path, one.free.line): one for one in found}

    def parsed(self, path: str) -> ParsedFile | None:
        try:
            return parse_file(read_source(path, self.tree.read(path)), self.dialect)
        except BrokenSource:
            return None

    def by_coccinelle(self, unit: Unit) -> dict[Place, str]:
        """What the semantic patch reports in a unit: the line of each free, with its text."""
        files = [path for path in unit.files if _NEEDED.search(self.tree.read(path))]
        found: dict[Place, str] = {}
        for path in files:  # one by one: files of one run count as one program
            for match in _FINDING.finditer(self.spatch(path)):
                found[match["file"], int(match["line"])] = match["text"]
        return found

    def spatch(self, path: str) -> str:
        """What the semantic patch prints about a file."""
        options = ["-D", "report", "--no-includes", "--include-headers", "--very-quiet"]
        try:
            done = subprocess.run(
                ["spatch", "--sp-file", str(self.patch), *options, path],
                cwd=self.root,
                capture_output=True,
                check=False,
                timeout=self.limit,
            )
        except subprocess.TimeoutExpired as error:
            raise LimitError from error
        return done.stdout.decode("utf-8", "replace")

    def compare(self, unit: Unit) -> None:
        """Print what is found in one unit, and count it."""
        try:
            ours = self.by_us(unit)
            theirs = {} if self.alone else self.by_coccinelle(unit)
        except LimitError:
            self.counts["stopped"] += 1
            print(f"{unit.name}: not done: more than {self.limit} s", flush=True)
            return
        self.show(ours, theirs)
        words = f"{unit.name}: {len(ours)} by us, {len(theirs)} by spatch"
        print(words, flush=True)
        self.counts["units"] += 1
        self.counts["files"] += len(unit.files)

    def show(self, ours: Mapping[Place, Mismatch], theirs: Mapping[Place, str]) -> None:
        for place in sorted(ours.keys() | theirs.keys()):
            both = place in ours and place in theirs
            who = "both" if both else "we" if place in ours else "spatch"
            self.counts[who] += 1
            print(f"{who}: {place[0]}:{place[1]}")
            if place in theirs:
                print(f"    spatch: {theirs[place]}")
            if place in ours:
                print("    " + mismatches_text([ours[place]], "").replace("\n", "\n    "))

    @property
    def sums(self) -> str:
        """All counts in one line."""
        c = self.counts
        return (
            f"{c['files']} files in {c['units']} directories, {c['stopped']} not done: "
            f"{c['both']} by both, {c['we']} by us alone, {c['spatch']} by spatch alone"
        )


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts.mismatches", description=__doc__)
    parser.add_argument("--limit", type=int, default=1800)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--plant", action="store_true")
    parser.add_argument("tree")
    parser.add_argument("paths", nargs="+")
    return parser.parse_args(words)


def units(tree: KernelTree, paths: Iterable[str]) -> Iterator[Unit]:
    """The units of some paths, small ones first, so that much is known early."""
    for path in paths:
        files = [file for file in tree.files(path) if file.endswith(C_SUFFIXES)]
        yield from sorted(units_of(files, path), key=lambda unit: len(unit.files))


def planted(tree: KernelTree, paths: Iterable[str], scratch: Path) -> KernelTree:
    """The tree with a wrong free wherever there was one for vmalloc memory; its files on disk."""
    changed: dict[str, bytes | None] = {}
    for file in {file for path in paths for file in tree.files(path)}:
        if file.endswith(C_SUFFIXES):
            data = _FREE_OF_VMALLOC.sub(b"kfree(", tree.read(file))
            changed[file] = data
            target = scratch / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return OverlayTree(tree, changed)


def main(words: Sequence[str]) -> int:
    """Run; 1 if a directory was not done, 2 if spatch is needed and not installed."""
    given = arguments(words)
    if not given.alone and shutil.which("spatch") is None:
        print("spatch is not installed (package coccinelle)", file=sys.stderr)
        return 2
    tree, root = open_tree(given.tree), Path(given.tree).resolve()
    dialect = load_dialect(tree, given.paths, cache_dir())
    with tempfile.TemporaryDirectory() as scratch:
        patch = root / PATCH
        if given.plant:
            tree, root = planted(tree, given.paths, Path(scratch)), Path(scratch)
        comparison = Comparison(tree, root, patch, dialect, given.limit, given.alone)
        for unit in units(tree, given.paths):
            comparison.compare(unit)
    print(comparison.sums)
    return 1 if comparison.counts["stopped"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
