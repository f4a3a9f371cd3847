"""Memory of one kind that is given to the free of another, without any wrapper."""

from __future__ import annotations

import json

import pytest

from convert.flow.provenance.mismatch import Unit, may_mismatch, mismatches_of, units_of
from convert.flow.provenance.names import load_names
from convert.pipeline import Options, tree_mismatches
from convert.report.mismatch_report import mismatches_json, mismatches_text
from tests.flow.provenance.toys import FILE, HEADER, PATH
from tests.sites.memory_tree import MemoryTree


def found(code: str) -> list[tuple[str, str]]:
    """Deallocator and what is freed, of each mismatch."""
    files = {FILE: code, f"{PATH}/toy.h": HEADER, "include/linux/types.h": "typedef int gfp_t;\n"}
    wrong = tree_mismatches(MemoryTree(files), [PATH], Options())
    return [(one.free.deallocator, one.free.text) for one in wrong]


def function(body: str) -> str:
    return f"static void f(struct toy_mount *mp, int n)\n{{\n{body}}}\n"


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        pytest.param(
            function("\tchar *p = kvmalloc(n, GFP_KERNEL);\n\n\tkfree(p);\n"),
            ("kfree", "p"),
            id="kvmalloc-and-kfree",
        ),
        pytest.param(
            function("\tchar *p = kmalloc(n, GFP_KERNEL);\n\n\tvfree(p);\n"),
            ("vfree", "p"),
            id="kmalloc-and-vfree",
        ),
        pytest.param(
            function("\tchar *p = kcalloc_node(n, 8, 0, 1);\n\n\tvfree_atomic(p);\n"),
            ("vfree_atomic", "p"),
            id="kmalloc-of-a-node-and-vfree-in-atomic-context",
        ),
        pytest.param(
            function("\tchar *p = vmalloc_user(n);\n\n\tkfree_sensitive(p);\n"),
            ("kfree_sensitive", "p"),
            id="vmalloc-for-users-and-kfree",
        ),
        pytest.param(
            function("\tchar *p = vmalloc(n);\n\n\tkmem_cache_free(toy_cache, p);\n"),
            ("kmem_cache_free", "p"),
            id="vmalloc-and-the-free-of-a-cache",
        ),
        pytest.param(
            function("\tchar *p = kvmalloc(n, GFP_KERNEL);\n\n\tp = krealloc(p, 9, 0);\n"),
            ("krealloc", "p"),
            id="krealloc-of-vmalloc-memory",
        ),
        pytest.param(
            function("\tchar *all[5];\n\n\tall[n] = vmalloc(n);\n\tkfree(all[n]);\n"),
            ("kfree", "all[]"),
            id="elements-of-one-kind",
        ),
        pytest.param(
            function("\tchar *p = vmalloc(n);\n\n\tuuid_copy(&p, 0);\n\tkfree(p);\n"),
            ("kfree", "p"),
            id="its-address-goes-to-a-function-that-leaves-it-alone",
        ),
        pytest.param(
            "SYSCALL_DEFINE2(toy, int, n, char *, given)\n{\n\tchar *p = vmalloc(n);\n\n"
            "\tkfree(given);\n\tkfree(p);\n\treturn 0;\n}\n",
            ("kfree", "p"),
            id="in-a-function-that-a-macro-heads",
        ),
        pytest.param(
            function("\tmp->buffer = vmalloc(n);\n")
            + "\nstatic void g(struct toy_mount *mp)\n{\n\tkfree(mp->buffer);\n}\n",
            ("kfree", "mp->buffer"),
            id="through-a-member",
        ),
        pytest.param(
            "static void drop(void *p)\n{\n\tkfree(p);\n}\n\n"
            + function("\tdrop(kvzalloc(n, GFP_KERNEL));\n"),
            ("kfree", "p"),
            id="through-an-argument",
        ),
    ],
)
def test_mismatches(code: str, wrong: tuple[str, str]) -> None:
    assert found(code) == [wrong]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            function("\tchar *p = kvmalloc(n, GFP_KERNEL);\n\n\tkvfree(p);\n"), id="kvfree"
        ),
        pytest.param(
            function("\tchar *p = vmalloc_node(n, 1);\n\n\tvfree_atomic(p);\n"),
            id="vfree-in-atomic-context",
        ),
        pytest.param(
            function("\tchar *p = kmalloc(n, GFP_KERNEL);\n\n\tkvfree(p);\n"),
            id="kvfree-takes-either",
        ),
        pytest.param(
            function(
                "\tchar *p = n > 9 ? vmalloc(n) : kmalloc(n, GFP_KERNEL);\n\n"
                "\tif (n > 9)\n\t\tvfree(p);\n\telse\n\t\tkfree(p);\n"
            ),
            id="told-apart-by-a-test",
        ),
        pytest.param(
            function(
                "\tchar *p = n > 9 ? vmalloc(n) : kmalloc(n, GFP_KERNEL);\n\n"
                "\tif (n > 9) {\n\t\tvfree(p);\n\t\treturn;\n\t}\n\tkfree(p);\n"
            ),
            id="told-apart-by-a-return",
        ),
        pytest.param(
            function(
                "\tchar *p = n > 9 ? kmalloc(n, 0) : kmem_cache_alloc(toy_cache, 0);\n\n"
                "\tif (n > 9)\n\t\ttoy_free(p);\n\telse\n\t\tkmem_cache_free(toy_cache, p);\n"
            ),
            id="told-apart-by-a-private-free",
        ),
        pytest.param(
            function(
                "\tmp->buffer = n ? vmalloc(n) : NULL;\n\tmp->data = kmalloc(n, GFP_KERNEL);\n"
                "\tif (!mp->buffer)\n\t\tmp->buffer = mp->data;\n\telse\n\t\tkfree(mp->data);\n"
            ),
            id="two-members",
        ),
        pytest.param(
            function("\tmp->buffer = vmalloc(n);\n")
            + "\nstatic void g(struct toy_mount *mp)\n{\n\tmp->buffer = kmalloc(9, 0);\n}\n"
            + "\nstatic void h(struct toy_mount *mp)\n{\n\tkfree(mp->buffer);\n}\n",
            id="both-kinds-in-one-place",
        ),
        pytest.param(
            function(
                "\tchar *all[5];\n\n\tall[4] = kmalloc(n, 0);\n\tall[n] = vmalloc(n);\n"
                "\tvfree(all[n]);\n\tkfree(all[4]);\n"
            ),
            id="elements-of-an-array-by-their-index",
        ),
        pytest.param(
            function(
                "\tmp->names[4] = kmalloc(n, 0);\n\tmp->names[n] = vmalloc(n);\n"
                "\tvfree(mp->names[n]);\n\tkfree(mp->names[4]);\n"
            ),
            id="elements-of-a-member-by-their-index",
        ),
        pytest.param(
            function(
                "\tchar *p = vmalloc(n), *old = p;\n\n\telsewhere(&p);\n"
                "\tif (p != old)\n\t\tkfree(p);\n\tvfree(old);\n"
            ),
            id="code-elsewhere-may-have-put-other-memory-there",
        ),
        pytest.param(
            "static void drop(const void *p)\n{\n\tconst void *old = p;\n\n"
            "\telsewhere(&p);\n\tif (p != old)\n\t\tkfree(p);\n}\n\n"
            + function("\tchar *p = vmalloc(n);\n\n\tdrop(p);\n\tvfree(p);\n"),
            id="code-elsewhere-may-have-replaced-an-argument",
        ),
        pytest.param(
            function("\tchar *p = vmalloc(n);\n\n\tvfree(p);\n\tp = kmalloc(n, 0);\n\tkfree(p);\n"),
            id="the-variable-holds-something-else-by-then",
        ),
    ],
)
def test_right_pairs(code: str) -> None:
    assert found(code) == []


