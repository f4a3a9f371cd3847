"""White space after an edit: aligned lines stay aligned, wide lines are broken as the file does."""

from __future__ import annotations

from collections import Counter

import pytest

from convert.rules.layout import Break, ContinuationStyle, continuations
from convert.rules.replacement import Replacement, commonest, lay_out
from convert.source.edits import Edit, Span, apply_edits
from convert.source.text import read_source


def changed(before: str, *pairs: tuple[str, str], slot: str | None = None) -> str:
    """``before`` with the first place of each old text replaced; ``slot`` may be broken before."""
    source = read_source("a.c", before.encode("latin-1"))
    edits = []
    for old, new in pairs:
        at = before.index(old)
        edits.append(Edit(Span(at, at + len(old)), new))
    place = None
    if slot is not None:
        start = before.index(slot)
        comma = before.rindex(",", 0, start)
        opens = before.index("(", before.index(pairs[0][0]))
        first = before.rindex("\n", 0, opens) + 1 if "\n" in before[:opens] else 0
        place = Break(Span(comma + 1, start), opens, first)
    out = lay_out(source, [Replacement("k", "a.c", tuple(edits), place, "s")], ("s",))
    return apply_edits(before, out["k"].edits)


@pytest.mark.parametrize(
    ("before", "pairs", "slot", "after"),
    [
        pytest.param(
            "\tp = old_name(sizeof(*p),\n\t\t     OLD);\n",
            [("old_name", "new"), ("OLD", "NEW")],
            "OLD",
            "\tp = new(sizeof(*p),\n\t\tNEW);\n",
            id="aligned stays aligned",
        ),
        pytest.param(
            "\tp = old_name(sizeof(*p),\n\t\t\tOLD);\n",
            [("old_name", "new"), ("OLD", "NEW")],
            "OLD",
            "\tp = new(sizeof(*p),\n\t\t\tNEW);\n",
            id="tabs stay tabs",
        ),
        pytest.param(
            "  p = old_name(a,\n               OLD);\n",
            [("old_name", "new")],
            None,
            "  p = new(a,\n          OLD);\n",
            id="spaces stay spaces",
        ),
        pytest.param(
            "\t\tco = kmem_name(sizeof(*p),\n\t\t\t\tOLD);\n",
            [("kmem_name", "knew")],
            None,
            "\t\tco = knew(sizeof(*p),\n\t\t\t\tOLD);\n",
            id="two tabs that happen to end below the parenthesis",
        ),
        pytest.param(
            "\tp = f(old(a), g(b,\n\t\t\tc));\n",
            [("old", "older_one")],
            None,
            "\tp = f(older_one(a), g(b,\n\t\t\t      c));\n",
            id="a later parenthesis of the same line",
        ),
        pytest.param(
            "\tfoo(old_name(a), b,\n\t    c);\n",
            [("old_name", "new")],
            None,
            "\tfoo(new(a), b,\n\t    c);\n",
            id="an outer parenthesis before it does not move",
        ),
        pytest.param(
            "\t\tmap = old(nirecs * sizeof(struct some_buffer_map), OLD);\n",
            [("old", "new"), ("OLD", "GFP_NOFS | __GFP_NOFAIL")],
            "OLD",
            "\t\tmap = new(nirecs * sizeof(struct some_buffer_map),\n"
            "\t\t\t\tGFP_NOFS | __GFP_NOFAIL);\n",
            id="too wide: broken, two tabs where the file shows nothing",
        ),
        pytest.param(
            "\tx = g(aaaa,\n\t      b);\n\ty = h(a,\n\t      b);\n"
            "\t\tmap = old(nirecs * sizeof(struct some_buffer_map), OLD);\n",
            [("old", "new"), ("OLD", "GFP_NOFS | __GFP_NOFAIL")],
            "OLD",
            "\tx = g(aaaa,\n\t      b);\n\ty = h(a,\n\t      b);\n"
            "\t\tmap = new(nirecs * sizeof(struct some_buffer_map),\n"
            "\t\t\t  GFP_NOFS | __GFP_NOFAIL);\n",
            id="too wide: broken as the file breaks",
        ),
        pytest.param(
            "\tp = old_name(a,\r\n\t\t     OLD);\r\n",
            [("old_name", "new")],
            None,
            "\tp = new(a,\r\n\t\tOLD);\r\n",
            id="CRLF",
        ),
        pytest.param(
            "#define X(a)\t\t\t\\\n\tdo {\t\t\t\\\n\t\told_name(a);\t\\\n\t} while (0)\n",
            [("old_name", "new")],
            None,
            "#define X(a)\t\t\t\\\n\tdo {\t\t\t\\\n\t\tnew(a);\t\t\\\n\t} while (0)\n",
            id="backslashes keep their column",
        ),
        pytest.param(
            "\tp = old_name(a, /* ( */\n\t\t     OLD);\n",
            [("old_name", "new")],
            None,
            "\tp = new(a, /* ( */\n\t\tOLD);\n",
            id="a parenthesis in a comment is none",
        ),
        pytest.param(
            'p = old_name(")", a,\n             OLD);\n',
            [("old_name", "new")],
            None,
            'p = new(")", a,\n        OLD);\n',
            id="a parenthesis in a string is none",
        ),
    ],
)
def test_layout(before: str, pairs: list[tuple[str, str]], slot: str | None, after: str) -> None:
    assert changed(before, *pairs, slot=slot) == after


def test_replacements_that_share_lines_share_a_step() -> None:
    text = "\tp = outer(inner(a,\n\t\t\tb), c);\n"
    source = read_source("a.c", text.encode())
    outer, inner = text.index("outer"), text.index("inner")
    rows = [
        Replacement("o", "a.c", (Edit(Span(outer, outer + 5), "f"),), None, "late"),
        Replacement("i", "a.c", (Edit(Span(inner, inner + 5), "g"),), None, "early"),
    ]
    out = lay_out(source, rows, ("early", "late"))
    assert {row.step for row in out.values()} == {"late"}
    edits = [edit for row in out.values() for edit in row.edits]
    assert apply_edits(text, edits) == "\tp = f(g(a,\n\t\tb), c);\n"


def test_style_is_the_commonest() -> None:
    text = "f(a,\n\t\tb);\ng(a,\n\t\tb);\nh(a,\n   b);\n"
    calls = [(text.index(c + "(") + 1, text.index(")", text.index(c + "("))) for c in "fgh"]
    seen = continuations(text, calls)
    assert seen == Counter({ContinuationStyle(2): 2})
    aligned = Counter({ContinuationStyle(None): 9})
    assert commonest(seen, aligned) == ContinuationStyle(2)
    one = Counter({ContinuationStyle(2): 1})
    assert commonest(one, aligned) == ContinuationStyle(None)
    assert commonest(one + Counter({ContinuationStyle(1): 2}), aligned) == ContinuationStyle(None)
    assert commonest(one, Counter()) == ContinuationStyle(2)
    assert commonest(Counter(), Counter()) == ContinuationStyle(2)
