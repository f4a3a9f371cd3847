"""Verifying a series: every check on every commit, beside the user's tree."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from convert.errors import InputError
from convert.progress import Progress, silent
from convert.series.base import Base, GitBase
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.verify.applying import (
    APPLIES,
    Applied,
    SeriesFiles,
    applied,
    fingerprint,
    read_series_files,
    series_base_of,
)
from convert.verify.beside import beside
from convert.verify.boot.checks import CHECK as BOOT
from convert.verify.booting import BootGround
from convert.verify.checks_model import (
    Checked,
    CheckResult,
    NotRun,
    Prepared,
    ToolVersion,
    VerifyResult,
)
from convert.verify.coccinelle import COCCINELLE, check_coccinelle, memory_checks
from convert.verify.compiling import BUILD, SPARSE, WARNINGS, compile_commits
from convert.verify.configurations import KernelConfig, two_configurations
from convert.verify.kconfig import Family, find_family
from convert.verify.remembered import Remembered
from convert.verify.reviewing import REVIEW, check_review
from convert.verify.same import FRESH, REGENERATED, Regenerate, check_whole
from convert.verify.sources import Sources
from convert.verify.styling import STYLE, check_style
from convert.verify.tools import own_tools
from convert.verify.workplace import Workplace, workplace

_NO_BOOT = Checked((NotRun(BOOT, None, "not asked for (--boot)", asked=False),))
BUILD_CHECKS = (BUILD, WARNINGS, SPARSE)
CHECKS = (APPLIES, *BUILD_CHECKS, STYLE, COCCINELLE, REVIEW, BOOT, FRESH, REGENERATED)


class Booter(Protocol):
    """What boots the last commit: see `convert.verify.booting.SeriesBooter`."""

    def ground(self, prepared: Prepared) -> BootGround:
        """What can be done at any time, beside the builds."""
        ...

    def boot(self, prepared: Prepared, ground: BootGround) -> Checked:
        """Boot, and hand back the results."""
        ...


@dataclass(frozen=True)
class VerifyOptions:
    """What to check and where.

    build: compile the commits. configs: under which configurations; empty: the two that are found.
    boot: what boots the result, None if it is not asked for. jobs: how many things at a time.
    cache: where results and headers are kept between runs, None for nowhere. work: a directory of
    the user's for sources and objects that is kept; None for one that goes. scratch: where such
    ones are made.
    """

    scratch: Path
    build: bool = False
    configs: tuple[KernelConfig, ...] = ()
    boot: Booter | None = None
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    cache: Path | None = None
    work: Path | None = None


def verify_series(
    directory: Path,
    tree: KernelTree,
    options: VerifyOptions,
    regenerate: Regenerate,
    progress: Progress = silent,
) -> VerifyResult:
    """Check a series of mails against the tree that it is for.

    regenerate: makes the files that the tool gives for a command line. Raises InputError for a
    series or tree that cannot be read, and when the place to work in cannot be used.
    """
    start = time.monotonic()
    progress("reading the series")
    files = read_series_files(directory)
    base = series_base_of(tree, files)
    name = tree.name
    if isinstance(base, GitBase):  # of a work tree only what is committed counts
        tree = base.tree
    family = find_family(tree, (path.removeprefix(base.prefix) for path in files.touched))
    configs = options.configs or _configurations(family)
    with workplace(options.work, options.scratch) as place:
        progress("applying the patches")
        with applied(files, base, place.directory) as made:
            prepared = _prepared(tree, base, files, made, place, options, progress)
            checked = [Checked(made.results, own_tools())]
            checked += _all(prepared, files, base, tree, options, family, configs, regenerate)
            results = _completed(checked, files)
            tree_id = made.commits[-1].tree if made.commits and isinstance(base, GitBase) else None
        Remembered(prepared.cache).prune()
        notes = tuple(f"removed what a killed run left: {path}" for path in place.removed)
    return VerifyResult(
        series=str(directory),
        tree=name,
        revision=base.commit if isinstance(base, GitBase) else None,
        tree_id=tree_id,
        commits=files.titles,
        checks=CHECKS,
        results=results,
        tools=tuple(_tools(checked)),
        configurations=tuple((c.name, str(c)) for c in configs) if options.build else (),
        notes=notes,
        seconds=time.monotonic() - start,
    )


def _configurations(family: Family) -> tuple[KernelConfig, ...]:
    try:
        return two_configurations(family)
    except InputError:
        return ()


def _prepared(
    tree: KernelTree,
    base: Base,
    files: SeriesFiles,
    made: Applied,
    place: Workplace,
    options: VerifyOptions,
    progress: Progress,
) -> Prepared:
    sources = Sources(tree, base, made.repository, files.touched, place.directory)
    return Prepared(
        name=tree.name,
        fingerprint=fingerprint(tree, base),
        repository=made.repository,
        base=made.base,
        commits=made.commits,
        touched=tuple(path.removeprefix(base.prefix) for path in files.touched),
        work=place.directory,
        cache=options.cache / "verify" / "results" if options.cache else None,
        jobs=options.jobs,
        tree=sources.top,
        check_out=sources.check_out,
        progress=progress,
        prefix=base.prefix,
        plain=tree.root if isinstance(tree, DirectoryTree) else None,
    )


def _all(
    prepared: Prepared,
    files: SeriesFiles,
    base: Base,
    tree: KernelTree,
    options: VerifyOptions,
    family: Family,
    configs: Sequence[KernelConfig],
    regenerate: Regenerate,
) -> Iterator[Checked]:
    """The checks; those that wait for no compiler run in a process of their own."""
    if not prepared.commits:
        return
    if isinstance(base, GitBase):
        base.tree.close()  # its git process must not serve two of ours; each starts another

    def others(progress: Progress) -> tuple[Checked, Checked, Checked, BootGround]:
        own = replace(prepared, progress=progress)
        return (
            check_review(own, files.directory, files.digest, tree, options.cache),
            check_whole(own, files, base, tree, regenerate),
            check_coccinelle(own, memory_checks(tree)),
            options.boot.ground(own) if options.boot else BootGround(_NO_BOOT),
        )

    with beside(others, prepared.progress) as other:
        own = replace(prepared, progress=other.progress)
        style = check_style(own)
        built = _build(own, options, family, configs)
        review, whole, coccinelle, ground = other.result()
    yield from (review, whole, style, coccinelle, built)
    yield options.boot.boot(prepared, ground) if options.boot else _NO_BOOT


def _build(
    prepared: Prepared, options: VerifyOptions, family: Family, configs: Sequence[KernelConfig]
) -> Checked:
    if options.build and family.directories:
        return compile_commits(prepared, configs, family.directories)
    reason = "no file that kbuild builds is touched" if options.build else "not asked for (--build)"
    return Checked(
        tuple(
            NotRun(name, commit.number, reason, asked=False)
            for commit in prepared.commits
            for name in BUILD_CHECKS
        )
    )


def _completed(checked: Iterable[Checked], files: SeriesFiles) -> tuple[CheckResult, ...]:
    """All results, and for commits that did not apply that nothing else was checked of them."""
    results = [result for one in checked for result in one.results]
    present = {(result.check, result.commit) for result in results}
    for title in files.titles:
        for check in (*BUILD_CHECKS, STYLE, COCCINELLE, REVIEW):
            if (check, title.number) not in present:
                results.append(NotRun(check, title.number, "the patch was not applied"))
    for check in (BOOT, FRESH, REGENERATED):
        if not any(result.check == check for result in results):
            results.append(NotRun(check, None, "no patch applies"))
    return tuple(results)


def _tools(checked: Iterable[Checked]) -> Iterator[ToolVersion]:
    yield from dict.fromkeys(tool for one in checked for tool in one.tools)
