"""`make bench`: times and memory beside Coccinelle's on the same machine, with the budgets.

    python -m bench.run [--kernel DIR] [--runs N] [--all]

Absolute times say little about another machine, ratios do. All jobs run on one core. Without a
directory, the kernel is the one that `make real` keeps (and is fetched if need be).
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Job, Timing, measure, pin_to_one_core, spatch
from convert.errors import KmemConvertError
from convert.tree.cache import cache_dir
from scripts.real import SUBJECT, find_kernel
from scripts.realkernel.subject import read_subject

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).with_name("kmem-convert"))
MEGABYTES = 500  # budget of any run on one filesystem


@dataclass(frozen=True)
class Budget:
    """The most that a job may take: wall seconds on one core, and megabytes."""

    seconds: float
    memory: float = MEGABYTES


@dataclass(frozen=True)
class Entry:
    """A job with its budget (None for the programs that are only compared with)."""

    job: Job
    budget: Budget | None = None


def entries(tree: str, path: str, everything: bool) -> tuple[Entry, ...]:
    """What is measured; ``everything`` adds the parse of all filesystems (minutes)."""
    report = (PROGRAM, "report", "--format", "json", tree, path)
    parse = (sys.executable, "-m", "bench.parse", tree)
    rivals = (
        Entry(Job("Coccinelle, simple patch", spatch(HERE / "simple.cocci", [path]))),
        Entry(Job("Coccinelle, expert patch", spatch(HERE / "expert.cocci", [path]))),
    )
    ours = (
        Entry(Job("report, nothing cached", report, cold=True, codes=(0, 1)), Budget(10)),
        Entry(Job("report again", report, codes=(0, 1)), Budget(1)),
        Entry(Job(f"lex and parse {path}", (*parse, path)), Budget(2)),
    )
    whole = (Entry(Job("lex and parse fs", (*parse, "fs")), Budget(30)),) if everything else ()
    return (*(rivals if shutil.which("spatch") else ()), *ours, *whole)


def row(entry: Entry, timing: Timing, rivals: Sequence[Timing]) -> tuple[str, ...]:
    """One line of the table: times, ratios to the rivals, the budget and whether it is kept.

    Ratios are of processor time: wall time also measures what else the machine is doing.
    """
    ratios = [f"{timing.processor / rival.processor:.2f}" for rival in rivals]
    if entry.budget is None:
        limit, kept = "", ""
    else:
        limit = f"{entry.budget.seconds:g} s, {entry.budget.memory:g} MB"
        within = timing.wall <= entry.budget.seconds and timing.memory <= entry.budget.memory
        kept = "kept" if within else "OVER"
    times = (f"{timing.wall:.2f}", f"{timing.processor:.2f}", f"{timing.memory:.0f}")
    return (entry.job.name, *times, *ratios, *([""] * (2 - len(ratios))), limit, kept)


def table_of(rows: Sequence[tuple[str, ...]], runs: int) -> Table:
    """The rows as a table."""
    table = Table(title=f"one core, medians of {runs} runs")
    table.add_column("job")
    for title in ("wall s", "cpu s", "peak MB", "× simple", "× expert", "budget", ""):
        table.add_column(title, justify="right")
    for cells in rows:
        table.add_row(*cells)
    return table


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 0, or 2 if something could not be run."""
    parser = argparse.ArgumentParser(description="Times beside Coccinelle's.")
    parser.add_argument("--kernel", help="a kernel tree (default: Debian's package)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each job (default 5)")
    parser.add_argument("--all", action="store_true", help="also parse all of fs/ (minutes)")
    options = parser.parse_args(words)
    subject = read_subject(SUBJECT)
    try:
        kernel = find_kernel(options.kernel, cache_dir() / "real", subject)
        pin_to_one_core()
        timings: list[tuple[Entry, Timing]] = []
        for entry in entries(str(kernel.repository), subject.path, options.all):
            print(f"measuring: {entry.job.name}", file=sys.stderr, flush=True)
            place = kernel.repository if entry.budget is None else HERE.parent
            timings.append((entry, measure(entry.job, place, options.runs)))
    except KmemConvertError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    rivals = [timing for entry, timing in timings if entry.budget is None]
    rows = [row(entry, timing, rivals) for entry, timing in timings]
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(table_of(rows, options.runs))
    if not rivals:
        print("spatch is not installed (Debian package: coccinelle), so there are no ratios")
    return 0


if __name__ == "__main__":
    sys.exit(main())
