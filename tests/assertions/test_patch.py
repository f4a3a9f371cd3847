"""The debug patch: where counters go, what is left out, and that plain tools take the patch."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from convert.assertions.hooks import place_hooks
from convert.assertions.model import AssertPatch, Target
from convert.assertions.patch import assert_patch, bit_name
from convert.errors import InputError
from convert.semantics.stubs import load_stubs
from convert.sites.sources import Sources
from convert.source.edits import apply_edits
from convert.tree.overlay import OverlayTree
from tests.rules.scoped.fakes import PATH, dialect, scopes, toy_tree

MAKEFILE = {"lib/Makefile": "obj-y += kernel.o\n"}
_CALL = re.compile(r"(\w+)\(@")


def slot_of(name: str) -> int | None:
    primitive = load_stubs().primitive(name)
    return None if primitive is None else primitive.gfp


def marked(text: str, path: str = PATH) -> tuple[str, list[Target]]:
    """The text without ``@``, and a target for each call whose parenthesis has one behind it."""
    targets: list[Target] = []
    while found := _CALL.search(text):
        text = text[: found.end() - 1] + text[found.end() :]
        line = text.count("\n", 0, found.start()) + 1
        names = frozenset({"GFP_NOFS", "KM_NOFS"})
        where = f"{path}:f:scope:{found[1]}:{len(targets) + 1}"
        targets.append(Target(where, path, found.start(), line, found[1], names, True))
    return text, targets


def hooked(text: str, path: str = PATH) -> tuple[str, tuple[str, ...]]:
    plain, targets = marked(text, path)
    tree = toy_tree({path: plain})
    sources = Sources(tree, ("fs/toy",), dialect)
    hooks = place_hooks(sources, targets, slot_of)
    after = apply_edits(plain, hooks.edits.get(path, ()))
    return after, tuple(one.reason for one in hooks.left_out)


HEAD = '#include "toy.h"\n\n'
INCLUDE = "#include <linux/kmem_convert_assert.h>\n"

PLACED = [
    pytest.param("p = kmalloc(@8, GFP_NOFS);", "p = kmalloc(8, M0GFP_NOFS));", id="statement"),
    pytest.param(
        "void *p = kmalloc(@8, GFP_NOFS), *q = 0;",
        "void *p = kmalloc(8, M0GFP_NOFS)), *q = 0;",
        id="initialiser",
    ),
    pytest.param(
        "if (!(p = kmalloc(@8, GFP_NOFS | __GFP_NOWARN)))\n\t\treturn;",
        "if (!(p = kmalloc(8, M0GFP_NOFS | __GFP_NOWARN))))\n\t\treturn;",
        id="condition",
    ),
    pytest.param(
        "list_add(g(kmalloc(@8, GFP_NOFS)), h);",
        "list_add(g(kmalloc(8, M0GFP_NOFS))), h);",
        id="argument",
    ),
    pytest.param(
        "p = x ? kmalloc(@8, GFP_NOFS) : kzalloc(@8, GFP_NOFS);",
        "p = x ? kmalloc(8, M0GFP_NOFS)) : kzalloc(8, M1GFP_NOFS));",
        id="two-arms",
    ),
    pytest.param("p = kmalloc(@8, m);", "p = kmalloc(8, M0m));", id="variable"),
    pytest.param("p = other(@GFP_NOFS, 8);", "p = other(M0GFP_NOFS), 8);", id="found-by-the-name"),
    pytest.param(
        "p = kmalloc(@size(GFP_NOFS), GFP_KERNEL);",
        "p = kmalloc(size(GFP_NOFS), M0GFP_KERNEL));",
        id="name-in-another-call",
    ),
    pytest.param(
        "while (kmalloc(@8,\n\t\t\tGFP_NOFS)) {\n\t}",
        "while (kmalloc(8,\n\t\t\tM0GFP_NOFS))) {\n\t}",
        id="loop",
    ),
]


@pytest.mark.parametrize(("body", "expected"), PLACED)
def test_the_mask_is_counted_where_it_is_evaluated(body: str, expected: str) -> None:
    after, left_out = hooked(f"{HEAD}void f(void)\n{{\n\t{body}\n}}\n")
    wanted = re.sub(r"M(\d)", r"kmem_convert_mask(\1, ", expected)
    assert left_out == ()
    assert after == f'#include "toy.h"\n{INCLUDE}\nvoid f(void)\n{{\n\t{wanted}\n}}\n'


LEFT_OUT = [
    pytest.param("p = other(@m, 8);", "which argument of other is the mask", id="no-name"),
    pytest.param(
        "p = other(@GFP_NOFS, GFP_NOFS);", "which argument of other is the mask", id="two-names"
    ),
    pytest.param(
        "p = kmalloc(@8,\n#ifdef A\n\tGFP_NOFS\n#else\n\tGFP_KERNEL\n#endif\n);",
        "disagree",
        id="if-inside",
    ),
    pytest.param("p = kmalloc(@8, );", "could not be parsed", id="not-parsed"),
]


@pytest.mark.parametrize(("body", "reason"), LEFT_OUT)
def test_what_cannot_be_counted_is_said(body: str, reason: str) -> None:
    text = f"{HEAD}void f(void)\n{{\n\t{body}\n}}\n"
    after, left_out = hooked(text)
    assert after == text.replace("@", "")
    assert len(left_out) == 1
    assert left_out[0].startswith(f"{PATH}:5: ")
    assert reason in left_out[0]


def test_nothing_is_counted_twice() -> None:
    plain, targets = marked(f"{HEAD}void f(void)\n{{\n\tkmalloc(@8, GFP_NOFS);\n}}\n")
    sources = Sources(toy_tree({PATH: plain}), ("fs/toy",), dialect)
    hooks = place_hooks(sources, targets * 2, slot_of)
    assert len(hooks.counted) == 1
    assert "already" in hooks.left_out[0].reason


def test_a_place_outside_of_functions_is_left_out() -> None:
    _, left_out = hooked("struct t x = T(@GFP_NOFS);\n")
    assert "not inside of a function" in left_out[0]


def test_a_header_includes_it_inside_its_guard() -> None:
    guard = "#ifndef T_H\n#define T_H\n"
    text = f"{guard}static inline void *f(void)\n{{\n\treturn kmalloc(@8, GFP_NOFS);\n}}\n#endif\n"
    after, left_out = hooked(text, "fs/toy/toy.h")
    assert left_out == ()
    assert after.startswith(f"{guard}{INCLUDE}static inline")


def test_a_macro_body_is_counted() -> None:
    after, left_out = hooked(f"{HEAD}#define A(n) kmalloc(@n, GFP_NOFS)\n")
    assert left_out == ()
    assert after.endswith("#define A(n) kmalloc(n, kmem_convert_mask(0, GFP_NOFS))\n")


def test_an_include_that_is_conditional_is_not_relied_upon() -> None:
    head = '#ifdef A\n#include "a.h"\n#endif\n'
    after, _ = hooked(f"{head}void f(void)\n{{\n\tkmalloc(@8, GFP_NOFS);\n}}\n")
    assert after.startswith(f"{head}{INCLUDE}void f(void)")


# -- the patch ------------------------------------------------------------------------------------

TEXT = f"{HEAD}void f(void)\n{{\n\tkmalloc(@8, GFP_NOFS);\n\tother(@m);\n}}\n"


def patch_of(tree: OverlayTree, targets: list[Target], scope: str = "nofs") -> AssertPatch:
    sources = Sources(tree, ("fs/toy",), dialect)
    about = {"version": "1", "command": "kmem-convert assert t fs/toy"}
    return assert_patch(tree, sources, targets, scopes(), scope, slot_of, about)


def toy() -> tuple[OverlayTree, list[Target], dict[str, str]]:
    plain, targets = marked(TEXT)
    files = {PATH: plain, **MAKEFILE}
    return toy_tree(files), targets, files


def test_plain_git_takes_the_patch(tmp_path: Path) -> None:
    tree, targets, files = toy()
    patch = patch_of(tree, targets)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "p.patch").write_text(patch.text)
    for words in (["init", "-q"], ["add", "fs", "lib"], ["commit", "-qm", "x"], ["am", "p.patch"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    assert "kmem_convert_mask(0, GFP_NOFS)" in (tmp_path / PATH).read_text()
    assert (tmp_path / "lib/Makefile").read_text().endswith("obj-y += kmem_convert_assert.o\n")
    body = (tmp_path / "lib/kmem_convert_assert.c").read_text()
    assert f'.id = "{PATH}:f:scope:kmalloc:1", .proven = true' in body
    assert "current->flags & PF_MEMALLOC_NOFS" in body
    subject = subprocess.run(
        ["git", "log", "-1", "--format=%s%n%b"], cwd=tmp_path, capture_output=True, text=True
    ).stdout
    assert "nofs" in subject
    assert "which argument of other is the mask is not known" in subject


def test_it_says_that_it_is_not_to_be_merged() -> None:
    tree, targets, _ = toy()
    text = patch_of(tree, targets).text
    assert "Subject: [DO NOT MERGE]" in text
    assert text.count("DO NOT MERGE") >= 3


def test_sites_that_are_only_observed_assert_nothing() -> None:
    tree, targets, _ = toy()
    only = [Target(**{**vars(target), "proven": False}) for target in targets]
    assert ".proven = false" in patch_of(tree, only).text


def test_the_bit_is_the_one_that_the_tree_defines() -> None:
    assert bit_name(scopes(), scopes().scopes["noio"]) == "PF_MEMALLOC_NOIO"


REFUSED = [
    pytest.param({"include/linux/kmem_convert_assert.h": ""}, "nofs", "there already", id="twice"),
    pytest.param({}, "nofail", "no nofail scope", id="no-scope"),
    pytest.param({PATH: "int x;\n"}, "nofs", "no site can be counted", id="nothing"),
]


@pytest.mark.parametrize(("more", "scope", "reason"), REFUSED)
def test_refused_with_one_line(more: dict[str, str], scope: str, reason: str) -> None:
    _, targets, files = toy()
    with pytest.raises(InputError, match=reason) as error:
        patch_of(toy_tree({**files, **more}), targets, scope)
    assert "\n" not in str(error.value)


def test_paths_that_c_would_misread_are_escaped() -> None:
    path = 'fs/toy/a"b.c'
    plain, targets = marked(TEXT, path)
    tree = toy_tree({path: plain, **MAKEFILE})
    assert '.id = "fs/toy/a\\042b.c:f' in patch_of(tree, targets).text
