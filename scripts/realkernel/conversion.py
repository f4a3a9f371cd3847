"""Running the installed command on the kernel as a user would, and comparing what comes out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.process import Finished, run
from convert.verify.scratch import commits_between, git
from scripts.realkernel.account import (
    Report,
    call_lines,
    code_calls,
    code_words,
    matched_calls,
    read_report,
    reported_calls,
    source_files,
    unaccounted,
)
from scripts.realkernel.checks import Check
from scripts.realkernel.kernels import IDENTITY, Kernel
from scripts.realkernel.subject import Subject

BRANCH = "kmem-convert"
EXACT = "exact"
NOTHING = "nothing to do"
DONE = (0, 1)  # exit codes: done; done, with refusals


@dataclass(frozen=True)
class Tool:
    """The installed program, run in ``place``."""

    program: Path
    place: Path

    def __call__(self, *words: str) -> Finished:
        """Run it and return its exit code and texts."""
        who = {name: text for name, text in IDENTITY.items() if not name.endswith("_DATE")}
        return run([self.program, *words], self.place, who, merge=False)

    def done(self, *words: str) -> Finished:
        """Run it. Raises InputError, with its words, if it was not done."""
        finished = self(*words)
        if finished.code not in DONE:
            said = (finished.errors or finished.output).strip()
            raise InputError(f"kmem-convert {' '.join(words)}: exit code {finished.code}: {said}")
        return finished


def make_report(tool: Tool, kernel: Kernel, subject: Subject) -> tuple[Report, list[Check]]:
    """The JSON report, and whether a cold, a warm and a revision's run agree on it."""
    words = ("report", "--format", "json")
    tree = str(kernel.repository)
    texts = [
        tool.done(*words, "--no-cache", tree, subject.path).output,
        tool.done(*words, tree, subject.path).output,
        tool.done(*words, tree, subject.path).output,
    ]
    report = read_report(texts[0])
    revision = read_report(tool.done(*words, f"{tree}@base", subject.path).output)
    return report, [
        Check("runs without cache, with a cold and with a warm one agree", len(set(texts)) == 1),
        Check("a directory and a revision give the same sites", revision.sites == report.sites),
        counts_check(report),
    ]


def counts_check(report: Report) -> Check:
    """Sites found = converted + kept + refused, counted again from the list of sites."""
    summary = report.summary
    counts = summary["by_decision"]
    listed = {d: sum(site.decision == d for site in report.sites) for d in counts}
    refused = [
        f"refused: {s.file}:{s.line}: {s.text}" for s in report.sites if s.decision == "refused"
    ]
    return Check(
        "sites found = converted + kept + refused",
        counts == listed and summary["found"] == sum(counts.values()) == len(report.sites),
        (
            f"{summary['found']} = {counts['converted']} + {counts['kept']} + {counts['refused']}",
            f"functions parsed: {summary['functions_parsed']} of {summary['functions_found']} "
            f"in {summary['files_read']} files; not read: {summary['not_read']}",
            *refused,
        ),
    )


def account(kernel: Kernel, subject: Subject, report: Report) -> Iterator[Check]:
    """Hold the report against independent counts of the original tree."""
    tree = kernel.repository
    files = source_files(tree, subject.path, subject.home)
    for kind, names in (("allocation", subject.allocations), ("free", subject.frees)):
        lines = call_lines(tree, files, names)
        lost = unaccounted(lines, report.sites)
        in_code = code_calls(tree, files, names)
        reported = reported_calls(report.sites, names)
        differ = sorted(f for f in set(in_code) | set(reported) if in_code[f] != reported[f])
        yield Check(
            f"every {kind} line is accounted for",
            not lost and not differ,
            (
                f"text search: {len(lines)} lines; gcc without comments: {in_code.total()} calls; "
                f"report: {reported.total()} calls",
                *(f"not accounted for: {file}:{line}" for file, line in lost),
                *(f"{f}: {in_code[f]} calls by gcc, {reported[f]} reported" for f in differ),
            ),
        )
    if (matched := matched_calls(tree, subject.path, subject.wrappers)) is not None:
        calls = {(s.file, s.line) for s in report.sites if s.kind in ("alloc", "free")}
        extra = sorted(place for place in matched if place not in calls)
        yield Check(
            "the report has every call that Coccinelle matches",
            not extra,
            (f"{len(matched)} calls matched", *(f"missing: {f}:{line}" for f, line in extra)),
        )


def branch_of(recipe: str) -> str:
    """The branch that is made by a recipe."""
    return BRANCH if recipe == EXACT else f"{BRANCH}-{recipe}"


def series_of(output: Path, recipe: str) -> Path:
    """Where the mails of a recipe go."""
    return output / ("series" if recipe == EXACT else f"series-{recipe}")


