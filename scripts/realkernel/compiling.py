"""Compiling every commit with the kernel's own build, and its style with the kernel's checker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from convert.verify.build import BuildFailed, BuildResult, Built, KernelBuild
from convert.verify.checkpatch import Styled, StyleResult, check_commit
from convert.verify.process import ToolMissing
from convert.verify.scratch import commits_between
from scripts.realkernel.checks import Check
from scripts.realkernel.conversion import BRANCH
from scripts.realkernel.kernels import Kernel
from scripts.realkernel.subject import Subject


def compile_commits(kernel: Kernel, subject: Subject) -> Iterator[Check]:
    """Build the base and each commit, and run checkpatch on each; stops where a tool is missing."""
    commits = commits_between(kernel.repository, kernel.base, BRANCH)
    with KernelBuild(kernel.repository, subject.objects, subject.config, kernel.work) as build:
        for number, result in enumerate(build.build_series(kernel.base, commits)):
            yield build_check(result, number)
            if isinstance(result, ToolMissing):
                return
            if number:
                style = check_commit(build.tree, kernel.repository, result.commit)
                yield style_check(style, number, subject)


def build_check(result: BuildResult, number: int) -> Check:
    """What is said of one build; number 0 is the base."""
    name = f"commit {number} compiles" if number else "the base compiles"
    match result:
        case Built():
            warned = tuple(f"new warning: {warning}" for warning in result.warnings)
            done = f"{result.compiled} objects in {result.seconds:.0f} s: {result.subject}"
            return Check(name, not warned, (done, *warned))
        case BuildFailed():
            return Check(name, False, (result.subject, *result.errors))
        case ToolMissing():
            return Check(name, False, (str(result),))


def style_check(result: StyleResult, number: int, subject: Subject) -> Check:
    """What is said of one commit's style: findings that the original lines had do not count."""
    name = f"commit {number}: checkpatch --strict finds nothing new that is not explained"
    if not isinstance(result, Styled):
        return Check(name, False, (getattr(result, "reason", str(result)),))
    findings = (*result.new, *result.checks)
    bad = [finding for finding in result.new if finding.type not in subject.accepted]
    other = [finding for finding in result.checks if finding.type not in subject.accepted]
    stay = Counter((f.level, f.type) for f in findings if f.type in subject.accepted)
    counts = (
        f"as before {len(result.inherited)}, new {len(result.new)}, "
        f"new of level CHECK {len(result.checks)}"
    )
    return Check(
        name,
        not bad,
        (
            counts,
            *(f"new: {finding}" for finding in (*bad, *other)),
            *(
                f"stays: {number} {level} {kind}: {subject.accepted[kind]}"
                for (level, kind), number in sorted(stay.items())
            ),
        ),
    )
