"""The second look: whatever the rules wrote, a mask that means something else stops the run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from convert.errors import InternalCheckError
from convert.plan import FileChange, Step
from convert.rules.scoped.check import masks_checked
from convert.rules.scoped.equality import MaskJudge
from convert.source.edits import Edit, Span
from convert.source.text import read_source
from tests.rules.scoped.fakes import PATH, dialect, scopes
from tests.rules.scoped.test_stage import function, planned

TEXT = function(
    "p = kmalloc(8, GFP_NOFS | __GFP_NOWARN); /* proven */\nq = other(kzalloc(4, GFP_KERNEL));"
)


def checked(*replacements: tuple[str, str]) -> tuple[int, int]:
    """What the check says of a step that replaces texts, beside what the rules decided."""
    plan = planned(TEXT)
    edits = []
    for old, new in replacements:
        found = re.search(re.escape(old), TEXT)
        assert found is not None
        edits.append(Edit(Span(found.start(), found.end()), new))
    step = replace(plan.steps[-1], changes=(FileChange(PATH, tuple(edits)),))
    steps: tuple[Step, ...] = (step,)
    source = read_source(PATH, TEXT.encode())
    judge = MaskJudge(scopes(), "nofs")
    return masks_checked(plan.sites, steps, {PATH: source}, dialect(), judge)


SAME = [
    pytest.param(("GFP_NOFS |", "GFP_KERNEL |"), id="as-decided"),
    pytest.param(("GFP_NOFS | __GFP_NOWARN", "__GFP_NOWARN | GFP_KERNEL"), id="other-order"),
    pytest.param(("p = kmalloc", "p  =  kmalloc"), id="white-space"),
    pytest.param(("GFP_KERNEL)", "GFP_NOFS)"), id="an-inner-call-that-means-the-same"),
]


@pytest.mark.parametrize("replacement", SAME)
def test_what_means_the_same_passes(replacement: tuple[str, str]) -> None:
    assert checked(replacement) == (1, 0)


OTHER = [
    pytest.param(("GFP_NOFS |", "GFP_ATOMIC |"), "inside of the nofs scope", id="mask"),
    pytest.param((" | __GFP_NOWARN", ""), "inside of the nofs scope", id="bit-lost"),
    pytest.param(("GFP_NOFS |", "GFP_KERNEL &"), "inside of the nofs scope", id="operator"),
    pytest.param(("(8,", "(9,"), "kmalloc|is 0x", id="size"),
    pytest.param(("p = kmalloc", "p = kzalloc"), "calls kzalloc instead", id="callee"),
    pytest.param(("q = other(", "q = (("), "makes other calls|does not parse", id="call-lost"),
    pytest.param(("(4, GFP_KERNEL)", "(4, GFP_ATOMIC)"), "scope", id="inner-call"),
    pytest.param(("p = kmalloc", "p = = kmalloc"), "does not parse", id="broken"),
]


@pytest.mark.parametrize(("replacement", "reason"), OTHER)
def test_what_means_something_else_stops_the_run(replacement: tuple[str, str], reason: str) -> None:
    with pytest.raises(InternalCheckError, match=reason):
        checked(replacement)