def make_commits(
    tool: Tool, kernel: Kernel, subject: Subject, output: Path, recipe: str = EXACT
) -> Iterator[Check]:
    """Write the series and the branch; then `git am` in a fresh clone has to give the same."""
    tree, branch, series = str(kernel.repository), branch_of(recipe), series_of(output, recipe)
    shutil.rmtree(series, ignore_errors=True)
    if git(kernel.repository, "branch", "--list", branch):
        run(["git", "branch", "--quiet", "--delete", "--force", branch], kernel.repository)
    before = _state(kernel.repository)
    words = (tree, subject.path, "--recipe", recipe)
    tool.done("series", *words, "-o", str(series))
    tool.done("apply", *words, "--branch", branch)
    yield Check("work tree, index and HEAD are as they were", _state(kernel.repository) == before)
    commits = commits_between(kernel.repository, kernel.base, branch)
    mails = [mail for mail in sorted(series.glob("*.patch")) if not mail.name.startswith("0000-")]
    yield Check(
        "commits made",
        0 < len(commits) == len(mails),
        tuple(
            git(
                kernel.repository, "log", "--reverse", "--format=%h %s", f"{kernel.base}..{branch}"
            ).splitlines()
        ),
    )
    clone = output / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    said = am(kernel, clone, subject.path, mails)
    same = _history(clone, kernel.base, "HEAD") == _history(kernel.repository, kernel.base, branch)
    facts = (f"tree {git(kernel.repository, 'rev-parse', branch + '^{tree}').strip()}",)
    shutil.rmtree(clone, ignore_errors=True)
    yield Check(
        "git am in a fresh clone = apply, commit by commit", same and not said, (*said, *facts)
    )


def am(kernel: Kernel, clone: Path, path: str, mails: list[Path]) -> tuple[str, ...]:
    """Apply mails in a fresh clone of the base; what git said if it failed."""
    place = str(kernel.repository)
    for where, words in (
        (clone.parent, ("clone", "--quiet", "--shared", "--no-checkout", place, clone.name)),
        (clone, ("sparse-checkout", "set", path)),
        (clone, ("checkout", "--quiet", "--detach", kernel.base)),
        (clone, ("am", "--quiet", *(str(mail.absolute()) for mail in mails))),
    ):
        done = run(["git", *words], where, IDENTITY)
        if done.code:
            return tuple(done.output.strip().splitlines())
    return ()


def after(tool: Tool, kernel: Kernel, subject: Subject, report: Report) -> Iterator[Check]:
    """The converted tree: nothing of the wrappers is left, and a second run changes nothing."""
    run(["git", "checkout", "--quiet", "--force", BRANCH], kernel.repository)
    try:
        yield _nothing_left(kernel.repository, subject, report)
        yield from _second_run(tool, kernel, subject)
    finally:
        run(["git", "checkout", "--quiet", "--force", "base"], kernel.repository)


def _nothing_left(tree: Path, subject: Subject, report: Report) -> Check:
    words = "|".join(subject.wrappers)
    files = source_files(tree, subject.path)
    left = code_words(tree, files, rf"\b(?:{words})\s*\(|\b{subject.flags}[A-Z]+\b")
    stay = [name for name in subject.home if (tree / name).exists()]
    refused = report.summary["by_decision"]["refused"]
    return Check(
        "wrappers, their flags and their files are gone from code",
        bool(refused) or (not left and not stay),
        (
            *(f"{file}: {number} left" for file, number in left.items()),
            *(f"{name} stays" for name in stay),
            *((f"{refused} sites were refused, so something stays",) if refused else ()),
        ),
    )


def _second_run(tool: Tool, kernel: Kernel, subject: Subject) -> Iterator[Check]:
    for tree in (str(kernel.repository), f"{kernel.repository}@{BRANCH}"):
        done = tool("report", tree, subject.path)
        yield Check(
            f"a second run on {'a revision' if '@' in tree else 'the directory'} has nothing to do",
            done.code == 0 and NOTHING in (done.output + done.errors).lower(),
            tuple(line for line in done.output.splitlines() if NOTHING in line.lower()),
        )
    again = f"{BRANCH}-again"
    done = tool("apply", f"{kernel.repository}@{BRANCH}", subject.path, "--branch", again)
    made = git(kernel.repository, "branch", "--list", again).strip()
    yield Check("a second apply makes no branch", done.code == 0 and not made)


def _state(repository: Path) -> tuple[str, str]:
    """What the user sees of a repository: HEAD and every difference of index and files from it."""
    return (
        git(repository, "rev-parse", "--symbolic-full-name", "HEAD"),
        git(repository, "status", "--porcelain", "--untracked-files=all"),
    )


def _history(repository: Path, base: str, tip: str) -> list[str]:
    """Trees and messages of the commits, oldest first."""
    return git(repository, "log", "--reverse", "--format=%T%n%B", f"{base}..{tip}").splitlines()
