"""`make boot`: convert a real kernel's filesystem, boot it and its base, and compare.

    python -m scripts.boot [--kernel DIR] [--output DIR] [--commit REV] [--extra-patch FILE]
                           [--kasan] [--again]

The kernel is found as by `make real`. Exit code 0 if the converted kernel shows nothing that the
base does not, 1 if it does, 2 if the job could not be run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from convert.verify.boot.checks import BootOutcome, NoKernel, boot_both, results, versions
from convert.verify.boot.console import START
from convert.verify.checks_model import CheckResult, Failed, NotRun
from convert.verify.process import run
from convert.verify.scratch import git
from scripts.real import mutter, say
from scripts.realkernel.booting import common_arguments, prepare, run_job
from scripts.realkernel.conversion import Tool
from scripts.realkernel.kernels import Kernel
from scripts.realkernel.subject import Subject

BRANCH = "kmem-convert-boot"


def converted(kernel: Kernel, subject: Subject, output: Path) -> str:
    """Convert with the recipe "exact"; the branch with the result."""
    if git(kernel.repository, "branch", "--list", BRANCH):
        run(["git", "branch", "--quiet", "--delete", "--force", BRANCH], kernel.repository)
    tool = Tool(Path(sys.executable).with_name("kmem-convert"), output)
    words = (str(kernel.repository), subject.path, "--recipe", "exact", "--branch", BRANCH)
    tool.done("apply", *words)
    return BRANCH


def table(outcome: BootOutcome) -> list[str]:
    """The phases of both kernels, one a line."""
    last = {(phase.boot, phase.name): phase for phase in outcome.last.phases}
    lines = [f"{'boot':<10}{'phase':<30}{'base':>14}{'last commit':>14}"]
    for phase in outcome.base.phases:
        if phase.name == START:
            continue
        other = last.get((phase.boot, phase.name))
        cells = [
            f"{'ok' if p.passed else 'FAILED'} {p.seconds:6.1f} s" if p else "-"
            for p in (phase, other)
        ]
        lines.append(f"{phase.boot:<10}{phase.name:<30}{cells[0]:>14}{cells[1]:>14}")
    return lines


def show(outcome: BootOutcome | NoKernel, found: Sequence[CheckResult]) -> None:
    """Print everything."""
    if isinstance(outcome, BootOutcome):
        for line in table(outcome):
            say(line)
    for result in found:
        name = "base" if result.commit == 0 else "last commit"
        say(f"{type(result).__name__}: {name}: {getattr(result, 'detail', '')}")
        if isinstance(result, NotRun):
            say(f"    {result.reason}")
        for finding in result.findings if isinstance(result, Failed) else ():
            say(f"    {finding}")
        for note in getattr(result, "notes", ()):
            say(f"    note: {note}")


def as_json(outcome: BootOutcome | NoKernel) -> str:
    """Everything that was seen, reports with all their lines."""
    return json.dumps(asdict(outcome), indent=1)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = common_arguments("Boot a converted kernel and its base.", Path("build/boot"))
    parser.add_argument("--commit", help="boot this revision instead of a conversion")
    parser.add_argument("--extra-patch", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--kasan", action="store_true", help="with KASAN: slower, finds more")
    return parser.parse_args(words)


def boot(options: argparse.Namespace) -> int:
    """Do the job; the exit code. Raises KmemConvertError if it could not be done."""
    ground = prepare(options)
    commit = options.commit or converted(ground.kernel, ground.subject, ground.output)
    request = ground.request(commit, options.extra_patch, options.kasan)
    tools = versions(ground.profile)
    outcome = boot_both(request, tools, mutter)
    found = tuple(results(outcome, None))
    show(outcome, found)
    for tool_version in tools:
        say(f"{tool_version.name}: {tool_version.version}")
    (ground.output / "boot.json").write_text(as_json(outcome), encoding="utf-8")
    return 1 if any(isinstance(result, Failed | NotRun) for result in found) else 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the job; the exit code."""
    options = arguments(words)
    return run_job("boot", lambda: boot(options), "nothing new")


if __name__ == "__main__":
    sys.exit(main())
