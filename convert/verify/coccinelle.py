"""The tree's own Coccinelle checks of memory, on the files that each commit touches.

Each version of a file is searched once by each semantic patch; a commit is charged with what its
version has and the one before did not. Only semantic patches that read no headers are used, so that
a file's content alone decides.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.tree.kernel import KernelTree
from convert.tree.store import code_digest
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
    SeriesCommit,
)
from convert.verify.process import first_missing, run
from convert.verify.remembered import Remembered
from convert.verify.scratch import git
from convert.verify.tools import tool, version_of

COCCINELLE = "coccinelle"
_PLACE = "scripts/coccinelle"
# A check of memory names what allocates or frees it; these words are those of the kernel's slab.h.
_MEMORY = re.compile(r"\b(?:k[mzv]?[a-z]*alloc|kv?free|vfree|vmalloc)\b")
_OPTIONS = re.compile(r"^// Options:(?P<words>.*)$", re.MULTILINE)
_FINDING = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+-\d+: (?P<text>.*)$")
_LINES = re.compile(r"\bline \d+")
_FREES_ANY = re.compile(r"\bkvfree\s*\(")  # include/linux/slab.h: frees what either of them gives


@dataclass(frozen=True)
class SemanticPatch:
    """One of the tree's checks: its path, its text and the options that it asks for."""

    path: str
    text: bytes
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        """As kernel people call it: ``kfree_mismatch``."""
        return Path(self.path).stem


@dataclass(frozen=True)
class _Found:
    """A finding of a check; ``code`` is the line that it is about."""

    line: int
    text: str
    check: str
    code: str

    @property
    def key(self) -> tuple[str, str]:
        """What stays the same when lines move."""
        return self.check, _LINES.sub("line", self.text)

    @property
    def excuse(self) -> str:
        """Why it is no fault, "" if it is one."""
        if "opportunity" in self.text:
            return "what the code could use instead is another patch's matter"
        if _FREES_ANY.search(self.code):
            return "kvfree() takes memory of either kind"
        return ""


def memory_checks(tree: KernelTree) -> tuple[SemanticPatch, ...]:
    """The tree's semantic patches that can report, need no headers and are about memory."""
    if not tree.exists(_PLACE):
        return ()
    found = []
    for path in tree.files(_PLACE):
        if not path.endswith(".cocci"):
            continue
        data = tree.read(path)
        text = data.decode("utf-8", "replace")
        options = tuple(" ".join(m["words"] for m in _OPTIONS.finditer(text)).split())
        reports = "virtual report" in text and "--no-includes" in options
        if reports and _MEMORY.search(text):
            found.append(SemanticPatch(path, data, options))
    return tuple(found)


def check_coccinelle(prepared: Prepared, checks: Sequence[SemanticPatch]) -> Checked:
    """Run the checks on what the commits touch; one result for each commit."""
    missing = first_missing((("spatch", "coccinelle"),))
    if missing or not checks:
        reason = str(missing) if missing else f"the tree has no fitting checks in {_PLACE}"
        package = missing.package if missing else ""
        results = (NotRun(COCCINELLE, c.number, reason, package) for c in prepared.commits)
        return Checked(tuple(results))
    key = {
        "check": COCCINELLE,
        "rules": [hashlib.sha256(check.text).hexdigest() for check in checks],
        "spatch": version_of("spatch"),
        "code": code_digest(("verify/coccinelle.py",)),
    }
    runs = _Runs(prepared, tuple(checks), key)
    made = tuple(_one(runs, parent, commit) for parent, commit in prepared.pairs())
    return Checked(made, (tool("spatch"),))


def _one(runs: _Runs, parent: str, commit: SeriesCommit) -> CheckResult:
    start = time.monotonic()
    files = [path for path in commit.files if path.endswith(".c")]
    try:
        before, _ = runs.findings(parent, files)
        after, cached = runs.findings(commit.commit, files)
    except InputError as error:
        return NotRun(COCCINELLE, commit.number, str(error))
    added = [(path, found) for path in after for found in _added(before.get(path, ()), after[path])]
    findings = tuple(
        CheckFinding(path, found.line, f"{found.text} [{found.check}]")
        for path, found in added
        if not found.excuse
    )
    excused = Counter((found.check, found.excuse) for _, found in added if found.excuse)
    notes = tuple(f"{number} of {check}: {why}" for (check, why), number in excused.items())
    seconds = time.monotonic() - start
    detail = f"{len(runs.checks)} checks on {len(files)} files"
    if findings:
        return Failed(COCCINELLE, commit.number, findings, seconds, detail, cached, notes)
    return Passed(COCCINELLE, commit.number, seconds, detail, cached, notes)


