"""Our choice of kfree() or kvfree() against the one that people made for a later kernel.

A free is found again by its function and by what it frees. What has no counterpart and what was
chosen otherwise has to be explained: by the text of the two kernels (the allocation became
vmalloc-capable since, the function is gone), or by a sentence in frees.toml that says who is right.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pycparser import c_ast

from convert.errors import InputError
from convert.flow.terms import strip
from convert.sites.sources import Sources
from convert.source.dialect import load_dialect
from convert.source.variants import Variant
from convert.tree.directory import DirectoryTree
from scripts.realkernel.account import Report
from scripts.realkernel.checks import Check
from scripts.realkernel.kernels import debian_kernel

# A name at the start of a line, or behind its type there, before the parenthesis of parameters.
_DEFINED = re.compile(r"^(?:[a-z][\w \t*]*[ \t*])?(\w+)\([^;]*?\)[^;]*?\{", re.M)
FACTS = Path(__file__).with_name("frees.toml")


@dataclass(frozen=True)
class Explained:
    """Why a place differs. Empty ``freed`` means every free of the function.

    ours: the kind that we chose, so that no sentence excuses the other one; empty for any.
    """

    function: str
    why: str
    freed: str = ""
    ours: str = ""

    def about(self, place: Free) -> bool:
        """Whether it explains a place."""
        return self.function == place.function and self.freed in ("", place.freed)


@dataclass(frozen=True)
class Facts:
    """What frees.toml says; see there."""

    package: str
    plain: frozenset[str]
    either: frozenset[str]
    vmalloc_capable: frozenset[str]
    renamed: Mapping[str, str]
    moved: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    defects: tuple[Explained, ...] = ()
    gone: tuple[Explained, ...] = ()
    differences: tuple[Explained, ...] = ()


def read_facts(file: Path = FACTS) -> Facts:
    """Read the facts. Raises KeyError or TOMLDecodeError if the file is wrong."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))

    def explained(key: str, text: str) -> tuple[Explained, ...]:
        rows = table.get(key, ())
        return tuple(
            Explained(row["function"], row[text], row.get("freed", ""), row.get("ours", ""))
            for row in rows
        )

    return Facts(
        package=table["package"],
        plain=frozenset(table["plain"]),
        either=frozenset(table["either"]),
        vmalloc_capable=frozenset(table["vmalloc_capable"]),
        renamed={row["before"]: row["after"] for row in table.get("renamed", ())},
        moved={
            (row["function"], row["freed"]): (row["to"], row["to_freed"])
            for row in table.get("moved", ())
        },
        defects=explained("defect", "source"),
        gone=explained("gone", "why"),
        differences=explained("difference", "why"),
    )


@dataclass(frozen=True)
class Free:
    """A call that frees: what and where. ``line`` is 1-based, ``freed`` without casts."""

    function: str
    freed: str
    callee: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Allocation:
    """An allocation and the name (variable or member) that it is assigned to."""

    function: str
    name: str
    callee: str
    file: str
    line: int


@dataclass(frozen=True)
class Code:
    """The frees and allocations below a path, and the names of all its functions."""

    frees: tuple[Free, ...]
    allocations: tuple[Allocation, ...]
    functions: frozenset[str]


def read_code(
    directory: Path, path: str, frees: frozenset[str], allocators: frozenset[str]
) -> Code:
    """Read a kernel's code below a path. Each place counts once, whatever ``#if`` holds it."""
    tree = DirectoryTree(directory)
    sources = Sources(tree, (path,), lambda: load_dialect(tree, (path,)))
    found: dict[tuple[str, int], Free] = {}
    made: dict[tuple[str, int], Allocation] = {}
    functions: set[str] = set()
    for file in sources.c_files:
        parsed = sources.parsed(file, frees | allocators)
        if parsed is None:
            raise InputError(f"{file}: {sources.broken[file]}")
        functions |= set(_DEFINED.findall(parsed.source.text))
        for item in (*parsed.functions, *parsed.macros):
            for variant in item.variants:
                for call in variant.calls:
                    line, at = parsed.source.line(call.span.start), (file, call.span.start)
                    node = call.slots[0].node if call.slots else None
                    if call.callee in frees and node is not None:
                        text = variant.span_of(strip(node)).of(parsed.source.text)
                        freed = " ".join(text.split())
                        found[at] = Free(item.name, freed, str(call.callee), file, line)
                    elif call.callee in allocators and (name := _target(variant, call.node)):
                        made[at] = Allocation(item.name, name, str(call.callee), file, line)
    return Code(tuple(found.values()), tuple(made.values()), frozenset(functions))


