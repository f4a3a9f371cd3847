"""Hold the scope proofs of a real kernel's filesystem against a boot of it.

    python -m scripts.assert_boot [--kernel DIR] [--subject FILE] [--output DIR] [--again]
                                  [--recipe exact|proven|scoped|upstream]

Makes the patch of `kmem-convert assert`, builds User-Mode Linux with and without it, boots both
under the workload of `verify --boot` and prints the counters of every proven site. The kernel is
found as by `make real`. With --recipe the kernel is converted first, and what is counted is the
result: every mask that lost NOFS because of a scope has to be among the sites. Exit code 0 if no
site ran outside of the scope, 1 if one did, a mask is not counted or a phase of the workload
failed, 2 if the job could not be run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.boot.checks import BootOutcome, NoKernel, boot_both, versions
from convert.verify.boot.console import Counter
from convert.verify.process import run
from convert.verify.scratch import git
from scripts.real import mutter, say
from scripts.realkernel.asserted import Asserted, Place, read_patch, resting_on_scopes
from scripts.realkernel.booting import Ground, common_arguments, prepare, run_job

BRANCH = "kmem-convert-assert"
OTHERS = "masks that are as they were"
RECIPES = ("exact", "proven", "scoped", "upstream")


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


def counted(asserted: Asserted, counters: Sequence[Counter]) -> Counted:
    """The counters of a patch's sites."""
    named = {counter.site for counter in counters}
    silent = tuple(site for site in asserted.sites.values() if site not in named)
    return Counted(tuple(counters), silent)


def not_asserted(asserted: Asserted, lost: Mapping[Place, str]) -> list[Place]:
    """The places that lost NOFS because of a scope, and have no counter of a proven site."""
    return sorted(place for place in lost if not asserted.places.get(place))


def by_kind(result: Counted, asserted: Asserted, lost: Mapping[Place, str]) -> list[str]:
    """A line for each reason why a mask has no NOFS: its sites, and what they counted."""
    kinds = dict.fromkeys(asserted.sites.values(), OTHERS)
    for place, why in lost.items():
        kinds |= {asserted.sites[number]: why for number in asserted.places.get(place, ())}
    lines = []
    for kind in sorted(set(kinds.values())):
        own = [one for one in result.counters if kinds.get(one.site, OTHERS) == kind]
        hits, outside = sum(one.hits for one in own), sum(one.violations for one in own)
        reached = sum(one.hits > 0 for one in own)
        lines.append(f"{kind}: {len(own)} sites, {reached} reached, {hits} hits, {outside} outside")
    return lines


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


def convert(ground: Ground, recipe: str | None) -> str:
    """Convert the kernel by a recipe; the branch with the result (None: the base as it is)."""
    if recipe is None:
        return "base"
    repository = ground.kernel.repository
    if git(repository, "branch", "--list", BRANCH):
        run(["git", "branch", "--quiet", "--delete", "--force", BRANCH], repository)
    words = (str(repository), ground.subject.path, "--recipe", recipe, "--branch", BRANCH)
    ground.tool.done("apply", *words)
    return BRANCH


def job(options: argparse.Namespace) -> int:
    """Do the job; the exit code. Raises KmemConvertError if it could not be done."""
    ground = prepare(options)
    repository = ground.kernel.repository
    branch = convert(ground, options.recipe)
    patch = ground.output / "assert.patch"
    tree = f"{repository}@{branch}"
    say(ground.tool.done("assert", tree, ground.subject.path, "-o", str(patch)).errors.strip())
    asserted = read_patch(patch.read_text(encoding="latin-1"))
    lost = resting_on_scopes(repository, ground.kernel.base, branch)
    failed = [f"{file}:{line}: not counted" for file, line in not_asserted(asserted, lost)]
    outcome = boot_both(ground.request(branch, [patch]), versions(ground.profile), mutter)
    if isinstance(outcome, NoKernel):
        raise InputError(f"the kernel does not build: {'; '.join(outcome.errors)}")
    result = counted(asserted, outcome.last.counters)
    show(result)
    for text in by_kind(result, asserted, lost):
        say(text)
    failed += failed_phases(outcome)
    for text in failed:
        say(f"FAILED {text}")
    return 1 if failed or result.contradicted or result.silent else 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the job; the exit code."""
    parser = common_arguments("Hold scope proofs against a boot.", Path("build/assert"))
    parser.add_argument("--recipe", choices=RECIPES, help="convert first (default: the base)")
    options = parser.parse_args(words)
    return run_job("assert_boot", lambda: job(options), "every proof held")


if __name__ == "__main__":
    sys.exit(main())
