"""Three checks from one build: it compiles, gcc has nothing new to say, sparse neither."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from convert.tree.store import code_digest
from convert.verify.build import (
    SPARSE_TOOL,
    BuildBroken,
    BuildDirectory,
    BuildFailed,
    BuildResult,
    Built,
    build_together,
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
from convert.verify.remembered import Remembered
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
    places = tuple(f"{name}/" for name in targets)
    runs = [_Run.of(prepared, config, places, sparse is None) for config in configs]
    for number in range(len(prepared.commits) + 1):
        _build(prepared, [run for run in runs if run.due(number)], number)
    for run in runs:
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


def _build(prepared: Prepared, runs: Sequence[_Run], number: int) -> None:
    """Build a commit (0: the base) under the configurations that want it, all at once."""
    if not runs:
        return
    commits = prepared.commits
    what = f"commit {number}/{len(commits)}" if number else "the base"
    names = " and ".join(run.config.name for run in runs)
    prepared.progress(f"building {what} under {names}")
    prepared.check_out(commits[number - 1].commit if number else prepared.base)
    orders = [(run.directory, run.start == number) for run in runs]
    again = number > 0 and _touches_kconfig(commits[number - 1])
    for run, result in zip(runs, build_together(orders, again), strict=True):
        run.take(number, result)


@dataclass
class _Run:
    """All commits under one configuration; builds only what no earlier run has built.

    start: the number of the commit (0: the base) that is built first, so that warnings are compared
    with a build that succeeded; last: of the last one that has to be built, -1 if none has.
    """

    prepared: Prepared
    config: KernelConfig
    directory: BuildDirectory
    keys: Sequence[Mapping[str, object]]
    known: Sequence[tuple[Built | BuildFailed, _Ground] | None]
    made: dict[int, BuildResult]
    start: int
    last: int
    ground: _Ground | None = None
    problem: str = ""

    @classmethod
    def of(
        cls, prepared: Prepared, config: KernelConfig, targets: tuple[str, ...], sparse: bool
    ) -> _Run:
        """Look up what earlier runs have built."""
        place = prepared.work / f"build-{config.name}"
        directory = BuildDirectory(prepared.tree, place, config, targets, prepared.jobs, sparse)
        keys = _keys(prepared, config, targets, sparse)
        remembered = Remembered(prepared.cache)
        known = [_load(remembered.load(key)) for key in keys]
        missing = [number for number, found in enumerate(known, 1) if found is None]
        start = _start(known, missing[0]) if missing else 0
        return cls(
            prepared, config, directory, keys, known, {}, start, missing[-1] if missing else -1
        )

    def due(self, number: int) -> bool:
        """Whether a commit (0: the base) has to be built."""
        return self.start <= number <= self.last and not self.problem

    def take(self, number: int, result: BuildResult) -> None:
        """Keep what a build gave. After one that was broken nothing can be compared."""
        if number == self.start:
            self.problem = _problem(result, f"commit {number}" if number else "the base")
            if not self.problem:
                self.ground = _Ground(self.directory.refused(), self.directory.empty())
            return
        self.made[number] = result
        if isinstance(result, BuildBroken):
            self.problem = result.reason
        elif self.known[number - 1] is None and self.ground is not None:
            key = self.keys[number - 1]
            Remembered(self.prepared.cache).store(key, _document(result, self.ground))

    def outcomes(self) -> Iterator[_Outcome]:
        """What came out for each commit."""
        grounds = [self.ground, *(found[1] for found in self.known if found)]
        ground = next((one for one in grounds if one is not None), _Ground())
        for number, found in enumerate(self.known, 1):
            result = found[0] if found else self.made.get(number, _Unknown(self.problem))
            yield _Outcome(self.config.name, result, found is not None, ground)


def _keys(
    prepared: Prepared, config: KernelConfig, targets: tuple[str, ...], sparse: bool
) -> list[Mapping[str, object]]:
    """For each commit what its result depends on: the tree before it, too."""
    common = {
        "check": "compile",
        "base": prepared.fingerprint,
        "config": [config.base, config.enable, config.disable, config.values],
        "targets": targets,
        "machine": platform.machine(),
        "compiler": version_of("gcc"),
        "sparse": version_of("sparse") if sparse else "",
        "code": code_digest(("verify/build.py", "verify/messages.py", "verify/compiling.py")),
    }
    trees = ["", *(commit.tree for commit in prepared.commits)]  # "": the base's is known
    return [{**common, "parent": old, "tree": new} for old, new in pairwise(trees)]


def _start(known: Sequence[tuple[Built | BuildFailed, _Ground] | None], first: int) -> int:
    """The last commit before ``first`` that is known to build; 0: the base."""
    for number in range(first - 1, 0, -1):
        found = known[number - 1]
        if found is not None and isinstance(found[0], Built):
            return number
    return 0


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