TABLE = """
static struct { char *ptr; int n; } table[8];

struct toy_other { char *ptr; };

static char *shared(char *p, int i)
{
	if (table[i].ptr)
		return table[i].ptr;
	table[i].ptr = p;
	return p;
}

static void other(struct toy_other *o)
{
	o->ptr = kmalloc(8, GFP_KERNEL);
}

static void f(struct toy_mount *mp, int n)
{
	mp->buffer = shared(@ALLOC@(n), n);
	kfree(mp->buffer);
}
"""


@pytest.mark.parametrize(
    ("allocator", "wrong"),
    [pytest.param("vmalloc", 1, id="mismatch"), pytest.param("kstrdup_it", 0, id="unknown")],
)
def test_tables_of_structures_without_a_name(allocator: str, wrong: int) -> None:
    assert len(found(TABLE.replace("@ALLOC@", allocator))) == wrong


RCU = "include/linux/rcupdate.h"


@pytest.mark.parametrize(
    ("call", "header", "wrong"),
    [
        pytest.param("kfree_rcu(p, rcu)", "#define kfree_rcu(p, r) __kfree_rcu(p)\n", 1, id="old"),
        pytest.param("kfree_rcu(p, m)", "#define kfree_rcu(p, m) kvfree_rcu(p, m)\n", 0, id="new"),
        pytest.param(
            "kfree_rcu_mightsleep(p)", "#define kfree_rcu_mightsleep(p) kvfree_rcu(p)\n", 0,
            id="one-argument",
        ),
        pytest.param("kfree_rcu(p)", "", 1, id="not-defined"),
        pytest.param("kvfree_rcu(p, rcu)", "#define kvfree_rcu(p, r) kvfree_call_rcu(p)\n", 0,
                     id="takes-both"),
        pytest.param("kfree_const(p)", "", 1, id="kfree-const"),
        pytest.param("kfree_sensitive(p)", "", 1, id="kfree-sensitive"),
        pytest.param("kvfree_sensitive(p, n)", "", 0, id="kvfree-sensitive"),
    ],
)  # fmt: skip
def test_frees_after_a_grace_period_and_the_like(call: str, header: str, wrong: int) -> None:
    code = function(f"\tchar *p = vmalloc(n);\n\n\t{call};\n")
    files = {FILE: code, f"{PATH}/toy.h": HEADER, RCU: header}
    assert len(tree_mismatches(MemoryTree(files), [PATH], Options())) == wrong


