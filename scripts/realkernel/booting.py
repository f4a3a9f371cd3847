"""What the scripts that boot a real kernel do before they boot it."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError, KmemConvertError
from convert.tree.cache import cache_dir
from convert.verify.boot.checks import BootRequest, missing, unsuited
from convert.verify.boot.profile import BootProfile, boot_profiles, profiles_for
from scripts.real import SUBJECT, find_kernel, say
from scripts.realkernel.conversion import Tool
from scripts.realkernel.kernels import Kernel
from scripts.realkernel.subject import Subject, read_subject


@dataclass(frozen=True)
class Ground:
    """A kernel that can be booted here. ``output``: an existing directory for results."""

    kernel: Kernel
    subject: Subject
    profile: BootProfile
    output: Path
    again: bool

    @property
    def tool(self) -> Tool:
        """The tool as a user has it."""
        return Tool(Path(sys.executable).with_name("kmem-convert"), self.output)

    def request(self, commit: str, extra: Sequence[Path] = (), kasan: bool = False) -> BootRequest:
        """Boot a commit with some patches on top, and the kernel's base."""
        return BootRequest(
            repository=self.kernel.repository,
            base=self.kernel.base,
            commit=commit,
            profile=self.profile,
            cache=cache_dir(),
            extra=tuple(extra),
            kasan=kasan,
            again=self.again,
        )


def common_arguments(description: str, output: Path) -> argparse.ArgumentParser:
    """A parser with the options that all of these scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kernel", help="a kernel tree (default: Debian's package)")
    parser.add_argument("--subject", type=Path, default=SUBJECT, help="what to convert (TOML)")
    parser.add_argument("--output", type=Path, default=output, help="results go here")
    parser.add_argument("--again", action="store_true", help="boot though nothing changed")
    return parser


def prepare(options: argparse.Namespace) -> Ground:
    """Find the kernel and what booting it needs. Raises InputError if something is missing."""
    subject = read_subject(options.subject)
    found = profiles_for([subject.path], boot_profiles())
    if not found:
        raise InputError(f"no boot profile for {subject.path}")
    for tool in missing(found[0]):
        raise InputError(str(tool))
    if reason := unsuited():
        raise InputError(reason)
    kernel = find_kernel(options.kernel, cache_dir() / "real", subject)
    output: Path = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    return Ground(kernel, subject, found[0], output, options.again)


def run_job(name: str, job: Callable[[], int], verdict: str) -> int:
    """Run a job to its exit code and say how it ended; 2 if it could not be run.

    verdict: what it means that the job ends with 0.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are ended, too
    start = time.monotonic()
    try:
        code = job()
    except KmemConvertError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = f"{time.monotonic() - start:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processors"
    say(f"{name}: {verdict if code == 0 else 'see above'}; {spent}")
    return code
