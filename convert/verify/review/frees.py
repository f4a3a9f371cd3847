"""Memory of one kind that is given to the free of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from convert.flow.provenance.mismatch import Mismatch
from convert.flow.provenance.names import Names
from convert.flow.provenance.search import Provenance
from convert.flow.provenance.wording import way_text
from convert.verify.review.matching import SitePair
from convert.verify.review.model import Finding, Rule, Severity

_ANY_KIND = frozenset({"kvfree"})


def new_mismatches(
    before: tuple[Mismatch, ...], after: tuple[Mismatch, ...]
) -> tuple[Mismatch, ...]:
    """The mismatches that a commit brings in."""
    known = Counter(mismatch.key for mismatch in before)
    found = []
    for mismatch in after:
        if known[mismatch.key]:
            known[mismatch.key] -= 1
        else:
            found.append(mismatch)
    return tuple(found)


def wrong_frees(found: Iterable[Mismatch], touched: Iterable[str]) -> Iterator[Finding]:
    """The findings about mismatches. ``touched``: the files that the commit changes."""
    changed = frozenset(touched)
    for mismatch in found:
        free, worst = mismatch.free, mismatch.wrong[0]
        kind = (
            "vmalloc memory" if worst.alloc.family == "vmalloc" else f"{worst.alloc.family} memory"
        )
        where = f"{worst.alloc.callee}() in {worst.alloc.function}()"
        place = f"{worst.alloc.path}:{worst.alloc.line}"
        through = way_text(worst.way)
        text = f"{free.deallocator}({free.text}) is given {kind} of {where}, {place}"
        if through:
            text += f", through {through}"
        if not mismatch.certain:
            text += "; memory of the right kind gets there too"
        if free.path not in changed:
            text += "; the commit does not touch this free"
        yield Finding(
            rule=Rule.WRONG_FREE,
            severity=Severity.ERROR if mismatch.certain else Severity.WARNING,
            file=free.path,
            line=free.line,
            line_before=None,
            function=free.function,
            message=text,
            before="",
            after=f"{worst.alloc.callee}() at {place}: {_takes(worst.alloc.family)}",
        )


def _takes(family: str) -> str:
    words: Mapping[str, str] = {
        "kvmalloc": "kmalloc or vmalloc memory, to be freed by kvfree()",
        "vmalloc": "vmalloc memory, to be freed by vfree() or kvfree()",
        "kmalloc": "kmalloc memory, to be freed by kfree() or kvfree()",
    }
    return words.get(family, f"{family} memory")


def unshown_frees(pairs: Iterable[SitePair], after: Provenance, names: Names) -> Iterator[Finding]:
    """Frees that took any memory and take one kind now, with nothing known of what they get."""
    known = {(free.path, free.offset): free for free in after.frees()}
    for pair in pairs:
        old, new = pair.before, pair.after
        narrowed = old.deallocators <= _ANY_KIND and not new.deallocators <= _ANY_KIND
        free = known.get((new.path, new.offset))
        if not old.deallocators or not narrowed or free is None:
            continue
        if free.deallocator not in names.rejects or after.reaching(free) or not free.origins:
            continue  # right, found wrong, or always NULL
        if any(getattr(origin, "tested", False) for origin in free.origins):
            continue
        yield Finding(
            rule=Rule.WRONG_FREE,
            severity=Severity.WARNING,
            file=new.path,
            line=new.line,
            line_before=old.line,
            function=new.function,
            message=f"{new.callee}({new.subject}) took memory of any kind before; where this "
            f"memory comes from was not found, so that {free.deallocator}() is right is not shown",
            before=f"`{old.text}`",
            after=f"`{new.text}`",
        )
