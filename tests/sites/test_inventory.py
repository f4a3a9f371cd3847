"""An inventory counts what is code, says what is done with it, and agrees with a recount."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.errors import InputError
from convert.profiles.kernel import KernelNames, load_kernel_names, parse_kernel_names
from convert.sites.inventory import take_inventory
from convert.sites.inventory_model import Inventory, WrapperNames
from tests.sites.memory_tree import MemoryTree

WRAPPERS = WrapperNames(
    flag_slots={"wrap_alloc": 1, "wrap_free": None},
    flags=frozenset(["W_NOFS", "W_MAYFAIL"]),
    own_files=frozenset(["fs/toy/wrap.c", "fs/toy/wrap.h"]),
)


def inventory_of(body: str, head: str = "", wrappers: WrapperNames = WRAPPERS) -> Inventory:
    """The inventory of one file whose function ``f`` has a body."""
    text = f"{head}\nvoid f(void)\n{{\n\t{body}\n}}\n"
    return take_inventory(
        MemoryTree({"fs/toy/a.c": text}), ["fs/toy"], wrappers, load_kernel_names()
    )


@pytest.mark.parametrize(
    ("call", "flags", "combination"),
    [
        pytest.param("wrap_alloc(n, 0)", (), "0", id="none"),
        pytest.param("wrap_alloc(n, W_NOFS)", ("W_NOFS",), "W_NOFS", id="one"),
        pytest.param(
            "wrap_alloc(n, (W_NOFS |\n\t\tW_MAYFAIL))",
            ("W_MAYFAIL", "W_NOFS"),
            "W_MAYFAIL | W_NOFS",
            id="two, sorted",
        ),
        pytest.param(
            "wrap_alloc(g(a, b), W_NOFS)", ("W_NOFS",), "W_NOFS", id="comma in an argument"
        ),
        pytest.param("wrap_alloc(n, /* 0 */ W_NOFS)", ("W_NOFS",), "W_NOFS", id="comment"),
        pytest.param("wrap_alloc(n, flags)", None, "computed", id="variable"),
        pytest.param("wrap_alloc(n, x ? W_NOFS : 0)", None, "computed", id="condition"),
        pytest.param("wrap_alloc(n)", None, "computed", id="argument missing"),
        pytest.param("wrap_free(p)", (), "-", id="no flags at all"),
    ],
)
def test_flags_of_a_call(call: str, flags: tuple[str, ...] | None, combination: str) -> None:
    (use,) = inventory_of(f"p = {call};").wrappers
    assert (use.form.value, use.flags, use.combination) == ("call", flags, combination)


@pytest.mark.parametrize(
    ("head", "form"),
    [
        pytest.param("void *wrap_alloc(size_t n, int flags);", "declaration", id="prototype"),
        pytest.param("void (*p)(void *) = wrap_free;", "reference", id="function pointer"),
        pytest.param("#define A(n) wrap_alloc(n, 0)", "call", id="macro body"),
    ],
)
def test_a_name_outside_of_functions(head: str, form: str) -> None:
    (use,) = inventory_of("", head).wrappers
    assert use.form.value == form


def test_the_wrappers_own_files_are_left_out_and_said_to_be() -> None:
    tree = MemoryTree(
        {
            "fs/toy/a.c": "void f(void)\n{\n\twrap_free(GFP_NOFS);\n}\n",
            "fs/toy/wrap.h": "static inline void wrap_free(void *p)\n{\n\tg(GFP_NOFS);\n}\n",
            "fs/toy/README": "GFP_NOFS\n",
        }
    )
    found = take_inventory(tree, ["fs/toy"], WRAPPERS, load_kernel_names())
    assert found.left_out == ("fs/toy/wrap.h",)
    assert found.files_read == 2
    assert len(found.wrappers) == len(found.masks) == 1


@pytest.mark.parametrize(
    ("body", "form", "target"),
    [
        pytest.param("g(a, GFP_NOFS);", "argument", "g", id="argument"),
        pytest.param("g(h(x), (GFP_NOFS | __GFP_ZERO));", "argument", "g", id="in parentheses"),
        pytest.param("g(p->m[i], GFP_NOFS);", "argument", "g", id="after an index"),
        pytest.param("if (g(GFP_NOFS)) {\n}", "argument", "g", id="call in a condition"),
        pytest.param("return g(GFP_NOFS);", "argument", "g", id="call that is returned"),
        pytest.param("m = GFP_NOFS;", "assigned", "m", id="assignment"),
        pytest.param("gfp_t a = 0, m = GFP_NOFS;", "assigned", "m", id="second declarator"),
        pytest.param("gfp_t m = c ? GFP_NOFS : 0;", "assigned", "gfp_t m", id="initialiser"),
        pytest.param("if (c) m |= GFP_NOFS;", "assigned", "m", id="after a condition"),
        pytest.param("if (c)\n\t\tx(); else m = GFP_NOFS;", "assigned", "m", id="after else"),
        pytest.param("out: m = GFP_NOFS;", "assigned", "m", id="after a label"),
        pytest.param("if (c) {\n\t}\n\tm = GFP_NOFS;", "assigned", "m", id="after a block"),
        pytest.param("for (m = GFP_NOFS; m;)\n;", "assigned", "m", id="in a loop's head"),
        pytest.param("return GFP_NOFS | m;", "returned", "", id="return"),
        pytest.param("if (m & GFP_NOFS)\n;", "tested", "", id="condition"),
        pytest.param("x = m == GFP_NOFS;", "tested", "", id="comparison"),
        pytest.param("ASSERT(GFP_NOFS != m);", "tested", "", id="comparison in a call"),
        pytest.param("GFP_NOFS;", "other", "", id="nothing"),
    ],
)
def test_what_is_done_with_a_mask(body: str, form: str, target: str) -> None:
    (use,) = inventory_of(body).masks
    assert (use.form.value, use.target, use.place.function) == (form, target, "f")


def test_a_mask_in_a_macro_belongs_to_the_macro() -> None:
    (use,) = inventory_of("", "#define MASK(x) \\\n\t((x) | GFP_NOIO)").masks
    assert (use.name, use.place.line, use.place.function) == ("GFP_NOIO", 2, "MASK")
    assert use.place.in_macro and use.form.value == "other"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("/* GFP_NOFS */", id="comment"),
        pytest.param("// GFP_NOFS \\\n GFP_NOFS\n", id="continued line comment"),
        pytest.param('g("GFP_NOFS");', id="string"),
        pytest.param("xGFP_NOFS = GFP_NOFSx;", id="part of a name"),
        pytest.param("#error GFP_NOFS", id="directive that is no macro"),
        pytest.param("#define GFP_NOFS 0", id="the macro's own name"),
    ],
)
def test_what_is_no_code_is_not_counted(body: str) -> None:
    found = inventory_of(f"\n{body}\n")
    assert found.masks == () and found.stored == ()


def test_allocations_that_must_not_fail() -> None:
    (use,) = inventory_of("g(GFP_KERNEL | __GFP_NOFAIL);").never_fails
    assert (use.name, use.target) == ("__GFP_NOFAIL", "g")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("m = memalloc_nofs_save();", ("nofs", "open", ""), id="nofs open"),
        pytest.param("memalloc_nofs_restore(m);", ("nofs", "close", "m"), id="nofs close"),
        pytest.param("m = memalloc_noio_save();", ("noio", "open", ""), id="noio"),
        pytest.param("m = memalloc_noreclaim_save();", ("noreclaim", "open", ""), id="noreclaim"),
        pytest.param(
            "m = memalloc_flags_save(PF_MEMALLOC_NOFS);",
            ("flags", "open", "PF_MEMALLOC_NOFS"),
            id="flags",
        ),
        pytest.param(
            "guard(memalloc_flags)(PF_MEMALLOC_NOFS);",
            ("flags", "guard", "PF_MEMALLOC_NOFS"),
            id="guard",
        ),
        pytest.param(
            "scoped_guard(memalloc_flags, PF_MEMALLOC_NOIO) {\n}",
            ("flags", "guard", "PF_MEMALLOC_NOIO"),
            id="scoped guard",
        ),
    ],
)
def test_scopes(body: str, expected: tuple[str, str, str]) -> None:
    (use,) = inventory_of(body).scopes
    assert (use.scope, use.action.value, use.argument) == expected


@pytest.mark.parametrize(
    ("body", "head"),
    [
        pytest.param("guard(mutex)(&l);", "", id="other guard"),
        pytest.param("guard();", "", id="empty guard"),
        pytest.param("", "unsigned int memalloc_nofs_save(void);", id="declaration"),
        pytest.param("x = memalloc_nofs_save;", "", id="no call"),
    ],
)
def test_no_scope(body: str, head: str) -> None:
    assert inventory_of(body, head).scopes == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "INIT_RADIX_TREE(&t, GFP_NOFS);", ("call", "INIT_RADIX_TREE", "GFP_NOFS"), id="tree"
        ),
        pytest.param(
            "mapping_set_gfp_mask(m, a &\n\t\t~__GFP_FS);",
            ("call", "mapping_set_gfp_mask", "a & ~__GFP_FS"),
            id="mapping",
        ),
        pytest.param(
            "xa_init_flags(&x, XA_FLAGS_LOCK_IRQ | GFP_NOFS);",
            ("call", "xa_init_flags", "XA_FLAGS_LOCK_IRQ | GFP_NOFS"),
            id="xarray",
        ),
        pytest.param(
            "idr_preload(GFP_NOFS);", ("preload", "idr_preload", "GFP_NOFS"), id="preload"
        ),
        pytest.param(
            "sk->sk_allocation = GFP_NOFS;",
            ("member", "sk->sk_allocation", "GFP_NOFS"),
            id="member",
        ),
        pytest.param(
            "a[i].m |= GFP_NOFS | x;", ("member", "a[i].m", "|= GFP_NOFS | x"), id="changed member"
        ),
        pytest.param(
            "struct s c = { .a = 1, .mask = GFP_NOFS | __GFP_ZERO, };",
            ("member", ".mask", "GFP_NOFS | __GFP_ZERO"),
            id="designated initialiser",
        ),
        pytest.param(
            "g(m, FGP_LOCK | FGP_NOFS);",
            ("page-cache-flag", "FGP_NOFS", "FGP_NOFS"),
            id="page cache",
        ),
    ],
)
def test_stored_masks(body: str, expected: tuple[str, str, str]) -> None:
    (use,) = inventory_of(body).stored
    assert (use.storage.value, use.name, use.mask) == expected


@pytest.mark.parametrize(
    ("body", "head"),
    [
        pytest.param("xa_init_flags(&x, XA_FLAGS_ALLOC);", "", id="flags that are no mask"),
        pytest.param("p->q = g(GFP_NOFS);", "", id="mask of an allocation that is stored"),
        pytest.param("m = GFP_NOFS;", "", id="local variable"),
        pytest.param("x = p->mask == GFP_NOFS;", "", id="comparison"),
        pytest.param("a[p->i] = GFP_NOFS;", "", id="member only in the index"),
        pytest.param("", "void idr_preload(gfp_t gfp_mask);", id="declaration"),
    ],
)
def test_not_stored(body: str, head: str) -> None:
    assert inventory_of(body, head).stored == ()


@pytest.mark.parametrize(
    ("body", "access", "target"),
    [
        pytest.param("if (current->flags & PF_MEMALLOC_NOFS)\n;", "read", "", id="condition"),
        pytest.param("WARN_ON(current->flags & PF_MEMALLOC);", "read", "WARN_ON", id="assertion"),
        pytest.param(
            "x = (t->flags & (PF_A | PF_MEMALLOC)) == PF_MEMALLOC_NOIO;",
            "read",
            "",
            id="of several",
        ),
        pytest.param("current->flags |= PF_MEMALLOC_NOIO;", "written", "current->flags", id="set"),
        pytest.param("t->flags &= ~(PF_A | PF_MEMALLOC);", "written", "t->flags", id="cleared"),
        pytest.param("m |= PF_A | PF_MEMALLOC;", "combined", "m", id="variable"),
        pytest.param("g(&m, PF_MEMALLOC_NOFS);", "passed", "g", id="passed"),
    ],
)
def test_task_flags(body: str, access: str, target: str) -> None:
    found = {(use.access.value, use.target) for use in inventory_of(body).task_flags}
    assert found == {(access, target)}


def test_a_broken_file_is_unread_if_it_holds_a_name_of_interest() -> None:
    tree = MemoryTree({"a.c": "GFP_NOFS /* no end", "b.c": "x /* no end", "c.c": "int x;\n"})
    found = take_inventory(tree, ["a.c", "b.c", "c.c"], WRAPPERS, load_kernel_names())
    assert [(one.file, one.line, one.construct) for one in found.unread] == [
        ("a.c", 1, "comment without an end")
    ]
    assert found.files_read == 3


def test_a_path_that_is_not_there_is_an_input_error() -> None:
    with pytest.raises(InputError, match="fs/none"):
        take_inventory(MemoryTree({"a.c": ""}), ["fs/none"], WRAPPERS, load_kernel_names())


def test_a_file_under_two_paths_counts_once() -> None:
    tree = MemoryTree({"fs/a.c": "void f(void)\n{\n\tg(GFP_NOFS);\n}\n"})
    found = take_inventory(tree, ["fs", "fs/a.c"], WRAPPERS, load_kernel_names())
    assert (found.files_read, len(found.masks)) == (1, 1)


# Each piece of C with the number of GFP_NOFS tokens, wrapper calls and opened scopes that it holds.
PIECES = {
    "void f(void)\n{\n\tp = wrap_alloc(n, W_NOFS);\n}\n": (0, 1, 0),
    "void g(void)\n{\n\tkmalloc(n, GFP_NOFS /* GFP_NOFS */ | GFP_NOFS);\n}\n": (2, 0, 0),
    "/* GFP_NOFS wrap_free(p) memalloc_nofs_save() */\n": (0, 0, 0),
    "// GFP_NOFS\n": (0, 0, 0),
    'static char *s = "GFP_NOFS \\" wrap_free(p)";\n': (0, 0, 0),
    "static char c = '\"';\n": (0, 0, 0),
    "#define M(x) wrap_free(x), \\\n\tkfree(GFP_NOFS)\n": (1, 1, 0),
    "#ifdef A\nint h(int a)\n{\n#else\nint h(void)\n{\n#endif\n\twrap_free(GFP_NOFS);\n}\n": (
        1,
        1,
        0,
    ),
    "void k(void)\n{\n\tif (a) {\n\t\tm = memalloc_nofs_save();\n\t}\n}\n": (0, 0, 1),
    "struct s x = {\n\t.mask = GFP_NOFS,\n};\n": (1, 0, 0),
    "#include <linux/GFP_NOFS.h>\n": (0, 0, 0),
    "void wrap_free(void *p);\n": (0, 0, 0),
    "\n\x0c\n": (0, 0, 0),
}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(PIECES)), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_counts_equal_the_sum_of_the_pieces(pieces: list[str], line_end: str) -> None:
    text = "".join(pieces).replace("\n", line_end)
    found = take_inventory(MemoryTree({"a.c": text}), ["a.c"], WRAPPERS, load_kernel_names())
    calls = sum(use.form.value == "call" for use in found.wrappers)
    opened = sum(use.action.value == "open" for use in found.scopes)
    expected = [sum(PIECES[piece][column] for piece in pieces) for column in range(3)]
    assert [len(found.masks), calls, opened] == expected
    for use in found.masks:
        line = text.split("\n")[use.place.line - 1]
        assert line[use.place.column - 1 :].startswith("GFP_NOFS")


def test_the_facts_of_the_kernel_have_unique_names_and_sources() -> None:
    names = load_kernel_names()
    facts = [
        *names.mask, *names.never_fails, *names.guard, *names.store, *names.preload,
        *names.page_cache_flag, *names.task_flag, *names.scope,
    ]  # fmt: skip
    counted = Counter(fact.name for fact in facts)
    assert counted.most_common(1)[0][1] == 1
    assert all(re.search(r"include/|by mail", fact.source) for fact in facts)


EMPTY = "schema = 1\nscope = []\nnever_fails = []\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("schema = ", "not valid TOML", id="no TOML"),
        pytest.param("schema = 2", "kernel.toml: schema", id="other schema"),
        pytest.param("schema = 1", "mask: Field required", id="missing list"),
        pytest.param(
            EMPTY + '[[mask]]\nname = "GFP_NOFS"',
            r"mask\.0\.source: Field required",
            id="no source",
        ),
        pytest.param(
            EMPTY + '[[mask]]\nname = "G F"\nsource = "x"',
            r"mask\.0\.name: String should match",
            id="no name",
        ),
        pytest.param(
            EMPTY + 'mask = []\n[[store]]\nname = "f"\nslot = -1\nsource = "x"',
            r"store\.0\.slot: Input should be greater",
            id="negative slot",
        ),
        pytest.param(EMPTY + "mask = []\nmore = 1", "more: Extra inputs", id="unknown key"),
    ],
)
def test_broken_facts_are_an_input_error(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_kernel_names(text, "kernel.toml")


def test_names_without_any_wrapper() -> None:
    names = KernelNames(schema=1, mask=(), never_fails=(), scope=())
    none = WrapperNames({}, frozenset())
    tree = MemoryTree({"a.c": "void f(void)\n{\n\tg(GFP_NOFS);\n}\n"})
    found = take_inventory(tree, ["a.c"], none, names)
    assert not (found.masks or found.wrappers or found.stored)
