"""The exact conversion of one free: the plain function that fits what can reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from convert.flow.provenance.verdict import Kind, Verdict
from convert.rules.drafts import Draft
from convert.rules.model import Converted
from convert.rules.replacement import Replacement
from convert.semantics.contracts import FreeContract
from convert.semantics.derived import Meaning, PlainFree
from convert.semantics.table import lines_text
from convert.source.edits import Edit
from convert.source.variants import Call

RULE = "plain-free"
_MOST_LINES = 12
FreeJudge = Callable[[str, int], Verdict | None]
"""What is known of the free whose call starts at an offset of a file; None if it was not read."""

DOUBTFUL = "stays at kvfree(): that only kmalloc memory gets here could not be shown"
MIXED = "memory may get here that neither kmalloc() nor vmalloc() gave, as before"
WRONG = "vmalloc memory may get here, as before, which this function does not take"
AS_VALUE = "stays at kvfree(): what the function is called with by its address was not followed"


def convert_free(
    blank: Draft, call: Call, form: PlainFree, judge: FreeJudge, meaning: Meaning
) -> Draft:
    """Turn ``kmem_free(p)`` into the plain free that fits.

    A wrapper that takes any memory (``kvfree``) becomes ``kfree`` where only kmalloc memory can be
    meant; any other wrapper becomes the function that it calls.
    """
    verdict = judge(blank.path, call.span.start)
    plain = form.plain
    if plain == "kvfree" and verdict is not None:
        plain = verdict.plain
    decision = Converted(
        RULE,
        step_of(plain),
        (),
        "",
        f"{plain}(): {verdict.reason}" if verdict is not None else f"{blank.callee}() is {plain}()",
        notes=_notes(form.plain, verdict),
        evidence=(*_evidence(meaning, blank.callee), *_lines(verdict)),
        provenance=verdict,
    )
    edits = (Edit(call.callee_span, plain),)
    pending = Replacement("", blank.path, edits, None, step_of(plain))
    return replace(blank, decision=decision, replacement=pending)


def _lines(verdict: Verdict | None) -> tuple[str, ...]:
    """The evidence in words; the JSON report has all of it."""
    lines = tuple(verdict.lines()) if verdict is not None else ()
    if len(lines) <= _MOST_LINES:
        return lines
    return (*lines[:_MOST_LINES], f"… and {len(lines) - _MOST_LINES} more (all in the JSON report)")


def step_of(plain: str) -> str:
    """The step of a free by what it becomes."""
    return plain if plain in ("kfree", "kvfree") else "free"


def _notes(wrapper: str, verdict: Verdict | None) -> tuple[str, ...]:
    """What a reviewer should look at."""
    if verdict is None:
        return (DOUBTFUL,) if wrapper == "kvfree" else ()
    if wrapper != "kvfree":
        return (WRONG,) if wrapper == "kfree" and verdict.kind is Kind.VMALLOC else ()
    match verdict.kind:
        case Kind.DOUBTFUL:
            return (DOUBTFUL,)
        case Kind.MIXED:
            return (MIXED,)
    return ()


def _evidence(meaning: Meaning, wrapper: str) -> tuple[str, ...]:
    result = meaning.table.get(wrapper)
    return (f"executed: {lines_text(result.lines)}",) if isinstance(result, FreeContract) else ()


def wrong_choice(plain: str, wrapper: str, verdict: Verdict | None) -> str | None:
    """Why a plain free is not what the wrapper does for the memory that can reach it.

    ``wrapper`` is the deallocator that the wrapper calls. None if the choice is right.
    """
    if plain == wrapper:
        return None
    if wrapper != "kvfree" or plain != "kfree":
        return f"{plain} is not what was executed"
    if verdict is None or verdict.missing:
        return "kfree() was chosen, but not all memory that can get here is known"
    other = [r.alloc for r in verdict.reached if r.alloc.family != "kmalloc"]
    if other or not verdict.reached:
        what = f"{other[0].callee}() at {other[0].path}:{other[0].line}" if other else "nothing"
        return f"kfree() was chosen, but {what} gets here"
    return None
