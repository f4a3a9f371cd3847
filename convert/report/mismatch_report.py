"""Mismatched pairs of allocation and free, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from convert.flow.provenance.evidence import Reached
from convert.flow.provenance.mismatch import Mismatch
from convert.flow.provenance.wording import alloc_text, kind_text, steps_text

SCHEMA = "kmem-convert/mismatches/1"


def mismatches_text(found: Sequence[Mismatch], _: str) -> str:
    """One paragraph a mismatch, and their number."""
    lines = [line for one in found for line in (*_paragraph(one), "")]
    pairs = "1 mismatched pair" if len(found) == 1 else f"{len(found)} mismatched pairs"
    return "\n".join([*lines, f"{pairs} of allocation and free."])


def _paragraph(one: Mismatch) -> list[str]:
    free = one.free
    lines = [f"{free.path}:{free.line}: {free.deallocator}({free.text}) in {free.function}()"]
    for reached in one.wrong:
        kind = kind_text(reached.alloc.family)
        lines.append(f"  is given {kind} of {alloc_text(reached.alloc)}")
        lines += [f"    through {step}" for step in steps_text(reached)]
    return lines


def mismatches_json(found: Sequence[Mismatch], tool_version: str) -> str:
    """A document with one record a mismatch."""
    document = {
        "schema": SCHEMA,
        "tool": tool_version,
        "mismatches": [
            {
                "file": one.free.path,
                "line": one.free.line,
                "function": one.free.function,
                "deallocator": one.free.deallocator,
                "freed": one.free.text,
                "allocations": [_allocation(reached) for reached in one.wrong],
            }
            for one in found
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _allocation(reached: Reached) -> dict[str, object]:
    alloc = reached.alloc
    return {
        "file": alloc.path,
        "line": alloc.line,
        "function": alloc.function,
        "callee": alloc.callee,
        "family": alloc.family,
        "way": list(steps_text(reached)),
    }
