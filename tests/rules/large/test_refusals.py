"""Large allocations that stay as they are, each with the fact that is missing and its place."""

from __future__ import annotations

import pytest

from tests.rules.large.small import FILE, HEAD, PATH, after, kernel, plan_of, refusals

USED = """
void f(struct thing *t, struct other *o, unsigned long n)
{
	char *p = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);

	@USE@
	kfree(p);
}
"""
STORED = """
static void set(struct thing *t, unsigned long n)
{
	might_sleep();
	t->data = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

static void drop(struct thing *t)
{
	might_sleep();
	kfree(t->data);
}
"""
MASK = "GFP_KERNEL | __GFP_NOFAIL"

HANDED = [
    pytest.param("virt_to_page(p);", "virt_to_page() takes only", id="virt-to-page"),
    pytest.param("virt_to_page(p + 4096);", "virt_to_page() takes only", id="computed-pointer"),
    pytest.param("p += n; virt_to_page(p);", "virt_to_page() takes only", id="advanced-pointer"),
    pytest.param(
        "virt_to_page((void *)((unsigned long)p & ~4095UL));",
        "virt_to_page() takes only",
        id="masked-number",
    ),
    pytest.param("ksize(p);", "ksize() takes only", id="ksize"),
    pytest.param("p = krealloc(p, 8, GFP_KERNEL);", "krealloc() takes only", id="krealloc"),
    pytest.param("sg_set_buf(o->sg, p, n);", "sg_set_buf() takes only", id="scatterlist"),
    pytest.param("sg_init_one(o->sg, &p[8], n);", "sg_init_one() takes only", id="element"),
    pytest.param(
        "dma_map_single(o->dev, p, n, 1);", "dma_map_single() takes only", id="dma-mapping"
    ),
    pytest.param("if (is_vmalloc_addr(p)) n = 1;", "asks which kind of memory", id="kind-test"),
    pytest.param("elsewhere(o, p);", "elsewhere(), which was not read, is handed", id="unread"),
    pytest.param(
        "o->data = p;", "it goes to data of struct other, declared", id="member-of-a-foreign-type"
    ),
    pytest.param("*(o->where) = p;", "where[] of struct other: that type", id="through-a-member"),
    pytest.param("gone = p;", "gone, which is declared nowhere here", id="unknown-variable"),
    pytest.param("o->call(p);", "call of struct other is not followed", id="foreign-callback"),
    pytest.param(
        "xa_store(&t->names, 1, p, GFP_KERNEL);", "xa_store(), which was not read", id="inserted"
    ),
    pytest.param("kfree(p + 4);", "may free a pointer computed from it", id="computed-is-freed"),
    pytest.param("vfree(p);", "vfree(p) may free it, which takes no vmalloc", id="vfree"),
    pytest.param("kmem_cache_free(cache, p);", "kmem_cache_free(p) may free it", id="slab-cache"),
    pytest.param("kfree_const(p);", "kfree_const(p) may free it", id="kfree-const"),
    pytest.param("kfree_rcu_mightsleep(p);", "does not say that it takes both", id="freed-later"),
    pytest.param(
        "char *q __free(kfree) = p;", "a variable is freed at the end", id="cleanup-attribute"
    ),
]


@pytest.mark.parametrize(("use", "why"), HANDED)
def test_memory_that_is_used_so_stays(use: str, why: str) -> None:
    cleanup = "#define __free(_name) __cleanup(__free_##_name)\n"
    plan = plan_of(USED.replace("@USE@", use), {"include/linux/cleanup.h": cleanup})
    assert plan.steps == ()
    (reason,) = refusals(plan)
    assert why in reason
    assert reason.startswith(f"{FILE}:")


def test_the_line_is_that_of_the_use() -> None:
    line = HEAD.count("\n") + 5
    (reason,) = refusals(plan_of(USED.replace("@USE@", "ksize(p);")))
    assert reason.startswith(f"{FILE}:{line}: ksize()")


OBJECT = """
void f(unsigned long n)
{
	struct thing *t = kmalloc(sizeof(*t) + n, GFP_KERNEL | __GFP_NOFAIL);

	@USE@
	kfree(t);
}
"""