def _target(variant: Variant, node: c_ast.Node) -> str | None:
    """The last name of what a call's result is assigned to."""
    holder = variant.parent_of(node)
    while isinstance(holder, c_ast.Cast):
        holder = variant.parent_of(holder)
    if isinstance(holder, c_ast.Decl):
        return str(holder.name)
    if isinstance(holder, c_ast.Assignment):
        return last_name(holder.lvalue)
    return None


def last_name(node: c_ast.Node) -> str | None:
    """The member or variable that an expression ends in: ``b_maps`` of ``bp->b_maps[i]``."""
    match strip(node):
        case c_ast.StructRef(field=inner):
            return str(inner.name)
        case c_ast.ID(name=name):
            return str(name)
        case c_ast.ArrayRef(name=inner) | c_ast.UnaryOp(op="*" | "&", expr=inner):
            return last_name(inner)
    return None


@dataclass(frozen=True)
class Row:
    """One free of the earlier kernel: ours and theirs; ``why`` is empty if nothing is to explain.

    theirs: None if it has no counterpart. explained: False if ``why`` says that nothing does.
    """

    ours: Free
    theirs: Free | None
    why: str = ""
    explained: bool = True

    @property
    def agrees(self) -> bool:
        """Whether both chose the same."""
        return self.theirs is not None and not self.why


@dataclass(frozen=True)
class Comparison:
    """Both kernels, and what is known about them."""

    earlier: Code
    later: Code
    facts: Facts
    choices: Mapping[tuple[str, int], str]  # file and line of a free to our function
    by: dict[tuple[str, str], list[Free]] = field(default_factory=dict)

    def rows(self) -> tuple[Row, ...]:
        """Every free of the earlier kernel, in its order."""
        self.by.clear()
        for free in self.later.frees:
            self.by.setdefault((free.function, free.freed), []).append(free)
        numbers: Counter[tuple[str, str]] = Counter()
        rows = []
        for free in self.earlier.frees:
            key = free.function, free.freed
            rows.append(self._row(free, numbers[key]))
            numbers[key] += 1
        return tuple(rows)

    def _row(self, free: Free, number: int) -> Row:
        chosen = self.choices.get((free.file, free.line))
        if chosen is None:
            return Row(free, None, "the report has no choice for it", False)
        ours = Free(free.function, free.freed, chosen, free.file, free.line)
        theirs = self._counterpart(ours, number)
        if theirs is None:
            return self._without(ours)
        if (ours.callee in self.facts.plain) == (theirs.callee in self.facts.plain):
            return Row(ours, theirs)
        return self._different(ours, theirs)

    def _counterpart(self, free: Free, number: int) -> Free | None:
        """The same free in the later kernel: the same one of several, else any if all are alike."""
        renamed = free.freed
        for before, after in self.facts.renamed.items():
            renamed = renamed.replace(before, after)
        here = free.function, free.freed
        for key in (here, (free.function, renamed), self.facts.moved.get(here, here)):
            found = self.by.get(key, [])
            same = {one.callee in self.facts.plain for one in found}
            if found and (len(same) == 1 or number < len(found)):
                return found[min(number, len(found) - 1)]
        return None

    def _without(self, free: Free) -> Row:
        for fact in self.facts.gone:
            if fact.about(free):
                return Row(free, None, fact.why)
        if free.function not in self.later.functions:
            return Row(free, None, "code that changed since: the function is gone")
        return Row(free, None, "the function is still there, but does not free it", False)

    def _different(self, ours: Free, theirs: Free) -> Row:
        for fact in self.facts.differences:
            if fact.about(ours) and fact.ours in ("", kind(ours.callee, self.facts)):
                return Row(ours, theirs, fact.why)
        then = _capable(self.earlier, ours, self.facts)
        since = _capable(self.later, theirs, self.facts)
        if theirs.callee in self.facts.either and since and not then:
            return Row(ours, theirs, f"the allocation became {_shown(since)} since")
        if theirs.callee in self.facts.plain and then and not since:
            return Row(ours, theirs, f"the allocation was {_shown(then)} then, and is not since")
        return Row(ours, theirs, "nothing explains it", False)


