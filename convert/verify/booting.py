"""Booting the base and the last commit of a series, as one of its checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from convert.errors import InputError
from convert.series.check import nobody
from convert.verify.boot.checks import CHECK, BootRequest, boot_checks
from convert.verify.boot.profile import BootProfile, boot_profiles
from convert.verify.boot.together import together
from convert.verify.checks_model import Checked, NotRun, Prepared
from convert.verify.process import run
from convert.verify.scratch import git_directory

# Stream every file into one pack: 80,000 loose files would take three times as long.
_ADD = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=1", "add", "--all", "--force")
_WHOLE = ("-c", "core.sparseCheckout=false")  # the scratch repository has only what is touched
_NOT_OURS = ("--", ".", ":!.checkpatch-camelcase*")


def booter(cache: Path | None) -> Callable[[Prepared], Checked]:
    """What boots a series; ``cache``: where kernels and results are kept, None for nowhere."""
    return lambda prepared: boot_series(prepared, cache)


def boot_series(prepared: Prepared, cache: Path | None) -> Checked:
    """Boot with each profile that stands for a touched directory; the last commit is judged."""
    last = prepared.commits[-1]
    profiles = [profile for profile in boot_profiles() if _concerns(profile, prepared.touched)]
    if not profiles:
        known = ", ".join(path for profile in boot_profiles() for path in profile.paths)
        reason = f"no workload for what the series touches; there are some for {known}"
        return Checked((NotRun(CHECK, last.number, reason),))
    if prepared.prefix:
        reason = "the kernel does not lie at the top of its repository"
        return Checked((NotRun(CHECK, last.number, reason),))
    base, tip = (prepared.base, last.commit) if prepared.whole else whole_commits(prepared)
    done = [
        boot_checks(
            BootRequest(
                prepared.repository,
                base,
                tip,
                profile,
                last.number,
                cache,
                jobs=prepared.jobs,
            ),
            prepared.progress,
        )
        for profile in profiles
    ]
    return together(profiles, done, last.number)


def _concerns(profile: BootProfile, touched: tuple[str, ...]) -> bool:
    return any(path.startswith(f"{place}/") for place in profile.paths for path in touched)


def whole_commits(prepared: Prepared) -> tuple[str, str]:
    """Commit the base and the last commit with all files; their ids.

    For a plain directory the scratch repository holds only what the series touches, and a kernel
    is built from all of it. Takes a minute or two and the size of the kernel.
    """
    prepared.progress("committing the whole tree")
    found = []
    for commit in (prepared.base, prepared.commits[-1].commit):
        prepared.check_out(commit)
        _git(prepared, *_ADD, *_NOT_OURS)
        tree = _git(prepared, "write-tree")
        found.append(_git(prepared, "commit-tree", tree, "-m", "whole"))
    return found[0], found[1]


def _git(prepared: Prepared, *words: str) -> str:
    place = {
        "GIT_DIR": str(git_directory(prepared.repository)),
        "GIT_WORK_TREE": str(prepared.tree),
        "GIT_INDEX_FILE": str(prepared.work / "whole-index"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **nobody().environment(),
    }
    done = run(["git", *_WHOLE, *words], prepared.tree, place, merge=False, guard=True)
    if done.code:
        raise InputError(f"git {words[0]} of the whole tree: {done.errors.strip()}")
    return done.output.strip()
