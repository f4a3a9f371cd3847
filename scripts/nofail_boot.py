"""Boot a kernel with nofail scopes while its allocations fail, beside its base.

    python -m scripts.nofail_boot TREE SERIES [--first N] [--percent P] [--both FILE] [--boot NAME]
                                  [--only base|last] [--every] [--cache DIR] [--output DIR]

TREE: a kernel tree, or DIR@REV of a git repository. SERIES: the directory that `kmem-convert
series --nofail-scopes` wrote; with --first, only its first N patches. --both: a patch for both
kernels, such as a fix that the base lacks. --every: build what each patch gives, before the last is
booted. --cache: where kernels are built and kept (3 GB). The
workload is that of `verify --boot`, in phases of its own (scripts/nofailboot/*.toml); it needs what
`verify --boot` needs.

Prints what failed, what gave NULL although it must not, what still fails, what lockdep and KUnit
said, and what a scope costs. Exit code 0 if no covered call gave NULL, KUnit passed, and the kernel
reports nothing that it does not report of the base; 1 otherwise, 2 if the job could not be run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from convert.errors import InputError
from convert.tree.cache import cache_dir
from convert.tree.open import open_tree
from convert.verify.boot.checks import missing, unsuited
from convert.verify.boot.launch import Booted, Machine, no_core_dumps, processors
from convert.verify.boot.patching import DebugPatch
from convert.verify.boot.profile import BootProfile, read_hooks
from convert.verify.boot.uml import KernelBuilt, KernelFailed, UmlBuild
from convert.verify.scratch import git
from scripts.nofailboot.reading import read_faulted
from scripts.nofailboot.results import results_patch
from scripts.nofailboot.showing import judged
from scripts.nofailboot.workload import Workload, read_workload
from scripts.real import mutter, say
from scripts.realkernel.booting import run_job
from scripts.realkernel.kernels import directory_kernel

_TEST = "MEMALLOC_NOFAIL_KUNIT_TEST"
_WORKLOAD = Path(__file__).with_name("nofailboot") / "xfs.toml"


@dataclass(frozen=True)
class Job:
    """What is built and booted. series: patches in their order; both: patches for both kernels."""

    repository: Path
    revision: str
    series: tuple[Path, ...]
    both: tuple[Path, ...]
    workload: Workload
    cache: Path
    output: Path
    jobs: int

    @property
    def profile(self) -> BootProfile:
        """The profile with the boots of this job."""
        return self.workload.profile


def find_tree(spec: str) -> tuple[Path, str]:
    """The repository and revision of a tree; a plain directory is committed to one of ours."""
    directory, at, revision = spec.rpartition("@")
    if at:
        return Path(directory).absolute(), revision
    kernel = directory_kernel(Path(spec), cache_dir() / "real", mutter)
    return kernel.repository, kernel.base


def find_series(directory: Path, first: int | None) -> tuple[Path, ...]:
    """The patches of a series without its cover letter. Raises InputError if there are none."""
    found = tuple(
        file.absolute()
        for file in sorted(directory.glob("[0-9][0-9][0-9][0-9]-*.patch"))
        if not file.name.startswith("0000-")
    )
    if not found:
        raise InputError(f"{directory}: no patches NNNN-*.patch")
    return found[:first]


def build(job: Job, work: Path, which: str) -> KernelBuilt:
    """Build one of the two kernels. Raises InputError with the first errors if that fails."""
    counting = work / "results.patch"
    tree = open_tree(f"{job.repository}@{job.revision}")
    counting.write_text(results_patch(tree, job.workload.folder), encoding="latin-1")
    own = job.series if which == "last" else ()
    tested = any(_TEST in file.read_text(encoding="latin-1") for file in own)
    patch = DebugPatch(job.profile, read_hooks(), job.cache / "git")
    enable = (*job.profile.enable, "KUNIT", *((_TEST,) if tested else ()))
    builder = UmlBuild(job.cache, patch, enable, job.profile.wanted, job.jobs)
    with builder.locked(job.repository, mutter):
        mutter(f"building User-Mode Linux: {which}")
        commit = git(job.repository, "rev-parse", f"{job.revision}^{{tree}}").strip()
        kernel = builder.build(commit, (*job.both, *own, counting))
    if isinstance(kernel, KernelFailed):
        raise InputError(f"the kernel does not build ({which}): {'; '.join(kernel.errors)}")
    mutter(f"{which}: {kernel.seconds:.0f} s{', from an earlier run' if kernel.cached else ''}")
    return kernel


def boot(job: Job, work: Path, which: str) -> tuple[Booted, ...]:
    """Build and boot one kernel; its consoles are kept in the output directory."""
    kernel = build(job, work, which)
    place = work / which
    place.mkdir()
    machine = Machine(kernel.program, job.profile, place, processors()[0], Event())
    booted = tuple(machine.boot_all(lambda text: mutter(f"{which}: {text}")))
    for one in booted:
        file = job.output / f"{which}-{one.name}.console"
        file.write_text(one.console, encoding="utf-8")
    return booted


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Boot nofail scopes under failing allocations.")
    parser.add_argument("tree", help="a kernel tree, or DIR@REV")
    parser.add_argument("series", type=Path, help="a directory of patches")
    parser.add_argument("--first", type=int, metavar="N", help="only the first N patches")
    parser.add_argument("--percent", type=int, help="how many allocations fail (default: 30)")
    parser.add_argument("--both", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--boot", action="append", metavar="NAME", help="only these boots")
    parser.add_argument("--only", choices=("base", "last"), help="only one of the two kernels")
    parser.add_argument("--every", action="store_true", help="build what each patch gives")
    parser.add_argument("--workload", type=Path, default=_WORKLOAD, help="boots (TOML)")
    parser.add_argument("--cache", type=Path, help="kernels (default: the user's cache)")
    parser.add_argument("--jobs", type=int, default=2, help="of make")
    parser.add_argument("--output", type=Path, default=Path("build/nofail"), help="consoles")
    return parser.parse_args(words)


def job(options: argparse.Namespace) -> int:
    """Do the job; the exit code. Raises KmemConvertError if it could not be done."""
    workload = read_workload(options.workload, options.percent, options.boot)
    for tool in missing(workload.profile):
        raise InputError(str(tool))
    if reason := unsuited():
        raise InputError(reason)
    series = find_series(options.series, options.first)
    repository, revision = find_tree(options.tree)
    output: Path = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    both = tuple(file.absolute() for file in options.both)
    name = f"{workload.profile.filesystem}-nofail"
    cache = (options.cache or cache_dir() / "boot" / name).absolute()
    what = Job(repository, revision, series, both, workload, cache, output, options.jobs)
    no_core_dumps()
    kernels = {}
    with tempfile.TemporaryDirectory(prefix="kmem-convert-boot-") as work:
        for number in range(1, len(series)) if options.every else ():
            mutter(f"{number} of {len(series)} patches")
            build(replace(what, series=series[:number]), Path(work), "last")
        for which in (options.only,) if options.only else ("base", "last"):
            booted = boot(what, Path(work), which)
            kernels[which] = read_faulted(what.profile, booted)
    verdict = judged(kernels)
    for line in verdict.lines:
        say(line)
    return 1 if verdict.wrong else 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the job; the exit code."""
    options = arguments(words)
    return run_job("nofail_boot", lambda: job(options), "every covered call gave memory")


if __name__ == "__main__":
    sys.exit(main())
