"""Hold the scope proofs of a real kernel's filesystem against a boot of it.

    python -m scripts.assert_boot [--kernel DIR] [--subject FILE] [--output DIR] [--again]

Makes the patch of `kmem-convert assert`, builds User-Mode Linux with and without it, boots both
under the workload of `verify --boot` and prints the counters of every proven site. The kernel is
found as by `make real`. Exit code 0 if no site ran outside of the scope, 1 if one did or a phase of
the workload failed, 2 if the job could not be run.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError, KmemConvertError
from convert.tree.cache import cache_dir
from convert.verify.boot.checks import (
    BootOutcome,
    BootRequest,
    NoKernel,
    boot_both,
    missing,
    unsuited,
    versions,
)
from convert.verify.boot.console import Counter
from scripts.boot import the_profile
from scripts.real import SUBJECT, find_kernel, mutter, say
from scripts.realkernel.conversion import Tool
from scripts.realkernel.subject import read_subject

_SITE = re.compile(r'\{ \.id = "(?P<id>[^"]+)", \.proven = true \}')


@dataclass(frozen=True)
class Counted:
    """The counters after a boot. silent: proven sites that no counter line names."""

    counters: tuple[Counter, ...]
    silent: tuple[str, ...]

    @property
    def contradicted(self) -> tuple[Counter, ...]:
        """The sites at which the scope was not open."""
        return tuple(counter for counter in self.counters if counter.violations)

    @property
    def reached(self) -> int:
        """How many sites ran at all."""
        return sum(counter.hits > 0 for counter in self.counters)


def counted(patch: str, counters: Sequence[Counter]) -> Counted:
    """The counters of a patch's sites. Raises InputError for a patch that asserts nothing."""
    sites = [found["id"] for found in _SITE.finditer(patch)]
    if not sites:
        raise InputError("the patch asserts no site")
    named = {counter.site for counter in counters}
    return Counted(tuple(counters), tuple(site for site in sites if site not in named))


def show(result: Counted) -> None:
    """Print every site with its counters, those that ran most first."""
    say(f"{'hits':>10} {'outside':>10}  site")
    for one in sorted(result.counters, key=lambda c: (-c.violations, -c.hits, c.site)):
        say(f"{one.hits:>10} {one.violations:>10}  {one.site}")
    for site in result.silent:
        say(f"{'-':>10} {'-':>10}  {site}")
    say(
        f"{len(result.counters)} sites counted, {result.reached} reached, "
        f"{len(result.contradicted)} outside of the scope"
    )


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Hold scope proofs against a boot.")
    parser.add_argument("--kernel", help="a kernel tree (default: Debian's package)")
    parser.add_argument("--subject", type=Path, default=SUBJECT, help="what to prove (TOML)")
    parser.add_argument("--output", type=Path, default=Path("build/assert"), help="results go here")
    parser.add_argument("--again", action="store_true", help="boot though nothing changed")
    return parser.parse_args(words)


def failed_phases(outcome: BootOutcome) -> list[str]:
    """The phases that only the kernel with counters failed."""
    base = {(p.boot, p.name) for p in outcome.base.phases if not p.passed}
    return [
        f"{p.boot}: {p.name}: {p.verdict}"
        for p in outcome.last.phases
        if not p.passed and (p.boot, p.name) not in base
    ]


def job(options: argparse.Namespace) -> int:
    """Do the job; the exit code. Raises KmemConvertError if it could not be done."""
    subject = read_subject(options.subject)
    profile = the_profile(subject)
    for tool in missing(profile):
        raise InputError(str(tool))
    if reason := unsuited():
        raise InputError(reason)
    kernel = find_kernel(options.kernel, cache_dir() / "real", subject)
    output = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    patch = output / "assert.patch"
    tool_run = Tool(Path(sys.executable).with_name("kmem-convert"), output)
    made = tool_run.done("assert", f"{kernel.repository}@base", subject.path, "-o", str(patch))
    say(made.errors.strip())
    request = BootRequest(
        repository=kernel.repository,
        base=kernel.base,
        commit=kernel.base,
        profile=profile,
        cache=cache_dir(),
        extra=(patch,),
        again=options.again,
    )
    outcome = boot_both(request, versions(profile), mutter)
    if isinstance(outcome, NoKernel):
        raise InputError(f"the kernel does not build: {'; '.join(outcome.errors)}")
    result = counted(patch.read_text(encoding="latin-1"), outcome.last.counters)
    show(result)
    failed = failed_phases(outcome)
    for text in failed:
        say(f"FAILED {text}")
    return 1 if failed or result.contradicted or result.silent else 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the job; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are ended, too
    start = time.monotonic()
    try:
        code = job(arguments(words))
    except KmemConvertError as error:
        print(f"assert_boot: {error}", file=sys.stderr)
        return 2
    words_of = {0: "every proof held", 1: "see above"}
    say(f"assert_boot: {words_of[code]}; {time.monotonic() - start:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
