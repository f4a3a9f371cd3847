"""The check "boot": build a kernel of the base and of the last commit, boot both, compare."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from convert.errors import InputError
from convert.progress import Progress
from convert.verify.boot import compare
from convert.verify.boot.compare import KernelRun
from convert.verify.boot.launch import (
    SOCKET,
    TOOLS,
    Booted,
    Machine,
    no_core_dumps,
    processors,
)
from convert.verify.boot.patching import DebugPatch
from convert.verify.boot.profile import BootProfile, PrimedLock, read_hooks
from convert.verify.boot.results import load_boots, save_boots, workload_key
from convert.verify.boot.uml import KernelBuilt, KernelFailed, UmlBuild
from convert.verify.build import TOOLS as BUILD_TOOLS
from convert.verify.checks_model import (
    BASE,
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    ToolVersion,
)
from convert.verify.process import ToolMissing, first_missing, run
from convert.verify.scratch import git

CHECK = "boot"
_PREFIX = "kmem-convert-boot-"
_RANDOM = "xxxxxxxx"  # what tempfile puts behind the prefix
_SOCKET_NAME = 108  # bytes of a socket's name, with the one that ends it (unix(7))


@dataclass(frozen=True)
class BootRequest:
    """What to boot and how.

    repository: holds ``base`` and ``commit`` (any revisions or trees). number: of the commit in
    its series, for the results. cache: where kernels and results are kept between runs, None to
    keep nothing. work: where directories are made that go with the run, None for the system's.
    extra: patches that are applied to the commit (not to the base) before it is built, such as
    what `kmem-convert assert` prints. locks: replace those of the profile in lockdep priming.
    kasan: build with KASAN, which finds more and takes more time. again: boot even if the same
    kernel was booted with the same workload before.
    """

    repository: Path
    base: str
    commit: str
    profile: BootProfile
    number: int | None = None
    cache: Path | None = None
    work: Path | None = None
    extra: tuple[Path, ...] = ()
    locks: tuple[PrimedLock, ...] | None = None
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    kasan: bool = False
    again: bool = False


@dataclass(frozen=True)
class BootOutcome:
    """Both kernels' runs beside each other, and what follows from them."""

    base: KernelRun
    last: KernelRun
    findings: tuple[CheckFinding, ...]
    notes: tuple[str, ...]
    cached: bool
    seconds: float


@dataclass(frozen=True)
class NoKernel:
    """A kernel could not be built, so that nothing could be compared."""

    of_base: bool
    errors: tuple[str, ...]
    seconds: float


def boot_checks(request: BootRequest, progress: Progress) -> Checked:
    """Build and boot the base and the commit; one result for each.

    Raises InputError if the repository has no such commits or an extra patch does not apply.
    """
    if absent := missing(request.profile):
        return Checked(tuple(absent_result(tool, request.number) for tool in absent))
    if reason := unsuited(request.work):
        return Checked((NotRun(CHECK, request.number, reason),))
    tools = versions(request.profile)
    outcome = boot_both(request, tools, progress)
    return Checked(tuple(results(outcome, request.number)), tools)


def absent_result(tool: ToolMissing, number: int | None) -> NotRun:
    """A missing tool as a result."""
    return NotRun(CHECK, number, str(tool), tool.package)


def missing(profile: BootProfile) -> tuple[ToolMissing, ...]:
    """The first program that is not installed (one: a result holds one reason), or none."""
    needed = [*BUILD_TOOLS, *TOOLS, *((tool.command, tool.package) for tool in profile.tool)]
    found = first_missing(needed)
    return (found,) if found else ()


