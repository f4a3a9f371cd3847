"""Booting the base and the last commit of a series, as one of its checks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.series.check import nobody
from convert.series.templates import template_root
from convert.tree.store import code_digest
from convert.verify.boot.checks import (
    CHECK,
    BootRequest,
    boot_checks,
    missing,
    unsuited,
    versions,
)
from convert.verify.boot.profile import BootProfile, boot_profiles
from convert.verify.boot.together import together
from convert.verify.checked_json import checked_document, load_checked
from convert.verify.checks_model import Checked, NotRun, Prepared
from convert.verify.process import run
from convert.verify.remembered import Remembered
from convert.verify.scratch import git, git_directory
from convert.verify.sources import built_pathspecs
from convert.verify.tools import version_of

# Stream every file into one pack: 80,000 loose files would take three times as long.
_ADD = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=1", "add", "--all", "--force")
_WHOLE = ("-c", "core.sparseCheckout=false")  # the scratch repository has only what is touched


@dataclass(frozen=True)
class BootGround:
    """What is known before anything is built. known: the result, if nothing has to be booted;
    else base, tip: the commits to boot, with all their files."""

    known: Checked | None = None
    base: str = ""
    tip: str = ""


@dataclass(frozen=True)
class SeriesBooter:
    """Boots a series; ``cache``: where kernels and results are kept, None for nowhere."""

    cache: Path | None

    def ground(self, prepared: Prepared) -> BootGround:
        """What can be done at any time: `boot` needs it. Reads the tree, changes no checkout."""
        last = prepared.commits[-1]
        profiles = _profiles(prepared)
        if not profiles:
            known = ", ".join(path for profile in boot_profiles() for path in profile.paths)
            reason = f"no workload for what the series touches; there are some for {known}"
            return BootGround(Checked((NotRun(CHECK, last.number, reason),)))
        if prepared.prefix:
            reason = "the kernel does not lie at the top of its repository"
            return BootGround(Checked((NotRun(CHECK, last.number, reason),)))
        if known_results := load_checked(Remembered(prepared.cache).load(_key(prepared))):
            return BootGround(known_results)
        if prepared.plain is None or unsuited() or all(map(missing, profiles)):
            return BootGround(None, prepared.base, last.commit)
        return BootGround(None, *whole_commits(prepared, prepared.plain))

    def boot(self, prepared: Prepared, ground: BootGround) -> Checked:
        """Boot with each profile that stands for a touched directory; the last commit is judged."""
        if ground.known is not None:
            return ground.known
        number = prepared.commits[-1].number
        profiles = _profiles(prepared)
        done = [
            boot_checks(
                BootRequest(
                    prepared.repository,
                    ground.base,
                    ground.tip,
                    profile,
                    number,
                    self.cache,
                    jobs=prepared.jobs,
                ),
                prepared.progress,
            )
            for profile in profiles
        ]
        checked = together(profiles, done, number)
        if not any(isinstance(result, NotRun) for result in checked.results):
            Remembered(prepared.cache).store(_key(prepared), checked_document(checked))
        return checked


def booter(cache: Path | None) -> SeriesBooter:
    """What boots a series; ``cache``: where kernels and results are kept, None for nowhere."""
    return SeriesBooter(cache)


def _profiles(prepared: Prepared) -> list[BootProfile]:
    return [profile for profile in boot_profiles() if _concerns(profile, prepared.touched)]


def _key(prepared: Prepared) -> dict[str, object]:
    """All that the result depends on; kernels and consoles have finer keys of their own."""
    templates = hashlib.sha256()
    for file in sorted((template_root() / "boot").iterdir()):
        templates.update(file.read_bytes())
    tools = [versions(profile) for profile in _profiles(prepared) if not missing(profile)]
    return {
        "check": CHECK,
        "base": prepared.fingerprint,
        "tree": prepared.commits[-1].tree,
        "number": prepared.commits[-1].number,
        "tools": [[tool.name, tool.version] for each in tools for tool in each],
        "linker": version_of("ld"),
        "code": code_digest(("verify/boot", "verify/booting.py")),
        "templates": templates.hexdigest(),
    }


def _concerns(profile: BootProfile, touched: tuple[str, ...]) -> bool:
    return any(path.startswith(f"{place}/") for place in profile.paths for path in touched)


def whole_commits(prepared: Prepared, directory: Path) -> tuple[str, str]:
    """Commit the base and the last commit with all files; their ids.

    The scratch repository holds only what the series touches of a plain directory, and a kernel is
    built from all of it. Takes a minute and a quarter of the kernel's size.
    """
    prepared.progress("committing the whole tree")
    last = prepared.commits[-1].commit
    found = []
    for step in ("base", "last"):
        if step == "base":
            _git(prepared, directory, *_ADD, "--", ".", *built_pathspecs())
        else:
            _git(prepared, directory, "update-index", "-z", "--index-info", stdin=_rows(prepared))
        tree = _git(prepared, directory, "write-tree")
        found.append(_git(prepared, directory, "commit-tree", tree, "-m", f"whole, {step} {last}"))
    return found[0], found[1]


def _rows(prepared: Prepared) -> str:
    """What the series changes, as the index wants it: mode, blob and path of each file."""
    words = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev")
    raw = git(prepared.repository, *words, prepared.base, prepared.commits[-1].commit)
    cells = raw.split("\0")
    heads = (head.lstrip(":").split() for head in cells[0:-1:2])
    return "".join(f"{h[1]} {h[3]}\t{path}\0" for h, path in zip(heads, cells[1::2], strict=True))


def _git(prepared: Prepared, directory: Path, *words: str, stdin: str = "") -> str:
    place = {
        "GIT_DIR": str(git_directory(prepared.repository)),
        "GIT_WORK_TREE": str(directory),
        "GIT_INDEX_FILE": str(prepared.work / "whole-index"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **nobody().environment(),
    }
    done = run(["git", *_WHOLE, *words], directory, place, stdin, merge=False, guard=True)
    if done.code:
        raise InputError(f"git {words[0]} of the whole tree: {done.errors.strip()}")
    return done.output.strip()
