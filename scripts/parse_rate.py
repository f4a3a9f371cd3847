"""Count the functions that parse in all their `#if` variants, and list what is refused.

    python -m scripts.parse_rate TREE PATH…

The second opinion on what is a function comes from universal-ctags where it is installed: a
function counts as found if an item of that name and line, or a refusal that holds the line, is
there. Exit code 1 if less than 99.7 % of the functions parse, or one that ctags knows is neither
parsed nor refused. CPU time is that of reading, lexing and parsing (the tables of the tree's
headers are loaded before); memory is the process's peak with all trees of the path kept.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convert.source.parse import ParsedFile, ParseRefusal
from convert.source.text import BrokenSource
from convert.tree.kernel import KernelTree
from scripts.kernel_files import c_files, dialect_of, open_tree, parsed_files

_WANTED = 0.997


@dataclass
class Row:
    """The figures of one path."""

    path: str
    files: int = 0
    functions: int = 0
    variants: int = 0
    refused_functions: list[ParseRefusal] = field(default_factory=list)
    declarations: int = 0
    refused_declarations: list[ParseRefusal] = field(default_factory=list)
    macros: int = 0
    refused_macros: list[ParseRefusal] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    ctags: int = 0
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def rate(self) -> float:
        """The share of functions that parse in all their variants."""
        return self.functions / max(1, self.functions + len(self.refused_functions))


def count(row: Row, parsed: ParsedFile) -> None:
    """Add one file to a row."""
    row.files += 1
    row.functions += len(parsed.functions)
    row.variants += sum(len(item.variants) for item in parsed.functions)
    row.declarations += len(parsed.declarations)
    row.macros += len(parsed.macros)
    for refusal in parsed.refusals:
        text = refusal.span.of(parsed.source.text)
        if text.startswith("#"):
            row.refused_macros.append(refusal)
        elif "{" in text and ")" in text[: text.index("{")] and text.rstrip().endswith("}"):
            row.refused_functions.append(refusal)
        else:
            row.refused_declarations.append(refusal)


def ctags_functions(tree: KernelTree, path: str) -> Iterator[tuple[str, str, int]]:
    """File, name and line of each function that universal-ctags finds in a directory tree."""
    root = Path(tree.name)
    command = [
        "ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+n",
        "--output-format=json", "-o", "-", "-L", "-",
    ]  # fmt: skip
    names = "\n".join(c_files(tree, [path]))
    done = subprocess.run(command, input=names.encode(), cwd=root, capture_output=True, check=True)
    for line in done.stdout.decode("latin-1").splitlines():
        tag = json.loads(line)
        if tag.get("_type") == "tag":
            yield tag["path"], tag["name"], tag["line"]


def holds_line(parsed: ParsedFile, name: str, line: int) -> bool:
    """Whether a function of that name, or anything refused or dead, is at a line."""
    source = parsed.source
    for item in parsed.functions:
        if item.name == name and source.line(item.span.start) <= line <= source.line(item.span.end):
            return True
    if line > len(source.line_starts):
        return False
    start = source.line_starts[line - 1]
    spans = [*(refusal.span for refusal in parsed.refusals), *parsed.dead_spans]
    return any(span.start < start + 200 and start <= span.end for span in spans)


def measure(tree: KernelTree, path: str, with_ctags: bool) -> Row:
    """All figures of one path."""
    row = Row(path)
    expected: dict[str, list[tuple[str, int]]] = {}
    if with_ctags:
        for file, name, line in ctags_functions(tree, path):
            expected.setdefault(file, []).append((name, line))
            row.ctags += 1
    dialect = dialect_of(tree, [path])
    started = time.process_time()
    kept = list(parsed_files(tree, [path], dialect))
    row.seconds = time.process_time() - started
    row.megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for parsed in kept:
        if isinstance(parsed, BrokenSource):
            row.broken.append(str(parsed))
            continue
        count(row, parsed)
        for name, line in expected.get(parsed.source.path, ()):
            if not holds_line(parsed, name, line):
                row.missed.append(f"{parsed.source.path}:{line}: {name}")
    return row


def print_row(row: Row) -> None:
    """One table row, and under it what was refused and missed."""
    print(
        f"{row.path:16} {row.files:6} {row.functions:8} {len(row.refused_functions):7} "
        f"{100 * row.rate:7.2f} {row.variants:8} {row.declarations:8} "
        f"{len(row.refused_declarations):7} {row.macros:7} {len(row.refused_macros):7} "
        f"{row.ctags:7} {len(row.missed):6} {row.seconds:6.1f} {row.megabytes:5.0f}"
    )


def print_details(row: Row) -> None:
    """Each refusal with its construct, each function that only ctags knows."""
    groups = (
        ("function", row.refused_functions),
        ("declaration", row.refused_declarations),
        ("macro", row.refused_macros),
    )
    for kind, refusals in groups:
        for refusal in refusals:
            print(f"{refusal.path}:{refusal.line}: {kind} {refusal.name}: {refusal.construct}")
    for text in row.broken:
        print(f"{text} (file refused)")
    for text in row.missed:
        print(f"{text}: a function for ctags only")


def main(arguments: Sequence[str]) -> int:
    """Measure each path and print a table, then the lists."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    tree = open_tree(arguments[0])
    with_ctags = shutil.which("ctags") is not None and Path(tree.name).is_dir()
    print(
        f"{'path':16} {'files':>6} {'function':>8} {'refused':>7} {'%':>7} {'variants':>8} "
        f"{'declared':>8} {'refused':>7} {'macros':>7} {'refused':>7} {'ctags':>7} {'missed':>6} "
        f"{'CPU s':>6} {'MB':>5}"
    )
    rows = []
    for path in arguments[1:]:
        rows.append(measure(tree, path, with_ctags))
        print_row(rows[-1])
    for row in rows:
        print_details(row)
    return 0 if all(row.rate >= _WANTED and not row.broken for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
