"""The check "boot" as a verification of a series asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.boot.checks import CHECK, BootRequest, boot_checks
from convert.verify.boot.profile import BootProfile, boot_profiles, profiles_for
from convert.verify.checks_model import (
    BASE,
    Checked,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
)
from convert.verify.process import run

_WHOLE = "lib/Makefile"  # every kernel has it, no series of a filesystem touches it
# One pack for all files, and files told apart by size and time: they were copied.
_SETTINGS = (
    *("-c", "core.bigFileThreshold=1", "-c", "core.compression=1", "-c", "core.autocrlf=false"),
    *("-c", "core.checkStat=minimal", "-c", "core.trustctime=false", "-c", "gc.auto=0"),
)


@dataclass(frozen=True)
class BootOptions:
    """What may be asked for beside the boot itself; the fields are those of `BootRequest`."""

    extra: tuple[Path, ...] = ()
    kasan: bool = False
    again: bool = False


def booter(options: BootOptions | None = None) -> Callable[[Prepared], Checked]:
    """The check: boots the base and the last commit of a series that was applied."""
    return lambda prepared: boot_series(prepared, options or BootOptions())


def boot_series(prepared: Prepared, options: BootOptions) -> Checked:
    """Boot with every profile whose filesystem the series touches; one result for all of them.

    Raises InputError if an extra patch does not apply.
    """
    if not prepared.commits:
        return Checked(())
    last = prepared.commits[-1]
    profiles = profiles_for(prepared.touched, boot_profiles())
    if not profiles:
        folders = ", ".join(sorted({str(Path(path).parent) for path in prepared.touched}))
        reason = f"no boot profile for {folders}"
        return Checked((NotRun(CHECK, last.number, reason),))
    repository, base, commit = whole_kernels(prepared)
    checked = [
        boot_checks(
            BootRequest(
                repository,
                base,
                commit,
                profile,
                last.number,
                prepared.cache or prepared.work,
                prepared.work,
                options.extra,
                jobs=prepared.jobs,
                kasan=options.kasan,
                again=options.again,
            ),
            prepared.progress,
        )
        for profile in profiles
    ]
    return together(profiles, checked, last.number)


def whole_kernels(prepared: Prepared) -> tuple[Path, str, str]:
    """A repository with all files of both kernels, and their ids in it.

    The scratch repository of a plain directory holds only what the series touches.
    """
    last = prepared.commits[-1].commit
    probe = run(["git", "cat-file", "-e", f"{prepared.base}:{_WHOLE}"], prepared.repository)
    if not probe.code:
        return prepared.repository, prepared.base, last
    prepared.progress("taking the whole kernel for booting")
    place = (prepared.cache or prepared.work) / "boot" / "snapshots"
    trees = (_snapshot(prepared, place, commit) for commit in (prepared.base, last))
    return (place, *trees)  # type: ignore[return-value]


def _snapshot(prepared: Prepared, place: Path, commit: str) -> str:
    """The id of a git tree with all files of a commit, in a repository of ours."""
    prepared.check_out(commit)
    place.mkdir(parents=True, exist_ok=True)
    index = {"GIT_INDEX_FILE": str(place / "snapshot-index")}
    where = {"GIT_DIR": str(place), "GIT_WORK_TREE": str(prepared.tree), **index}
    for words, cwd, extra in (
        (("init", "--quiet", "--bare"), place, {"GIT_DIR": str(place)}),
        (("add", "--all", "--force", "."), prepared.tree, where),
    ):
        _git(words, cwd, extra)
    return _git(("write-tree",), prepared.tree, where).strip()


def _git(words: Sequence[str], cwd: Path, extra: dict[str, str]) -> str:
    done = run(["git", *_SETTINGS, *words], cwd, extra, merge=False)
    if done.code:
        raise InputError(f"git {words[0]} in {cwd}: {done.errors.strip()}")
    return done.output


def together(profiles: Sequence[BootProfile], checked: Sequence[Checked], number: int) -> Checked:
    """One result a commit, where several filesystems were booted."""
    if len(checked) == 1:
        return checked[0]
    tools = tuple(dict.fromkeys(tool for each in checked for tool in each.tools))
    names = [profile.filesystem for profile in profiles]
    results = [_joined(names, checked, which) for which in (BASE, number)]
    return Checked(tuple(result for result in results if result is not None), tools)


def _joined(names: Sequence[str], checked: Sequence[Checked], number: int) -> CheckResult | None:
    """The worst of the results about a commit, with what all of them say."""
    found = [
        (name, result)
        for name, each in zip(names, checked, strict=True)
        for result in each.results
        if result.commit == number
    ]
    if not found:
        return None
    ran = [result for _, result in found if not isinstance(result, NotRun)]
    findings = tuple(
        finding for result in ran if isinstance(result, Failed) for finding in result.findings
    )
    missing = [result for _, result in found if isinstance(result, NotRun)]
    if missing and not findings:
        return missing[0]
    seconds = sum(result.seconds for result in ran)
    detail = "; ".join(_details(found))
    cached = all(result.cached for result in ran)
    notes = tuple(note for result in ran for note in result.notes)
    notes += tuple(f"not run: {result.reason}" for result in missing)
    if findings:
        return Failed(CHECK, number, findings, seconds, detail, cached, notes)
    return Passed(CHECK, number, seconds, detail, cached, notes)


def _details(found: Sequence[tuple[str, CheckResult]]) -> Iterator[str]:
    for name, result in found:
        if not isinstance(result, NotRun):
            yield f"{name}: {result.detail}"