def _added(before: Sequence[_Found], after: Sequence[_Found]) -> Iterator[_Found]:
    """What was not there before, whatever the lines."""
    excused = Counter(one.key for one in before)
    for one in after:
        excused[one.key] -= 1
        if excused[one.key] < 0:
            yield one


@dataclass
class _Runs:
    """Searches versions of files, each once."""

    prepared: Prepared
    checks: tuple[SemanticPatch, ...]
    key: Mapping[str, object]

    def findings(
        self, commit: str, files: Iterable[str]
    ) -> tuple[Mapping[str, Sequence[_Found]], bool]:
        """What the checks find in each file of a commit; and whether all was known before.

        Raises InputError if spatch fails.
        """
        blobs = self._blobs(commit, files)
        remembered = Remembered(self.prepared.cache)
        known = {path: remembered.load({**self.key, "blob": blobs[path]}) for path in blobs}
        result = {
            path: [_Found(*row) for row in rows] for path, rows in known.items() if rows is not None
        }
        unknown = [path for path in blobs if path not in result]
        if unknown:
            self.prepared.progress(f"Coccinelle on {len(unknown)} files")
            result |= self._search(commit, unknown)
        for path in unknown:
            rows = [(one.line, one.text, one.check, one.code) for one in result[path]]
            remembered.store({**self.key, "blob": blobs[path]}, rows)
        return result, not unknown

    def _search(self, commit: str, paths: Sequence[str]) -> dict[str, list[_Found]]:
        """Run all checks on files of a commit."""
        result: dict[str, list[_Found]] = {path: [] for path in paths}
        with (
            _files(self.prepared, commit, paths) as place,
            ThreadPoolExecutor(self.prepared.jobs) as pool,
        ):
            for found in pool.map(lambda check: _search(check, paths, place), self.checks):
                for path, ones in found.items():
                    result[path] += ones
        return result

    def _blobs(self, commit: str, files: Iterable[str]) -> dict[str, str]:
        """The blobs of those files that the commit has."""
        paths = [self.prepared.prefix + path for path in files]
        if not paths:
            return {}
        listing = git(self.prepared.repository, "ls-tree", "-z", "-r", commit, "--", *paths)
        rows = (row.split("\t") for row in listing.split("\0") if row)
        return {path.removeprefix(self.prepared.prefix): head.split()[2] for head, path in rows}


@contextmanager
def _files(prepared: Prepared, commit: str, paths: Iterable[str]) -> Iterator[Path]:
    """The files of a commit, and nothing else, in a directory for as long as they are needed."""
    place = Path(tempfile.mkdtemp(prefix="coccinelle-", dir=prepared.work))
    try:
        for path in paths:
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            text = git(prepared.repository, "show", f"{commit}:{prepared.prefix}{path}")
            target.write_bytes(text.encode("utf-8", "surrogateescape"))
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _search(check: SemanticPatch, paths: Sequence[str], place: Path) -> dict[str, list[_Found]]:
    """Run one semantic patch on files. Raises InputError if spatch fails."""
    script = place / f"{check.name}.cocci"
    script.write_bytes(check.text)
    groups = place / f"{check.name}.groups"
    groups.write_text("\n\n".join(paths) + "\n")
    words = ("-D", "report", "--no-show-diff", "--very-quiet", "--cocci-file", script.name)
    command = ["spatch", *words, *check.options, "--file-groups", groups.name]
    done = run(command, place, guard=True)
    if done.code:
        last = done.output.strip().splitlines()[-1:] or [f"exit code {done.code}"]
        raise InputError(f"spatch failed on {check.path}: {last[0]}")
    found: dict[str, list[_Found]] = {}
    for match in filter(None, map(_FINDING.match, done.output.splitlines())):
        path, line = match["file"].removeprefix("./"), int(match["line"])
        if path in paths:
            code = (place / path).read_text("utf-8", "replace").split("\n")[line - 1]
            one = _Found(line, match["text"], check.name, code.strip())
            found.setdefault(path, []).append(one)
    return found