def unsuited(work: Path | None = None) -> str:
    """Why this machine cannot run User-Mode Linux, "" if it can. work: as in `BootRequest`."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"User-Mode Linux runs on x86_64 Linux only, this is {platform.machine()}"
    place = Path(work or tempfile.gettempdir()).absolute()
    name = f"{place}/{_PREFIX}{_RANDOM}/{SOCKET}"
    if (length := len(os.fsencode(name))) >= _SOCKET_NAME:
        over = length - _SOCKET_NAME + 1
        return f"{place}: {over} characters too long for the sockets in it; shorten TMPDIR"
    return ""


def boot_both(
    request: BootRequest, tools: Sequence[ToolVersion], progress: Progress
) -> BootOutcome | NoKernel:
    """Build both kernels, boot them side by side, compare."""
    start = time.monotonic()
    with _place(request) as place:
        kernels = _kernels(request, place, progress)
        if isinstance(kernels, NoKernel):
            return kernels
        key = workload_key(request.profile, tools)
        boots = _boots(request, place, kernels, key, progress)
    runs = tuple(compare.read_run(request.profile, booted) for booted, _ in boots)
    found = tuple(compare.differences(request.profile, *runs))
    missing_hooks = tuple(f"not checked, as this kernel differs: {n}" for n in kernels[1].missing)
    notes = (*missing_hooks, *compare.notes(*runs))
    cached = all(known for _, known in boots)
    return BootOutcome(runs[0], runs[1], found, notes, cached, time.monotonic() - start)


def results(outcome: BootOutcome | NoKernel, number: int | None) -> Iterator[CheckResult]:
    """The outcome in the terms that all checks share: the base's result, then the commit's."""
    if isinstance(outcome, NoKernel):
        findings = tuple(CheckFinding("", None, error, "UML") for error in outcome.errors)
        which = BASE if outcome.of_base else number
        yield Failed(CHECK, which, findings, outcome.seconds, "the kernel does not build")
        if outcome.of_base:
            yield NotRun(CHECK, number, "the kernel of the base does not build")
        return
    base, last = outcome.base, outcome.last
    yield Passed(CHECK, BASE, base.seconds, _summary(base), outcome.cached)
    shared = {"detail": _summary(last), "cached": outcome.cached, "notes": outcome.notes}
    if outcome.findings:
        yield Failed(CHECK, number, outcome.findings, last.seconds, **shared)  # type: ignore[arg-type]
    else:
        yield Passed(CHECK, number, last.seconds, **shared)  # type: ignore[arg-type]


def _summary(kernel: KernelRun) -> str:
    passed = sum(phase.passed for phase in kernel.phases)
    boots = len({phase.boot for phase in kernel.phases})
    reports = len(kernel.reports)
    return f"{boots} boots, {passed} of {len(kernel.phases)} phases passed, {reports} reports"


def versions(profile: BootProfile) -> tuple[ToolVersion, ...]:
    """The programs that the result rests on, with what they say of themselves."""
    commands = [("gcc", "--version"), ("make", "--version"), ("taskset", "--version")]
    commands += [(tool.command, tool.version) for tool in profile.tool]
    said = (
        (name, run([name, *flag.split()], Path.cwd()).output.splitlines())
        for name, flag in commands
    )
    return tuple(ToolVersion(name, lines[0].strip() if lines else "") for name, lines in said)


@contextmanager
def _place(request: BootRequest) -> Iterator[Path]:
    """The directory that is kept, or one that goes with the run."""
    if request.cache is not None:
        variant = "-kasan" if request.kasan else ""  # another configuration: objects of its own
        yield request.cache.absolute() / "boot" / f"{request.profile.filesystem}{variant}"
        return
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=request.work) as name:
        yield Path(name)


def _kernels(
    request: BootRequest, place: Path, progress: Progress
) -> tuple[KernelBuilt, KernelBuilt] | NoKernel:
    profile = _with_locks(request.profile, request.locks)
    patch = DebugPatch(profile, read_hooks(), place / "git")
    enable = (*profile.enable, *(("KASAN",) if request.kasan else ()))
    build = UmlBuild(place, patch, enable, profile.wanted, request.jobs)
    built: list[KernelBuilt] = []
    with build.locked(request.repository, progress):
        for revision, extra in ((request.base, ()), (request.commit, request.extra)):
            of_base = not built
            name = "base" if of_base else "last commit"
            progress(f"building User-Mode Linux of the {name}")
            tree = git(request.repository, "rev-parse", f"{revision}^{{tree}}").strip()
            kernel = build.build(tree, extra)
            if isinstance(kernel, KernelFailed):
                return NoKernel(of_base, kernel.errors, kernel.seconds)
            cached = ", from an earlier run" if kernel.cached else ""
            progress(f"kernel of the {name}: {kernel.seconds:.0f} s{cached}")
            built.append(kernel)
    return built[0], built[1]


def _with_locks(profile: BootProfile, locks: tuple[PrimedLock, ...] | None) -> BootProfile:
    if locks is None:
        return profile
    if profile.priming is None:
        raise InputError(f"{profile.filesystem}: the profile names no file for lockdep priming")
    priming = profile.priming.model_copy(update={"lock": locks})
    return profile.model_copy(update={"priming": priming})


_Boots = tuple[tuple[Booted, ...], bool]


def _boots(
    request: BootRequest,
    place: Path,
    kernels: tuple[KernelBuilt, ...],
    key: str,
    progress: Progress,
) -> tuple[_Boots, ...]:
    """Boot the kernels side by side, each on a processor; the consoles, and if they were kept."""
    no_core_dumps()
    cpus = processors()
    stop = Event()

    def one(number: int) -> _Boots:
        kernel = kernels[number]
        name = ("base", "last commit")[number]
        kept = place / "boots" / f"{kernel.key}-{key}.json"
        known = None if request.again else load_boots(kept)
        if known is not None:
            return known, True
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=request.work) as work:
            machine = Machine(
                kernel.program, request.profile, Path(work), cpus[number % len(cpus)], stop
            )
            booted = tuple(machine.boot_all(lambda text: progress(f"{name}: {text}")))
        save_boots(kept, booted)
        return booted, False

    with ThreadPoolExecutor(max_workers=min(len(kernels), len(cpus))) as pool:
        try:
            same = kernels[0].key == kernels[1].key  # a series that changes no code
            found = list(pool.map(one, range(1 if same else len(kernels))))
        except BaseException:
            stop.set()  # Ctrl-C or a failure in one: the other must not go on
            raise
    return (found[0], found[-1])


__all__ = [
    "BootOutcome",
    "BootRequest",
    "NoKernel",
    "boot_both",
    "boot_checks",
    "results",
]
