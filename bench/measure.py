"""Running one command several times: wall time, processor time and peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.process import clean_environment


@dataclass(frozen=True)
class Timing:
    """Medians over the runs, in seconds; ``memory`` is the largest process's peak in MB."""

    wall: float
    processor: float
    memory: float
    runs: int


@dataclass(frozen=True)
class Job:
    """A command to measure. ``cold``: it gets an empty cache directory each time.

    ``codes`` are the exit codes that mean that it did its work.
    """

    name: str
    command: tuple[str, ...]
    cold: bool = False
    codes: tuple[int, ...] = (0,)


def measure(job: Job, cwd: Path, runs: int) -> Timing:
    """Run the job; the first run of a job that is not cold is not counted (it fills caches).

    Raises InputError if the job fails.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as shared:
        rows = [_once(job, cwd, Path(shared)) for _ in range(runs if job.cold else runs + 1)]
    counted = rows if job.cold else rows[1:]
    walls, processors, memories = zip(*counted, strict=True)
    return Timing(
        statistics.median(walls), statistics.median(processors), max(memories), len(counted)
    )


def pin_to_one_core() -> None:
    """Let this process and its children use one core only, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _once(job: Job, cwd: Path, shared: Path) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(prefix="bench-") as fresh, tempfile.TemporaryFile() as said:
        cache = fresh if job.cold else str(shared)
        start = time.monotonic()
        process = subprocess.Popen(
            job.command,
            cwd=cwd,
            env=clean_environment({"XDG_CACHE_HOME": cache}),
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        code, usage = _wait(process)
        wall = time.monotonic() - start
        if code not in job.codes:
            said.seek(0)
            words = said.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            raise InputError(f"{job.name}: exit code {code}: {' '.join(words)}")
    return wall, usage[0], usage[1]


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, tuple[float, float]]:
    """Wait for the process; its exit code, processor seconds and peak memory in MB."""
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, (usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def spatch(patch: Path, under: Sequence[str]) -> tuple[str, ...]:
    """Coccinelle on one core, without reading headers, as its users run it on a filesystem."""
    places = tuple(word for path in under for word in ("--dir", path))
    return ("spatch", "--very-quiet", "--no-includes", "-j", "1", "--sp-file", str(patch), *places)
