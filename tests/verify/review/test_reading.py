"""What a review reads of C: flow, tests of pointers, masks, origins, and what it cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycparser import c_ast

from convert.flow.code import Routine, routines_of
from convert.flow.control import Role, flow_of
from convert.flow.provenance.names import load_names
from convert.flow.terms import place_text, spelled
from convert.source.dialect import load_dialect
from convert.source.parse import parse_file
from convert.source.text import read_source
from convert.verify.review.checks import UseKind, use_of
from convert.verify.review.states import State, Workshop, roots_of, series_dialect
from tests.verify.review.patches import TOY, minikernel, review_change, serious, told, with_files
from tests.verify.review.toys import body, toy


def routine(code: str) -> Routine:
    """The first function of some C."""
    parsed = parse_file(read_source("a.c", code.encode()), load_dialect(minikernel(), ()))
    assert not parsed.refusals
    return routines_of(parsed, frozenset(["BUG"]))[0]


def expression(text: str, declare: str = "") -> tuple[c_ast.Node, Routine]:
    made = routine(f"void f(void)\n{{\n{declare}\tx = {text};\n}}\n")
    node = made.variant.root.body.block_items[-1].rvalue
    return node, made


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("a * b", "(b) * (a)", id="product"),
        pytest.param("a | B | c", "c | a | B", id="union"),
        pytest.param("(void *)p", "p", id="cast"),
        pytest.param("sizeof(struct foo)", "sizeof(*p)", id="sizeof-of-what-it-points-to"),
        pytest.param("sizeof(struct foo)", "sizeof(q)", id="sizeof-of-a-variable"),
        pytest.param("f( a,b )", "f(a, b)", id="white-space"),
        pytest.param("16u", "16", id="suffix"),
    ],
)
def test_equal_spellings(left: str, right: str) -> None:
    declare = "\tstruct foo *p, q;\n"
    texts = []
    for text in (left, right):
        node, made = expression(text, declare)
        texts.append(spelled(node, made.types))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("a - b", "b - a", id="difference"),
        pytest.param("a->b", "a.b", id="access"),
        pytest.param("a / b * c", "a * c * b", id="quotient"),
    ],
)
def test_different_spellings(left: str, right: str) -> None:
    assert spelled(expression(left)[0], {}) != spelled(expression(right)[0], {})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("a->b.c", "a->b.c", id="members"),
        pytest.param("(int *)a[i + 1]", "a[]", id="element"),
        pytest.param("**a", "**a", id="pointers"),
        pytest.param("a + 1", None, id="no-place"),
        pytest.param("f()->b", None, id="member-of-a-result"),
    ],
)
def test_places(text: str, place: str | None) -> None:
    assert place_text(expression(text)[0]) == place


@pytest.mark.parametrize(
    ("code", "ways"),
    [
        pytest.param("if (a && b) return 1; return 2;", 2, id="two-returns"),
        pytest.param("while (1) { if (a) return 1; }", 1, id="endless-loop"),
        pytest.param("BUG(); return 1;", 1, id="nothing-after-a-trap"),
        pytest.param("switch (a) { case 1: return 1; case 2: break; } return 2;", 2, id="switch"),
        pytest.param("do { a(); } while (0); return 1;", 1, id="do-once"),
        pytest.param("if (a) goto out; b(); out: return 1;", 1, id="goto"),
        pytest.param("for (;;) { if (a) break; if (b) continue; c(); } return 1;", 1, id="for"),
        pytest.param("a ? b() : c();", 0, id="falls-off-the-end"),
    ],
)
def test_flow_reaches_every_return(code: str, ways: int) -> None:
    flow = flow_of(routine(f"int f(void)\n{{ {code} }}\n").variant.root.body, frozenset(["BUG"]))
    returns = [p for p in flow.points if p.role is Role.RETURN]
    assert len(returns) == ways
    assert all(flow.edges[p.index] for p in returns)
    assert {edge.to for edges in flow.edges for edge in edges} <= set(range(len(flow.points)))


def test_a_condition_is_split_at_its_operators() -> None:
    made = routine("int f(int a, int b, int c)\n{ if (!(a && (b || !c))) return 1; return 2; }\n")
    tests = [p.code.name for p in made.flow.points if p.role is Role.TEST and p.code]
    assert tests == ["a", "b", "c"]


USES = [
    pytest.param("p = A; if (!p) return; p->x = 1;", UseKind.CHECKED, id="tested-first"),
    pytest.param("p = A; if (p == NULL) return; *p = 1;", UseKind.CHECKED, id="compared"),
    pytest.param("p = A; if (unlikely(!p)) return; *p = 1;", UseKind.CHECKED, id="unlikely"),
    pytest.param("p = A; q = p; if (!q) return; p->x = 1;", UseKind.CHECKED, id="copy-tested"),
    pytest.param("p = A; n = p ? p->x : 0;", UseKind.CHECKED, id="conditional-expression"),
    pytest.param("p = A; if (p && p->x) return;", UseKind.CHECKED, id="in-a-conjunction"),
    pytest.param("p = A; BUG_ON(!p); p->x = 1;", UseKind.CHECKED, id="bug-on"),
    pytest.param("p = A; p->x = 1;", UseKind.USED, id="dereferenced"),
    pytest.param("p = A; p[1] = 1;", UseKind.USED, id="indexed"),
    pytest.param("p = A; memset(p, 0, 8);", UseKind.USED, id="written-by-a-call"),
    pytest.param("p = A; ASSERT(p); p->x = 1;", UseKind.USED, id="asserted"),
    pytest.param("p = A; if (n) if (!p) return; p->x = 1;", UseKind.USED, id="on-one-way-only"),
    pytest.param("p = A; if (p->x) return;", UseKind.USED, id="the-test-itself-dereferences"),
    pytest.param("s->f = A; s->f->x = 1;", UseKind.USED, id="through-a-field"),
    pytest.param("p = A; g(p);", UseKind.HANDED_ON, id="passed-on"),
    pytest.param("p = A; return p;", UseKind.HANDED_ON, id="returned"),
    pytest.param("return A;", UseKind.HANDED_ON, id="returned-at-once"),
    pytest.param("s->f = A;", UseKind.HANDED_ON, id="stored"),
    pytest.param("p = A; kfree(p);", UseKind.CHECKED, id="only-freed"),
]


@pytest.mark.parametrize(("code", "kind"), USES)
def test_uses_of_a_result(code: str, kind: UseKind) -> None:
    call = "kmalloc(8, GFP_KERNEL)"
    text = f"void f(int n)\n{{\nstruct s *p, *q;\n{code.replace('A', call, 1)}\n}}\n"
    if "ASSERT" in code or "NULL" in code:
        text = text.replace(f"{call}SSERT", "ASSERT")
    state = _state({TOY: text})
    (made,) = (r for r in state.routines(TOY) if not r.is_macro)
    site = next(s for s in state.reader.sites(made) if s.callee == "kmalloc")
    assert use_of(site, load_names()).kind is kind


def _state(files: dict[str, str | None]) -> State:
    tree = with_files(files)
    roots = roots_of(files, tree)
    return State(tree, Workshop(load_names(), series_dialect(tree, (), roots, None), roots))


@pytest.mark.parametrize(
    ("code", "masks"),
    [
        pytest.param("kmalloc(8, GFP_NOFS);", {"GFP_NOFS"}, id="constant"),
        pytest.param("kmalloc(8, a ? GFP_NOFS : GFP_KERNEL);", {"GFP_NOFS", "GFP_KERNEL"}, id="or"),
        pytest.param(
            "gfp_t m = GFP_KERNEL; m &= ~__GFP_FS; kmalloc(8, m);", {"GFP_NOFS"}, id="cleared"
        ),
        pytest.param(
            "gfp_t m = GFP_NOFS; if (a) m |= __GFP_NOWARN; kmalloc(8, m);",
            {"GFP_NOFS", "GFP_NOFS | __GFP_NOWARN"},
            id="one-way-only",
        ),
        pytest.param(
            "gfp_t m = GFP_NOFS; while (a) { kmalloc(8, m); m = GFP_KERNEL; }",
            {"GFP_NOFS", "GFP_KERNEL"},
            id="later-in-a-loop",
        ),
        pytest.param("kmalloc(8, g | __GFP_ZERO);", {"g | __GFP_ZERO"}, id="parameter"),
        pytest.param(
            "gfp_t m = GFP_NOFS; h(&m); kmalloc(8, m);", {"not known"}, id="address-taken"
        ),
        pytest.param("vmalloc(8);", {"GFP_KERNEL"}, id="no-mask-argument"),
    ],
)
def test_masks(code: str, masks: set[str]) -> None:
    state = _state({TOY: f"void f(int a, gfp_t g)\n{{ {code} }}\n"})
    (made,) = state.routines(TOY)
    (site,) = (s for s in state.reader.sites(made) if s.callee in ("kmalloc", "vmalloc"))
    assert set(site.promise.masks) == masks


def test_a_function_that_does_not_parse_is_not_reviewed(tmp_path: Path) -> None:
    before = body("\tchar *p = kmalloc(8, GFP_NOFS);\n\n\tkfree(p);\n\treturn 0;")
    after = body("\tchar *p = kmalloc(8, GFP_NOFS);\n\n\tkfree(p;\n\treturn 0;")
    review = review_change(tmp_path, before, after)
    assert told(review) == [("not-reviewed", "unknown")]
    assert serious(review)[0].line == 3
    assert review.exit_code == 1


def test_a_broken_function_without_memory_is_passed_over(tmp_path: Path) -> None:
    before = body("\treturn toy_work(mp);")
    after = body("\treturn toy_work(mp;")
    assert told(review_change(tmp_path, before, after)) == []


def test_a_file_that_cannot_be_split_into_tokens(tmp_path: Path) -> None:
    before, after = toy("int x;\n"), toy("int x;\n/* never closed\n")
    assert told(review_change(tmp_path, before, after)) == [("not-reviewed", "unknown")]


def test_files_that_are_no_c_are_applied_and_passed_over(tmp_path: Path) -> None:
    before = {**toy("int x;\n"), "fs/toyfs/Makefile": "a\n"}
    after = {**toy("int x;\n"), "fs/toyfs/Makefile": "b\n"}
    review = review_change(tmp_path, before, after)
    assert (told(review), review.commits[0].files) == ([], 0)


@pytest.mark.parametrize(
    ("path", "root"),
    [
        pytest.param("fs/minfs/libminfs/minfs_attr.c", "fs/minfs", id="filesystem"),
        pytest.param("mm/slab.c", "mm/slab.c", id="a-file-of-a-large-directory"),
        pytest.param("include/linux/slab.h", "include/linux/slab.h", id="header-of-all"),
    ],
)
def test_the_directory_that_a_file_belongs_to(path: str, root: str) -> None:
    assert roots_of([path], minikernel()) == (root,)
