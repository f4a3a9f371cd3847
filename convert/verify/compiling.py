"""Three checks from one build: it compiles, gcc has nothing new to say, sparse neither."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from convert.verify.build import (
    SPARSE_TOOL,
    BuildBroken,
    BuildDirectory,
    BuildFailed,
    BuildResult,
    Built,
    missing_tool,
)
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
from convert.verify.configurations import KernelConfig
from convert.verify.messages import SPARSE as SPARSE_MARK
from convert.verify.messages import Message
from convert.verify.process import ToolMissing, first_missing
from convert.verify.remembered import Remembered, code_digest
from convert.verify.tools import tool, version_of

BUILD = "build"
WARNINGS = "W=1"
SPARSE = "sparse"
NAMES = (BUILD, WARNINGS, SPARSE)


@dataclass(frozen=True)
class _Unknown:
    """A commit was not built under a configuration: why not."""

    reason: str


@dataclass(frozen=True)
class _Ground:
    """What the state below the commits tells of a configuration, and is kept with the results.

    refused: options that the tree did not accept. empty: nothing in the targets is built.
    """

    refused: tuple[str, ...] = ()
    empty: bool = False


@dataclass(frozen=True)
class _Outcome:
    """One commit under one configuration."""

    config: str
    result: BuildResult | _Unknown
    cached: bool
    ground: _Ground


def compile_commits(
    prepared: Prepared, configs: Sequence[KernelConfig], targets: Sequence[str]
) -> Checked:
    """Build every commit under every configuration. targets: directories ("fs/xfs")."""
    if missing := missing_tool():
        return Checked(tuple(_not_run(prepared, NAMES, str(missing), missing.package)))
    sparse = first_missing((SPARSE_TOOL,))
    outcomes: dict[int, list[_Outcome]] = {commit.number: [] for commit in prepared.commits}
    for config in configs:
        run = _Run(prepared, config, tuple(f"{name}/" for name in targets), sparse is None)
        for commit, outcome in zip(prepared.commits, run.outcomes(), strict=True):
            outcomes[commit.number].append(outcome)
    results = chain.from_iterable(
        _results(number, found, sparse) for number, found in outcomes.items()
    )
    programs = ("gcc", "make") if sparse else ("gcc", "make", "sparse")
    return Checked(tuple(results), tuple(tool(name) for name in programs))


def _not_run(
    prepared: Prepared, names: Iterable[str], reason: str, package: str = ""
) -> Iterator[CheckResult]:
    for commit in prepared.commits:
        for name in names:
            yield NotRun(name, commit.number, reason, package)


@dataclass
class _Run:
    """All commits under one configuration; builds only what no earlier run has built."""

    prepared: Prepared
    config: KernelConfig
    targets: tuple[str, ...]
    sparse: bool
    _ground: _Ground = _Ground()

    def outcomes(self) -> list[_Outcome]:
        """What came out for each commit."""
        remembered = Remembered(self.prepared.cache)
        keys = self._keys()
        loaded = [_load(remembered.load(key)) for key in keys]
        known = [found[0] if found else None for found in loaded]
        grounds = [found[1] for found in loaded if found]
        missing = [index for index, result in enumerate(known) if result is None]
        made: dict[int, BuildResult | _Unknown] = {}
        if missing:
            for index, result in self._build(self._start(known, missing[0]), missing[-1]):
                made[index] = result
                if known[index] is None and isinstance(result, Built | BuildFailed):
                    remembered.store(keys[index], _document(result, self._ground))
            grounds.append(self._ground)
        return [
            _Outcome(
                self.config.name,
                known[index] or made[index],
                known[index] is not None,
                grounds[-1],
            )
            for index in range(len(keys))
        ]

    def _keys(self) -> list[dict[str, object]]:
        """For each commit what its result depends on: the tree before it, too."""
        config = self.config
        common = {
            "check": "compile",
            "base": self.prepared.fingerprint,
            "config": [config.base, config.enable, config.disable, config.values],
            "targets": self.targets,
            "machine": platform.machine(),
            "compiler": version_of("gcc"),
            "sparse": version_of("sparse") if self.sparse else "",
            "code": code_digest(("verify/build.py", "verify/messages.py", "verify/compiling.py")),
        }
        trees = ["", *(commit.tree for commit in self.prepared.commits)]  # "": the base's is known
        return [{**common, "parent": old, "tree": new} for old, new in pairwise(trees)]

    def _start(self, known: Sequence[BuildResult | None], first: int) -> int:
        """The commit to build first, so that warnings are compared with a build that succeeded.

        Its number: 0 is the base.
        """
        for index in range(first - 1, -1, -1):
            if isinstance(known[index], Built):
                return index + 1
        return 0

    def _build(self, start: int, last: int) -> Iterator[tuple[int, BuildResult | _Unknown]]:
        """Build from a commit (0: the base) on; yields index and result of those after it."""
        directory = BuildDirectory(
            self.prepared.tree,
            self.prepared.work / f"build-{self.config.name}",
            self.config,
            self.targets,
            self.prepared.jobs,
            self.sparse,
        )
        self._say(start, last)
        below = self.prepared.base if start == 0 else self.prepared.commits[start - 1].commit
        self.prepared.check_out(below)
        ground = directory.build(first=True)
        problem = _problem(ground, "the base" if start == 0 else f"commit {start}")
        if not problem:
            self._ground = _Ground(directory.refused(), directory.empty())
        for index in range(start, last + 1):
            if problem:
                yield index, _Unknown(problem)
                continue
            self._say(index + 1, last)
            commit = self.prepared.commits[index]
            self.prepared.check_out(commit.commit)
            result = directory.build(reconfigure=_touches_kconfig(commit))
            yield index, result
            if isinstance(result, BuildBroken):  # then the next one is compared with nothing
                problem = result.reason

    def _say(self, number: int, last: int) -> None:
        what = "the base" if number == 0 else f"commit {number}/{last + 1}"
        self.prepared.progress(f"building {what} under {self.config.name}")


def _problem(ground: BuildResult, what: str) -> str:
    """Why nothing can be said of the commits above; "" if something can."""
    match ground:
        case Built():
            return ""
        case BuildFailed(errors=errors):
            return f"{what} does not build: {errors[0] if errors else 'make failed'}"
        case BuildBroken(reason=reason):
            return reason


def _touches_kconfig(commit: SeriesCommit) -> bool:
    return any(path.rpartition("/")[2].startswith("Kconfig") for path in commit.files)


def _results(
    number: int, outcomes: Sequence[_Outcome], sparse: ToolMissing | None
) -> Iterator[CheckResult]:
    """The three checks of one commit, its configurations taken together."""
    reasons = [o.result.reason for o in outcomes if isinstance(o.result, _Unknown | BuildBroken)]
    full = [outcome for outcome in outcomes if not outcome.ground.empty]
    if not full:
        reasons.append("no configuration builds anything in there")
    if reasons:
        yield from (NotRun(name, number, reasons[0]) for name in NAMES)
        return
    done = [o.result for o in full if isinstance(o.result, Built | BuildFailed)]
    seconds = sum(result.seconds for result in done)
    cached = all(outcome.cached for outcome in full)
    errors = tuple(chain.from_iterable(_errors(outcome) for outcome in full))
    notes = tuple(dict.fromkeys(chain.from_iterable(_notes(outcome) for outcome in outcomes)))
    if errors:
        yield Failed(BUILD, number, errors, seconds, _detail(full), cached, notes)
        reason = "the commit does not compile"
        yield from (NotRun(name, number, reason) for name in (WARNINGS, SPARSE))
        return
    yield Passed(BUILD, number, seconds, _detail(full), cached, notes)
    yield _said(WARNINGS, number, full, cached, lambda message: not message.tool)
    if sparse:
        yield NotRun(SPARSE, number, str(sparse), sparse.package)
    else:
        yield _said(SPARSE, number, full, cached, lambda m: m.tool == SPARSE_MARK)


def _notes(outcome: _Outcome) -> Iterator[str]:
    if outcome.ground.empty:
        yield f"nothing is built under {outcome.config}"
    elif outcome.ground.refused:
        options = " ".join(outcome.ground.refused)
        yield f"under {outcome.config} the tree does not accept {options}"


def _errors(outcome: _Outcome) -> Iterator[CheckFinding]:
    if isinstance(outcome.result, BuildFailed):
        for line in outcome.result.errors:
            yield CheckFinding("", None, line, outcome.config)


def _said(
    check: str,
    number: int,
    outcomes: Sequence[_Outcome],
    cached: bool,
    wanted: Callable[[Message], bool],
) -> CheckResult:
    """What one tool says of a commit; the same under several configurations is said once."""
    found: dict[Message, list[str]] = {}
    for outcome in outcomes:
        assert isinstance(outcome.result, Built)
        for message in filter(wanted, outcome.result.warnings):
            found.setdefault(message, []).append(outcome.config)
    findings = tuple(
        CheckFinding(
            message.path,
            message.line,
            f"{'error' if message.error else 'warning'}: {message.text}",
            ", ".join(configs),
        )
        for message, configs in found.items()
    )
    if findings:
        return Failed(check, number, findings, 0.0, "", cached)
    return Passed(check, number, 0.0, "nothing new", cached)


def _detail(outcomes: Sequence[_Outcome]) -> str:
    parts = [
        f"{outcome.result.compiled} objects under {outcome.config}"
        for outcome in outcomes
        if isinstance(outcome.result, Built)
    ]
    return ", ".join(parts)


def _document(result: Built | BuildFailed, ground: _Ground) -> dict[str, object]:
    below = {"refused": ground.refused, "empty": ground.empty, "seconds": result.seconds}
    if isinstance(result, BuildFailed):
        return {**below, "errors": result.errors}
    said = [(m.path, m.line, m.error, m.text, m.tool) for m in result.warnings]
    return {**below, "compiled": result.compiled, "warnings": said}


def _load(document: Any) -> tuple[Built | BuildFailed, _Ground] | None:
    """The reverse of `_document`; None for what is no such thing."""
    try:
        ground = _Ground(tuple(document["refused"]), bool(document["empty"]))
        seconds = float(document["seconds"])
        if "errors" in document:
            return BuildFailed(tuple(document["errors"]), seconds), ground
        said = tuple(Message(*row) for row in document["warnings"])
        return Built(int(document["compiled"]), said, seconds), ground
    except (TypeError, KeyError, ValueError):
        return None