@pytest.mark.parametrize(
    ("use", "why"),
    [
        pytest.param("virt_to_page(t->tail);", "virt_to_page()", id="array-in-the-object"),
        pytest.param("virt_to_page(&t->count);", "virt_to_page()", id="member-of-the-object"),
        pytest.param("virt_to_page(&t->tail[8]);", "virt_to_page()", id="element-of-its-array"),
        pytest.param("elsewhere(&t->list);", "elsewhere()", id="first-member"),
        pytest.param("elsewhere(&t->work);", "elsewhere()", id="work-item-handed-outside"),
    ],
)
def test_pointers_into_an_object_are_followed(use: str, why: str) -> None:
    (reason,) = refusals(plan_of(OBJECT.replace("@USE@", use)))
    assert why in reason


@pytest.mark.parametrize(
    ("code", "why"),
    [
        pytest.param(
            STORED + "\nchar *get(struct thing *t)\n{\n\treturn t->data;\n}\nEXPORT_SYMBOL(get);\n",
            "the result of get() goes to code that was not read",
            id="returned-by-an-exported-function",
        ),
        pytest.param(
            STORED + "\nvoid get(struct thing *t, char **p)\n{\n\t*p = t->data;\n}\n"
            "EXPORT_SYMBOL(get);\n",
            "what get() stores through argument 2 goes to code that was not read",
            id="stored-for-a-caller-elsewhere",
        ),
        pytest.param(
            STORED + "\nstatic void g(struct thing *t)\n{\n\telsewhere(&t->data);\n}\n",
            "elsewhere(), which was not read, is handed the address of data",
            id="address-of-the-member",
        ),
        pytest.param(
            STORED + "\nstatic void g(struct thing *t)\n{\n\tt->data @ 5;\n}\n",
            "data is named in code that could not be parsed",
            id="code-that-could-not-be-parsed",
        ),
        pytest.param(
            STORED
            + "\nstatic void say(const char *text, ...)\n{\n}\n\n"
            + 'static void g(struct thing *t)\n{\n\tsay("%p", t->data);\n}\n',
            "say() takes it as one of a varying number",
            id="variable-arguments",
        ),
        pytest.param(
            STORED.replace("kfree(t->data);", ""),
            "no free of this memory was found",
            id="never-freed",
        ),
        pytest.param(
            "#define make(n) kmalloc(n, GFP_KERNEL | __GFP_NOFAIL)\n\n"
            "void f(unsigned long n)\n{\n\tkfree(make(n));\n}\n",
            "it stands in the body of a macro",
            id="allocated-by-a-macro",
        ),
        pytest.param(
            "#define drop(p) kfree(p)\n\nvoid f(unsigned long n)\n{\n"
            f"\tchar *p = kmalloc(n, {MASK});\n\n\tdrop(p);\n}}\n",
            "kfree() stands in the body of the macro drop",
            id="freed-by-a-macro",
        ),
        pytest.param(
            "void f(unsigned long n)\n{\n\tchar *p;\n\n#ifdef CONFIG_A\n\tp = (char *)\n#else\n"
            f"\tp =\n#endif\n\t\tkmalloc(n, {MASK});\n\tkfree(p);\n}}\n",
            None,
            id="variants-that-agree",
        ),
        pytest.param(
            f"void f(unsigned long n)\n{{\n\tchar *p = kmalloc(n, {MASK} & ~__GFP_IO);\n\n"
            "\tkfree(p);\n}\n",
            None,
            id="a-mask-without-io",
        ),
    ],
)
def test_what_else_keeps_an_allocation(code: str, why: str | None) -> None:
    plan = plan_of(code)
    if why is None:
        assert refusals(plan) == [] and "kvmalloc(" in after(plan)
        return
    assert plan.steps == ()
    assert why in refusals(plan)[0]


LOCAL = USED.replace("@USE@", "p[0] = 0;")


