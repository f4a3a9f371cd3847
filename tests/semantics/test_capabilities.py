"""What a tree's allocators accept, with the lines that say so; and what its sources do not tell."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from convert.errors import InputError
from convert.semantics.capabilities import Capabilities, capabilities, capabilities_text
from convert.semantics.stubs import parse_stubs
from tests.semantics.sources import DIALECT, tree

LIMITS = "#define INT_MAX ((int)(~0U >> 1))\n"
# Linux 5.15 and later: any sleeping mask falls back to vmalloc, which keeps the promise.
KVMALLOC_NEW = """\
void *kvmalloc_node(size_t size, gfp_t flags, int node)
{
	gfp_t kmalloc_flags = flags;
	void *ret;

	if (size > PAGE_SIZE) {
		kmalloc_flags |= __GFP_NOWARN;
		if (!(kmalloc_flags & __GFP_RETRY_MAYFAIL))
			kmalloc_flags |= __GFP_NORETRY;
		kmalloc_flags &= ~__GFP_NOFAIL;
	}
	ret = kmalloc_node(size, kmalloc_flags, node);
	if (ret || size <= PAGE_SIZE)
		return ret;
	if (!gfpflags_allow_blocking(flags))
		return NULL;
	if (unlikely(size > INT_MAX)) {
		WARN_ON_ONCE(!(flags & __GFP_NOWARN));
		return NULL;
	}
	return __vmalloc_node_range(size, 1, VMALLOC_START, VMALLOC_END,
			flags, PAGE_KERNEL, VM_ALLOW_HUGE_VMAP,
			node, __builtin_return_address(0));
}
"""
# Linux 4.18: masks that lack a bit of GFP_KERNEL never reach vmalloc.
KVMALLOC_4 = """\
void *kvmalloc_node(size_t size, gfp_t flags, int node)
{
	gfp_t kmalloc_flags = flags;
	void *ret;

	if ((flags & GFP_KERNEL) != GFP_KERNEL)
		return kmalloc_node(size, flags, node);
	if (size > PAGE_SIZE)
		kmalloc_flags |= __GFP_NOWARN | __GFP_NORETRY;
	ret = kmalloc_node(size, kmalloc_flags, node);
	if (ret || size <= PAGE_SIZE)
		return ret;
	return __vmalloc_node_flags_caller(size, node, flags,
			__builtin_return_address(0));
}
"""
# Linux 6.10 and later: parameters made by a macro, names with a suffix, a helper for the mask.
SLAB_MACROS = """\
#ifdef CONFIG_SLAB_BUCKETS
#define DECL_BUCKET_PARAMS(_size, _b) size_t (_size), kmem_buckets *(_b)
#define PASS_BUCKET_PARAMS(_size, _b) (_size), (_b)
#else
#define DECL_BUCKET_PARAMS(_size, _b) size_t (_size)
#define PASS_BUCKET_PARAMS(_size, _b) (_size)
#endif
"""
KVMALLOC_MACRO = """\
static gfp_t kmalloc_gfp_adjust(gfp_t flags, size_t size)
{
	if (size > PAGE_SIZE)
		flags = (flags | __GFP_NOWARN) & ~__GFP_NOFAIL;
	return flags;
}
void *__kvmalloc_node_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node)
{
	void *ret;

	ret = __kmalloc_node_noprof(PASS_BUCKET_PARAMS(size, b),
			kmalloc_gfp_adjust(flags, size), node);
	if (ret || size <= PAGE_SIZE)
		return ret;
	return __vmalloc_node_range_noprof(size, 1, VMALLOC_START, VMALLOC_END,
			flags, PAGE_KERNEL, VM_ALLOW_HUGE_VMAP, node, NULL);
}
"""
VMALLOC = """\
static void *__vmalloc_area_node(struct vm_struct *area, gfp_t gfp_mask)
{
	unsigned int flags;
	if ((gfp_mask & (__GFP_FS | __GFP_IO)) == __GFP_IO)
		flags = memalloc_nofs_save();
	map(area);
	if ((gfp_mask & (__GFP_FS | __GFP_IO)) == __GFP_IO)
		memalloc_nofs_restore(flags);
	return area;
}
void *__vmalloc_node_range(unsigned long size, gfp_t gfp_mask)
{
again:
	if (!get_area(size) && (gfp_mask & __GFP_NOFAIL))
		goto again;
	return __vmalloc_area_node(NULL, gfp_mask);
}
"""
VMALLOC_POOR = (
    "void *__vmalloc_node_range(unsigned long size, gfp_t m)\n{\n\treturn area(size);\n}\n"
)


def asked(files: Mapping[str, str]) -> Capabilities:
    return capabilities(tree({"include/linux/limits.h": LIMITS, **files}), DIALECT)


@pytest.mark.parametrize(
    ("files", "nofs", "nofail"),
    [
        pytest.param({"mm/util.c": KVMALLOC_NEW, "mm/vmalloc.c": VMALLOC}, True, True, id="new"),
        pytest.param(
            {"mm/util.c": KVMALLOC_NEW, "mm/vmalloc.c": VMALLOC_POOR},
            False,
            False,
            id="vmalloc-does-not-care",
        ),
        pytest.param({"mm/util.c": KVMALLOC_4, "mm/vmalloc.c": VMALLOC_POOR}, False, False, id="4"),
        pytest.param(
            {"mm/util.c": KVMALLOC_4, "mm/vmalloc.c": VMALLOC},
            False,
            False,
            id="4-hands-the-promise-to-kmalloc",
        ),
        pytest.param(
            {
                "mm/util.c": KVMALLOC_MACRO,
                "mm/vmalloc.c": VMALLOC,
                "include/linux/slab.h": SLAB_MACROS,
            },
            True,
            True,
            id="macro-parameters",
        ),
        pytest.param(
            {"mm/slub.c": KVMALLOC_NEW, "mm/vmalloc.c": VMALLOC, "mm/util.c": "int x;\n"},
            True,
            True,
            id="moved-to-slub",
        ),
        pytest.param({"mm/util.c": KVMALLOC_NEW}, None, None, id="no-vmalloc-source"),
        pytest.param({"mm/vmalloc.c": VMALLOC}, None, None, id="no-kvmalloc"),
        pytest.param(
            {
                "mm/util.c": KVMALLOC_NEW.replace(
                    "flags, PAGE_KERNEL", "flags & ~__GFP_NOFAIL, PAGE_KERNEL"
                ),
                "mm/vmalloc.c": VMALLOC,
            },
            True,
            False,
            id="promise-dropped",
        ),
        pytest.param(
            {
                "mm/util.c": KVMALLOC_NEW.replace(
                    "return ret;\n\tif (!g", "return odd(size);\n\tif (!g"
                ),
                "mm/vmalloc.c": VMALLOC,
            },
            True,
            True,
            id="small-requests-do-not-matter",
        ),
    ],
)
def test_kvmalloc(files: Mapping[str, str], nofs: bool | None, nofail: bool | None) -> None:
    found = asked(files).found
    assert (found["kvmalloc-nofs"].value, found["kvmalloc-nofail"].value) == (nofs, nofail)


def test_evidence() -> None:
    found = asked({"mm/util.c": KVMALLOC_NEW, "mm/vmalloc.c": VMALLOC}).found
    assert [str(where) for where in found["kvmalloc-nofail"].evidence] == [
        "mm/util.c:21",
        "mm/vmalloc.c:14",
    ]
    assert [str(where) for where in found["vmalloc-nofs"].evidence] == ["mm/vmalloc.c:5"]


def test_kvmalloc_that_cannot_be_run_is_not_known() -> None:
    text = KVMALLOC_NEW.replace("void *ret;", "void *ret = reserve(&node);")
    found = asked({"mm/util.c": text, "mm/vmalloc.c": VMALLOC}).found["kvmalloc-nofs"]
    assert found.value is None
    assert found.note == "the result of reserve() is used, and its body was not read"
    assert [str(where) for where in found.evidence] == ["mm/util.c:4"]


@pytest.mark.parametrize(
    ("header", "text", "name", "line"),
    [
        pytest.param(
            "slab.h", "void *kmalloc(size_t size, gfp_t flags);\n", "kmalloc", 1, id="prototype"
        ),
        pytest.param("slab.h", "\n#define kmalloc_obj(p, ...) x\n", "kmalloc_obj", 2, id="macro"),
        pytest.param(
            "slab.h",
            "static inline void *\nkzalloc(size_t size, gfp_t flags)\n{\n}\n",
            "kzalloc",
            2,
            id="inline",
        ),
        pytest.param(
            "cleanup.h", "#define guard(_name) \\\n\tCLASS(_name, x)\n", "guard", 1, id="guard"
        ),
        pytest.param("mm.h", "extern void kvfree(const void *addr);\n", "kvfree", 1, id="kvfree"),
    ],
)
def test_declared(header: str, text: str, name: str, line: int) -> None:
    found = asked({f"include/linux/{header}": text})
    assert found.has(name)
    assert [str(where) for where in found.found[name].evidence] == [
        f"include/linux/{header}:{line}"
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("/* use kmalloc_obj(p) */\n", id="comment"),
        pytest.param('#define M "kmalloc_obj(p)"\n', id="string"),
        pytest.param("#define other(p) kmalloc_obj(p)\n", id="used-in-a-macro"),
        pytest.param("static inline void f(void)\n{\n\tkmalloc_obj(p);\n}\n", id="called"),
        pytest.param("int kmalloc_obj;\n", id="no-function"),
        pytest.param("void kmalloc_object(int n);\n", id="longer-name"),
    ],
)
def test_not_declared(text: str) -> None:
    found = asked({"include/linux/slab.h": text})
    assert not found.has("kmalloc_obj")
    assert found.found["kmalloc_obj"].note == "not found"


@pytest.mark.parametrize(
    ("body", "limit", "line"),
    [
        pytest.param("WARN_ON_ONCE((gfp & __GFP_NOFAIL) && (order > 1));", 1, 3, id="in-the-call"),
        pytest.param(
            "if (unlikely(nofail)) {\n\t\tWARN_ON_ONCE(order > 2);\n\t}", 2, 4, id="in-a-branch"
        ),
        pytest.param(
            "if (gfp & __GFP_NOFAIL)\n\t\tif (page)\n\t\t\tWARN_ON_ONCE(order > 3);",
            3,
            5,
            id="two-branches-out",
        ),
        pytest.param("WARN_ON_ONCE(order > 9);", None, 0, id="about-something-else"),
        pytest.param("WARN_ON_ONCE((flags & __GFP_NOFAIL) && costly);", None, 0, id="no-number"),
        pytest.param(
            "if (nofail)\n\t\treturn 0;\n\tWARN_ON_ONCE(order > 1);", None, 0, id="after-the-branch"
        ),
    ],
)
def test_order_limit(body: str, limit: int | None, line: int) -> None:
    text = f"static int rmqueue(gfp_t flags, int order)\n{{\n\t{body}\n\treturn 1;\n}}\n"
    found = asked({"mm/page_alloc.c": text}).found["nofail-order"]
    assert found.value == limit
    expected = [f"mm/page_alloc.c:{line}"] if limit else []
    assert [str(where) for where in found.evidence] == expected


def test_text_says_what_is_not_known() -> None:
    lines = capabilities_text(asked({})).splitlines()
    assert "memalloc_nofs_save: yes (include/linux/sched/mm.h:13)" in lines
    assert "guard: no (not found)" in lines
    assert "nofail-order: not known (mm/page_alloc.c not found)" in lines


GOOD = """\
schema = 1
helper = []
deallocator = []
scope = {headers = [], constants = [], context = [], reclaim = [], reclaim_file = "m", source = "s"}
[capability]
headers = []
names = []
kvmalloc_files = []
kvmalloc = []
vmalloc_file = "v"
vmalloc = []
order_file = "o"
limits = []
expand = []
pass_on = []
source = "s"
[[allocator]]
name = "get"
family = "kmalloc"
size = [0]
gfp = 1
source = "s"
"""


def test_a_stub_table_is_read() -> None:
    stubs = parse_stubs(GOOD, "t.toml")
    assert stubs.primitive("get") is not None
    assert stubs.primitive("got") is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param("schema = 1", "schema = 2", "t.toml: schema", id="schema"),
        pytest.param("gfp = 1\n", "", "give either gfp", id="no-mask"),
        pytest.param('source = "s"\n[[', 'source = ""\n[[', "capability.source", id="no-source"),
        pytest.param('"kmalloc"', '"malloc"', "allocator.0.family", id="family"),
        pytest.param("gfp = 1", "gfp = 1\nspeed = 3", "allocator.0.speed", id="unknown-key"),
        pytest.param("helper = []", "helper = [", "not valid TOML", id="syntax"),
    ],
)
def test_unusable_stub_tables_are_refused(before: str, after: str, message: str) -> None:
    assert before in GOOD
    with pytest.raises(InputError, match=message):
        parse_stubs(GOOD.replace(before, after), "t.toml")