def test_reports() -> None:
    files = {
        FILE: function("\tmp->buffer = vmalloc(n);\n\tdrop(mp);\n\tkfree(mp->buffer);\n"),
        f"{PATH}/toy.h": HEADER,
    }
    wrong = tree_mismatches(MemoryTree(files), [PATH], Options())
    assert mismatches_text(wrong, "1").split("\n") == [
        "fs/toy/toy.c:5: kfree(mp->buffer) in f()",
        "  is given vmalloc memory of vmalloc() at fs/toy/toy.c:3 in f()",
        "    through buffer of struct toy_mount (fs/toy/toy.c:3)",
        "",
        "1 mismatched pair of allocation and free.",
    ]
    (record,) = json.loads(mismatches_json(wrong, "1"))["mismatches"]
    assert (record["file"], record["line"], record["deallocator"]) == (FILE, 5, "kfree")
    assert record["allocations"][0]["family"] == "vmalloc"


@pytest.mark.parametrize(
    ("under", "files", "names"),
    [
        pytest.param("fs", ["fs/a/x.c", "fs/a/b/y.c", "fs/z.c"], ["fs", "fs/a"], id="all-of-fs"),
        pytest.param("fs/a", ["fs/a/x.c", "fs/a/b/y.c"], ["fs/a"], id="one-filesystem"),
        pytest.param("fs", [], [], id="nothing"),
    ],
)
def test_files_that_belong_together(under: str, files: list[str], names: list[str]) -> None:
    units = units_of(files, under)
    assert [unit.name for unit in units] == names
    assert sorted(path for unit in units for path in unit.files) == sorted(files)


def test_a_file_that_cannot_be_read_is_left_out() -> None:
    units = [Unit("fs/toy", (FILE,))]
    found = mismatches_of(units, lambda _: None, load_names(), lambda _: b"kfree(vmalloc(n));")
    assert list(found) == []


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        pytest.param("kfree(vmalloc(n))", True, id="vmalloc-and-kfree"),
        pytest.param("vfree(kmalloc(n, 0))", True, id="kmalloc-and-vfree"),
        pytest.param("kfree(vmemdup_user(p, n))", True, id="a-function-that-gives-memory"),
        pytest.param("krealloc(kvmalloc(n, 0), 9, 0)", True, id="krealloc-is-a-free"),
        pytest.param("kfree(kmalloc(n, 0))", False, id="they-fit"),
        pytest.param("kvfree(vmalloc(n))", False, id="kvfree-takes-all"),
        pytest.param("kfree(p)", False, id="no-allocator"),
        pytest.param("vmalloc(n)", False, id="no-free"),
        pytest.param("my_kfree(vmalloc(n))", False, id="another-name"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_what_is_worth_parsing(code: str, answer: bool) -> None:
    unit = Unit("fs/toy", (FILE, f"{PATH}/other.c"))
    halves = {FILE: code.partition("(")[0], f"{PATH}/other.c": code.partition("(")[2]}
    assert may_mismatch(unit, lambda path: halves[path].encode(), load_names()) is answer
    seen: list[str] = []
    made = mismatches_of(
        [unit], lambda _: None, load_names(), lambda path: halves[path].encode(), seen.append
    )
    assert list(made) == []
    assert bool(seen) is answer
