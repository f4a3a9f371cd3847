"""What a booted kernel said, read from its console: phases, messages, reports, counters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from convert.verify.boot.guest.plan import MARK

START = "start"  # the name of what comes before the first phase
_STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")
_REPORT = re.compile(
    r"WARNING: |BUG: |INFO: task |INFO: rcu|Kernel panic|Oops|KASAN|UBSAN|Assertion failed|"
    r"Unable to handle|Internal error|\bInvalid opcode|invalid opcode|[Cc]orruption"
)
_CUT = "------------[ cut here"
_RULER = re.compile(r"^=+$")
_TRACE = re.compile(r"^ *\[<[0-9a-f]+>\] (?P<doubt>\? )?(?P<function>[\w.]+)\+0x")
_IN_TRACE = re.compile(r"^ *\[<|^ *[0-9a-f]{8} [0-9a-f]{8}|^\s*$")
# Lines that may follow the trace of a report and belong to it.
_TAIL = re.compile(r"^---\[ end trace|^irq event stamp|^(hard|soft)irqs last|^Code: ")
_LOCK = re.compile(r"^(?:[0-9a-f]+|\S+) \((?P<lock>.*)\)(?:\{|-\{).*?, at: (?P<place>\w+)")
_PLACE = re.compile(r"(?P<file>[\w./-]+\.[ch]):(?P<line>\d+)")
_COUNTER = re.compile(
    r"kmem-convert-assert: (?P<site>.+?) hits=(?P<hits>\d+) violations=(?P<violations>\d+)"
)
_LOCKDEP = {"lock_acquire", "fs_reclaim_acquire", "__fs_reclaim_acquire"}  # above: lockdep's own
_MAX_REPORT = 250  # lines: a lockdep report of a long chain has about 150


@dataclass(frozen=True)
class Report:
    """Something that the kernel itself holds to be wrong: a warning, a lockdep report, …

    title: its first words; locks: for lockdep, what is wanted and what is held, with the function
    that takes each; functions: its call trace, innermost first; lines: all of it.
    """

    title: str
    locks: tuple[str, ...]
    functions: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What stays the same from boot to boot."""
        return (normalised(self.title), *self.locks, *self.functions[:4])

    @property
    def place(self) -> tuple[str, int] | None:
        """The file and line that the title names."""
        found = _PLACE.search(self.title)
        return (found["file"], int(found["line"])) if found else None

    def __str__(self) -> str:
        last = max((n for n, name in enumerate(self.functions) if name in _LOCKDEP), default=-1)
        way = " < ".join(self.functions[last + 1 :][:6])
        after = "; ".join((*self.locks, *((way,) if way else ())))
        return f"{self.title} ({after})" if after else self.title


@dataclass(frozen=True)
class PhaseRun:
    """A phase as it went. verdict: "passed", "failed: …", or "" if it did not end (the kernel died,
    hung, or was killed on purpose: then ``killed``)."""

    boot: str
    name: str
    verdict: str
    seconds: float
    notes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    reports: tuple[Report, ...] = ()
    killed: bool = False

    @property
    def passed(self) -> bool:
        """It did what it should."""
        return self.killed or self.verdict == "passed"


@dataclass(frozen=True)
class Counter:
    """How often a site was reached, and how often without the scope that was proven."""

    site: str
    hits: int
    violations: int


@dataclass
class _Phase:
    name: str
    verdict: str = ""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    killed: bool = False


def read_console(boot: str, text: str) -> tuple[PhaseRun, ...]:
    """The phases of one boot in order; what comes before the first one is the phase `START`."""
    phases = [_Phase(START, "passed")]
    for raw in text.splitlines():
        stamp = _STAMP.match(raw)
        if stamp is None:
            continue  # User-Mode Linux speaks on its own before the kernel's log begins
        line = raw[stamp.end() :].rstrip()
        if line.startswith(MARK):
            _mark(phases, line.removeprefix(MARK).split(maxsplit=1))
        else:
            phases[-1].lines.append(line)
    return tuple(_finished(boot, phase) for phase in phases)


def _mark(phases: list[_Phase], words: list[str]) -> None:
    """A line of the guest's own."""
    kind, rest = words[0] if words else "", words[1] if len(words) > 1 else ""
    if kind == "begin":
        phases.append(_Phase(rest))
    elif kind == "end":
        _, seconds, phases[-1].verdict = rest.split(maxsplit=2)
        phases[-1].seconds = float(seconds)
    elif kind == "kill":
        phases[-1].killed = True
    elif kind in ("note", "evidence"):
        phases[-1].notes.append(rest.removeprefix(f"{phases[-1].name} "))
    elif kind == "broken":
        phases[-1].verdict = f"failed: the workload itself broke: {rest}"


def _finished(boot: str, phase: _Phase) -> PhaseRun:
    reports, messages = split_reports(phase.lines)
    return PhaseRun(
        boot,
        phase.name,
        phase.verdict,
        phase.seconds,
        tuple(phase.notes),
        tuple(line for line in messages if line.strip() and "kmem-convert-assert:" not in line),
        tuple(reports),
        phase.killed,
    )


