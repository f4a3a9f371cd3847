"""Counting the wrappers by other means than the tool's, and holding its report against that.

Three witnesses: a text search over lines; the same over what gcc leaves when it has taken the
comments out; and Coccinelle's matcher where it is installed.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.errors import InputError
from convert.verify.process import run

CALL_KINDS = ("alloc", "free")
Place = tuple[str, int]  # file, line
_CALLS = """\
@r@
identifier f = {%s};
expression list es;
position p;
@@
f@p(es)

@script:python@
p << r.p;
@@
print("found", p[0].file, p[0].line)
"""


@dataclass(frozen=True)
class ReportedSite:
    """What the account needs of a site of the JSON report."""

    file: str
    line: int
    kind: str
    callee: str
    text: str
    decision: str

    def covers(self, place: Place) -> bool:
        """Whether the line is one of the site's lines."""
        last = self.line + self.text.count("\n")
        return self.file == place[0] and self.line <= place[1] <= last


@dataclass(frozen=True)
class Report:
    """The JSON report, read as any other program would read it."""

    document: Mapping[str, Any]
    sites: tuple[ReportedSite, ...]

    @property
    def summary(self) -> Mapping[str, Any]:
        """The counts."""
        table: Mapping[str, Any] = self.document["summary"]
        return table

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """The commits."""
        rows: Sequence[Mapping[str, Any]] = self.document["steps"]
        return rows


def read_report(text: str) -> Report:
    """Read the text of ``report --format json``. Raises InputError if it is no such thing."""
    try:
        document = json.loads(text)
        sites = tuple(
            ReportedSite(
                *(row[key] for key in ("file", "line", "kind", "callee", "text", "decision"))
            )
            for row in document["sites"]
        )
        return Report(document, sites)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"the JSON report cannot be read: {error!r}") from error


def source_files(tree: Path, under: str, without: Iterable[str] = ()) -> tuple[str, ...]:
    """The C files below a directory, by their paths from the tree's top."""
    found = (str(f.relative_to(tree)) for f in (tree / under).rglob("*.[ch]") if f.is_file())
    return tuple(sorted(set(found) - set(without)))


def call_lines(tree: Path, files: Iterable[str], names: Sequence[str]) -> tuple[Place, ...]:
    """Every line that holds a name before a parenthesis, comments included."""
    call = _call(names)
    return tuple(
        (file, number)
        for file in files
        for number, line in enumerate(_text(tree / file).split("\n"), 1)
        if call.search(line)
    )


def code_words(tree: Path, files: Iterable[str], word: str) -> Counter[str]:
    """How often a regular expression matches in each file's code: gcc takes the comments out.

    gcc complains of a "#" in a macro of several lines, as it runs no directive here, and goes on.
    Raises InputError if gcc cannot be run.
    """
    pattern = re.compile(word)
    counts: Counter[str] = Counter()
    for file in files:
        done = run(["gcc", "-fpreprocessed", "-dD", "-E", "-P", "-x", "c", file], tree, merge=False)
        if done.code and not done.output.strip():
            raise InputError(f"gcc on {file}: {done.errors.strip()}")
        if number := len(pattern.findall(done.output)):
            counts[file] = number
    return counts


def code_calls(tree: Path, files: Iterable[str], names: Sequence[str]) -> Counter[str]:
    """How many calls of the names each file's code holds, by gcc's word on what is a comment."""
    return code_words(tree, files, _call(names).pattern)


def matched_calls(tree: Path, under: str, names: Sequence[str]) -> tuple[Place, ...] | None:
    """The calls that Coccinelle finds; None if spatch is not installed or has no Python."""
    if shutil.which("spatch") is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        rule = Path(directory) / "calls.cocci"
        rule.write_text(_CALLS % ", ".join(names))
        words = ["spatch", "--very-quiet", "--no-includes", "--dir", under]
        done = run([*words, "--sp-file", rule], tree, merge=False)
    if done.code:
        return None
    found = re.findall(r"^found (\S+) (\d+)$", done.output, re.MULTILINE)
    return tuple((file, int(line)) for file, line in found)


def unaccounted(lines: Iterable[Place], sites: Sequence[ReportedSite]) -> tuple[Place, ...]:
    """The lines that no site of the report covers."""
    by_file: dict[str, list[ReportedSite]] = {}
    for site in sites:
        by_file.setdefault(site.file, []).append(site)
    return tuple(
        place for place in lines if not any(s.covers(place) for s in by_file.get(place[0], ()))
    )


def reported_calls(sites: Iterable[ReportedSite], names: Sequence[str]) -> Counter[str]:
    """How many calls of the names the report has in each file."""
    return Counter(s.file for s in sites if s.kind in CALL_KINDS and s.callee in names)


def _call(names: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\s*\(")


def _text(file: Path) -> str:
    return file.read_bytes().decode("latin-1")