def _name_of(freed: str) -> str:
    """The last name in the text of a freed expression."""
    return freed.split("[")[0].split(".")[-1].split("->")[-1].strip("*&() ")


def _capable(code: Code, free: Free, facts: Facts) -> Allocation | None:
    """The first allocation to what is freed that can give vmalloc memory.

    Of a variable in its own function, of a member anywhere.
    """
    name = _name_of(free.freed)
    is_member = "->" in free.freed or "." in free.freed
    return next(
        (
            a
            for a in code.allocations
            if a.name == name
            and a.callee in facts.vmalloc_capable
            and (is_member or a.function == free.function)
        ),
        None,
    )


def _shown(allocation: Allocation) -> str:
    return f"{allocation.callee}() ({allocation.file}:{allocation.line})"


def compare_frees(
    report: Report,
    directory: Path,
    path: str,
    frees: Sequence[str],
    cache: Path,
    say: Callable[[str], None],
) -> Iterator[Check]:
    """Compare the report's choices with a later kernel's; says so if there is none to be had.

    directory: the kernel that the report is about; frees: its wrappers that free.
    """  # fmt: skip
    facts = read_facts()
    try:
        later = debian_kernel(facts.package, cache, say)
    except InputError as error:
        yield Check(
            f"frees were not compared with {facts.package}: it is not there", True, (str(error),)
        )
        return
    yield from compared(report, directory, later.repository, path, frees, facts)


def compared(
    report: Report, earlier: Path, later: Path, path: str, frees: Sequence[str], facts: Facts
) -> Iterator[Check]:
    """The checks about two kernels in directories."""
    comparison = Comparison(
        read_code(earlier, path, frozenset(frees), facts.vmalloc_capable),
        read_code(later, path, facts.plain | facts.either, facts.vmalloc_capable),
        facts,
        choices_of(report, frees),
    )
    rows = comparison.rows()
    yield Check(
        f"each of {len(rows)} frees is as in {facts.package}, or the difference is explained",
        all(row.explained for row in rows) and bool(rows),
        tuple(table(rows, facts)),
    )
    yield defects(rows, facts)


def choices_of(report: Report, frees: Sequence[str]) -> dict[tuple[str, int], str]:
    """The function that the report puts in place of each free, by file and line."""
    return {
        (row["file"], row["line"]): str(row["replacement"]).split("(")[0].strip()
        for row in report.document["sites"]
        if row["kind"] == "free" and row["callee"] in frees and row["replacement"]
    }


def table(rows: Sequence[Row], facts: Facts) -> Iterator[str]:
    """Counts of both choices, then every difference with its explanation."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        theirs = "no counterpart" if row.theirs is None else kind(row.theirs.callee, facts)
        counts[kind(row.ours.callee, facts), theirs] += 1
    yield "ours    theirs          places"
    for (ours, theirs), number in sorted(counts.items()):
        yield f"{ours:<7} {theirs:<14} {number:>7}"
    for row in rows:
        if row.why:
            mark = "" if row.explained else "UNEXPLAINED: "
            theirs = "" if row.theirs is None else f"{row.theirs.callee} at {row.theirs.place}; "
            ours = f"{row.ours.place} {row.ours.function}(): {row.ours.callee}({row.ours.freed})"
            yield f"{mark}{ours}: {theirs}{row.why}"


def kind(callee: str, facts: Facts) -> str:
    """Whether a freeing function takes vmalloc memory."""
    return "kfree" if callee in facts.plain else "kvfree"


def defects(rows: Iterable[Row], facts: Facts) -> Check:
    """The places where people were wrong at first have kvfree() in our series."""
    found = [(fact, row) for fact in facts.defects for row in rows if fact.about(row.ours)]
    wrong = [row for _, row in found if row.ours.callee in facts.plain]
    lines = [f"{r.ours.place} {r.ours.function}(): {r.ours.callee}; {f.why}" for f, r in found]
    holds = not wrong and {fact for fact, _ in found} == set(facts.defects)
    return Check("the frees that upstream first had wrong are right", holds, tuple(lines))