def kernel_file(path: str) -> str:
    """A file of the mini kernel."""
    return kernel()[path].decode()


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        pytest.param(
            "include/linux/slab.h", "void *kvmalloc(", "void *large_alloc(",
            "this tree declares no kvmalloc()", id="no-kvmalloc",
        ),
        pytest.param(
            "include/linux/slab.h", "void kvfree(", "void large_free(",
            "this tree declares no kvfree()", id="no-kvfree",
        ),
        pytest.param(
            "mm/util.c", "	gfp_t try = flags;\n	void *p;\n",
            "	gfp_t try = flags;\n	void *p;\n\n	if (flags & __GFP_NOFAIL)\n"
            "		return kmalloc(size, flags);\n",
            "such requests never reach vmalloc", id="never-fail-requests-stay-at-the-slab",
        ),
        pytest.param(
            "mm/util.c", "	p = kmalloc(size, try);",
            "	p = kmalloc(size, try & ~__GFP_NOFAIL);",
            "small requests are made with another mask", id="small-requests-may-fail",
        ),
        pytest.param(
            "mm/vmalloc.c", "(gfp_mask & __GFP_NOFAIL)", "0",
            "vmalloc: does not look at __GFP_NOFAIL", id="vmalloc-may-fail",
        ),
        pytest.param(
            "mm/vmalloc.c", "__vmalloc_area_node", "take_area",
            "mm/vmalloc.c: no __vmalloc_node_range", id="no-such-vmalloc",
        ),
    ],
)  # fmt: skip
def test_the_tree_decides(path: str, old: str, new: str, why: str) -> None:
    text = kernel_file(path)
    assert old in text
    plan = plan_of(LOCAL, {path: text.replace(old, new)})
    assert plan.steps == ()
    assert why in refusals(plan)[0]


def test_a_vmalloc_without_scopes_takes_no_nofs_mask() -> None:
    text = kernel_file("mm/vmalloc.c").replace("memalloc_nofs_save()", "0")
    other = {"mm/vmalloc.c": text.replace("memalloc_nofs_restore(flags);", ";")}
    code = LOCAL.replace("GFP_KERNEL", "GFP_NOFS")
    assert "vmalloc: opens no nofs scope" in refusals(plan_of(code, other))[0]
    assert refusals(plan_of(LOCAL, other)) == []
    assert refusals(plan_of(code)) == []


def test_a_file_that_does_not_see_the_function() -> None:
    code = LOCAL.replace("kfree(p);", "drop_it(p);")
    other = '#include "b.h"\n\nvoid drop_it(const void *p)\n{\n\tmight_sleep();\n\tkfree(p);\n}\n'
    more = {f"{PATH}/b.c": other, f"{PATH}/b.h": "void drop_it(const void *p);\n"}
    (reason,) = refusals(plan_of(code, more))
    assert reason == (
        f"{PATH}/b.c:6: the file does not include <linux/slab.h>, which declares kvfree()"
    )
    more[f"{PATH}/b.c"] = "#include <linux/slab.h>\n" + other
    assert refusals(plan_of(code, more)) == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        pytest.param(f"kmalloc(8192, {MASK})", False, id="two-pages"),
        pytest.param(f"kmalloc(n & 4095, {MASK})", False, id="bounded"),
        pytest.param("kmalloc(n, GFP_KERNEL)", False, id="may-fail"),
        pytest.param("kmalloc(n, GFP_ATOMIC | __GFP_NOFAIL)", False, id="cannot-wait"),
        pytest.param(f"kvmalloc(n, {MASK})", False, id="kvmalloc-already"),
        pytest.param(f"kmalloc(8193, {MASK})", True, id="always-larger"),
        pytest.param(f"kmalloc(n, {MASK})", True, id="run-time"),
        pytest.param(f"kzalloc(n, {MASK})", True, id="zeroed"),
        pytest.param(f"kmalloc_array(n, 8, {MASK})", True, id="array"),
        pytest.param(f"kcalloc(n, 8, {MASK})", True, id="zeroed-array"),
        pytest.param(f"kmalloc(n, t ? {MASK} : GFP_NOFS | __GFP_NOFAIL)", True, id="two-masks"),
    ],
)
def test_only_large_never_fail_allocations_are_looked_at(call: str, found: bool) -> None:
    plan = plan_of(f"void f(struct thing *t, unsigned int n)\n{{\n\tchar *p = {call};\n\n"
                   "\tkfree(p);\n}\n")  # fmt: skip
    assert [p.site.text for p in plan.sites if p.site.text.endswith(")")][:1] == (
        [call] if found else []
    )
    assert refusals(plan) == []
