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
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.boot.checks import BootOutcome, NoKernel, boot_both, versions
from convert.verify.boot.console import Counter
from scripts.real import mutter, say
from scripts.realkernel.booting import common_arguments, prepare, run_job

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
    ground = prepare(options)
    base, repository = ground.kernel.base, ground.kernel.repository
    patch = ground.output / "assert.patch"
    made = ground.tool.done("assert", f"{repository}@base", ground.subject.path, "-o", str(patch))
    say(made.errors.strip())
    outcome = boot_both(ground.request(base, [patch]), versions(ground.profile), mutter)
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
    parser = common_arguments("Hold scope proofs against a boot.", Path("build/assert"))
    options = parser.parse_args(words)
    return run_job("assert_boot", lambda: job(options), "every proof held")


if __name__ == "__main__":
    sys.exit(main())