def split_reports(lines: Iterable[str]) -> tuple[list[Report], list[str]]:
    """Take the reports out of the lines of a log; the rest are messages."""
    left = _Reader(list(lines))
    reports: list[Report] = []
    messages: list[str] = []
    while not left.done:
        if left.starts_report():
            reports.append(_report(left.report()))
        else:
            messages.append(left.next())
    return reports, messages


@dataclass
class _Reader:
    """Walks over a log."""

    lines: list[str]
    at: int = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.lines)

    def next(self) -> str:
        self.at += 1
        return self.lines[self.at - 1]

    def starts_report(self) -> bool:
        """A telling line here, or under a ruler or blank lines; or the kernel's "cut here"."""
        if self._here.startswith(_CUT):
            return True
        for line in self.lines[self.at : self.at + 3]:
            if _REPORT.search(line):
                return True
            if not (_RULER.match(line) or line.startswith("---") or not line.strip()):
                return False
        return False

    def report(self) -> list[str]:
        """The lines of the report that starts here: to the end of its last call trace."""
        taken = [self.next()]
        while not _REPORT.search(taken[-1]) and not self.done:
            taken.append(self.next())
        if not self._has_trace():
            # A kernel that dies while it reports leaves half of a long report.
            while _RULER.match(taken[0] or taken[1]) and not self._at_end(taken):
                taken.append(self.next())
            return taken
        while not self.done and len(taken) < _MAX_REPORT:
            taken.append(self.next())
            if taken[-1].startswith("Call Trace:"):
                break
        while not self.done and (_IN_TRACE.match(self._here) or _TAIL.match(self._here)):
            taken.append(self.next())
        return taken

    def _at_end(self, taken: list[str]) -> bool:
        return self.done or len(taken) >= _MAX_REPORT or bool(_REPORT.search(self._here))

    @property
    def _here(self) -> str:
        return self.lines[self.at]

    def _has_trace(self) -> bool:
        """Does a call trace follow before the next report starts?"""
        for line in self.lines[self.at : self.at + _MAX_REPORT]:
            if line.startswith("Call Trace:"):
                return True
            if _REPORT.search(line) and not line.startswith(("Kernel panic", "WARNING: CPU")):
                return False
        return False


def _report(lines: list[str]) -> Report:
    title = _title(lines)
    traced = [m for line in _last_trace(lines) if (m := _TRACE.match(line)) and not m["doubt"]]
    names = (match["function"].split(".")[0] for match in traced)
    skipped = ("show_stack", "dump_stack_lvl", "dump_stack", "__warn", "warn_slowpath_fmt")
    return Report(
        title,
        tuple(_locks(lines)),
        tuple(name for name in names if name not in skipped),
        tuple(lines),
    )


def _title(lines: list[str]) -> str:
    """The first telling line; of the kernel's WARN() its own text, which stands beside it."""
    number = next((n for n, line in enumerate(lines) if _REPORT.search(line)), len(lines) - 1)
    title = lines[number].strip()
    if not title.startswith("WARNING: CPU:"):
        return title
    for line in (*lines[max(number - 1, 0) : number], *lines[number + 1 : number + 2]):
        if line.strip() and not line.startswith((_CUT, "CPU:", "Modules linked")):
            return line.strip()  # before it where the processor traps, after it otherwise
    return f"WARNING at {title.partition(' at ')[2]}"


def _last_trace(lines: list[str]) -> list[str]:
    starts = [number for number, line in enumerate(lines) if line.startswith("Call Trace:")]
    return lines[starts[-1] :] if starts else []


def _locks(lines: list[str]) -> Iterator[str]:
    """Lockdep: the lock that is wanted and those that are held, and who takes them."""
    for word, what in (("is trying to acquire lock:", "wants"), ("already holding lock:", "holds")):
        for number, line in enumerate(lines[:-1]):
            if line.rstrip().endswith(word) and (lock := _LOCK.match(lines[number + 1].strip())):
                yield f"{what} {lock['lock']} in {lock['place']}()"


def counters(texts: Iterable[str]) -> tuple[Counter, ...]:
    """The counters of assert patches in the consoles of several boots.

    Counters grow during a boot: its last line about a site counts; boots are added up.
    """
    total: dict[str, Counter] = {}
    for text in texts:
        last = {m["site"]: (int(m["hits"]), int(m["violations"])) for m in _COUNTER.finditer(text)}
        for site, (hits, violations) in last.items():
            old = total.get(site, Counter(site, 0, 0))
            total[site] = Counter(site, old.hits + hits, old.violations + violations)
    return tuple(total[site] for site in sorted(total))


_NORMAL: Mapping[str, re.Pattern[str]] = {
    "": re.compile(r"\+0x[0-9a-f]+/0x[0-9a-f]+"),
    "ADDRESS": re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b"),
    "HEX": re.compile(r"\b0x[0-9a-f]+\b"),
    "N": re.compile(r"(?<![-\w])\d+(?:\.\d+)?(?!\w)"),
}


def normalised(line: str) -> str:
    """A message without what differs from boot to boot: addresses, times, counts, line numbers.

    Negative numbers stay: they are error codes.
    """
    for word, pattern in _NORMAL.items():
        line = pattern.sub(word, line)
    return line.strip()
