"""`make real`: the main job on a real kernel, as a user would run it, checked from outside.

    python -m scripts.real [--kernel DIR] [--output DIR] [--config FILE | --no-build | --where]

Without a directory, Debian's kernel source package is fetched (by name, with apt-get) and kept in
the user's cache directory. Exit code 0 if every statement holds, 1 if one does not, 2 if the job
could not be run.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from convert.errors import KmemConvertError
from convert.tree.cache import cache_dir
from scripts.realkernel.checks import Check
from scripts.realkernel.compiling import verify
from scripts.realkernel.conversion import Tool, account, after, make_commits, make_report
from scripts.realkernel.frees import compare_frees
from scripts.realkernel.hazards import RECIPE as HAZARDS_RECIPE
from scripts.realkernel.hazards import hazards
from scripts.realkernel.kernels import Kernel, debian_kernel, directory_kernel
from scripts.realkernel.meaning import meaning
from scripts.realkernel.subject import Subject, read_subject

SUBJECT = Path(__file__).with_name("realkernel") / "xfs.toml"


def say(text: str) -> None:
    """Print a line at once: some of the steps take minutes."""
    print(text, flush=True)


def mutter(text: str) -> None:
    """The same for what is under way, beside the results."""
    print(text, file=sys.stderr, flush=True)


def find_kernel(directory: str | None, cache: Path, subject: Subject) -> Kernel:
    """The kernel to work on."""
    if directory:
        return directory_kernel(Path(directory), cache, mutter)
    return debian_kernel(subject.package, cache, mutter)


def all_checks(
    kernel: Kernel, subject: Subject, output: Path, build: bool, config: Path | None
) -> Iterator[Check]:
    """Run everything, in the order in which a person would."""
    tool = Tool(Path(sys.executable).with_name("kmem-convert"), output)
    inventory = tool.done("inventory", str(kernel.repository), subject.path)
    (output / "inventory.txt").write_text(inventory.output, encoding="utf-8")
    report, checks = make_report(tool, kernel, subject)
    yield from checks
    yield from account(kernel, subject, report)
    yield from compare_frees(
        report, kernel.repository, subject.path, subject.frees, cache_dir() / "real", mutter
    )
    yield from make_commits(tool, kernel, subject, output)
    yield from meaning(tool, kernel, subject, report, output)
    yield from after(tool, kernel, subject, report)
    if build:
        yield from verify(tool, kernel, output, config)
    if subject.hazards:
        yield from hazards(tool, kernel, subject, subject.hazards, output)
        if build:  # the first commits are those of recipe "exact", which are not built again
            yield from verify(tool, kernel, output, config, HAZARDS_RECIPE)


def show(checks: Iterable[Check]) -> list[Check]:
    """Print each check when it is known; returns those that do not hold."""
    failed: list[Check] = []
    for check in checks:
        say(f"{'  ok  ' if check.holds else 'FAILED'}  {check.statement}")
        for fact in check.facts:
            say(f"            {fact}")
        if not check.holds:
            failed.append(check)
    return failed


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="The main job on a real kernel, checked.")
    parser.add_argument("--kernel", help="a kernel tree (default: Debian's package)")
    parser.add_argument("--subject", type=Path, default=SUBJECT, help="what to convert (TOML)")
    parser.add_argument("--output", type=Path, default=Path("build/real"), help="results go here")
    parser.add_argument("--no-build", action="store_true", help="do not compile the commits")
    parser.add_argument(
        "--config", type=Path, help="compile under this one configuration fragment (default: two)"
    )
    parser.add_argument("--where", action="store_true", help="only print the kernel's directory")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the job; the exit code."""
    options = arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are ended, too
    start = time.monotonic()
    try:
        subject = read_subject(options.subject)
        kernel = find_kernel(options.kernel, cache_dir() / "real", subject)
        if options.where:
            print(kernel.repository)
            return 0
        output = options.output.absolute()
        output.mkdir(parents=True, exist_ok=True)
        say(f"{kernel.name}: {subject.path} (base {kernel.base[:12]})")
        checks = all_checks(kernel, subject, output, not options.no_build, options.config)
        failed = show(checks)
    except KmemConvertError as error:
        print(f"real: {error}", file=sys.stderr)
        return 2
    say(f"results in {output}; {time.monotonic() - start:.0f} s")
    for check in failed:
        say(f"FAILED: {check.statement}")
    say("real: everything holds" if not failed else f"real: {len(failed)} do not hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
