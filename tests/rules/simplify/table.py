"""A tiny tree with one file, and what a simplification makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convert.plan import Plan
from convert.rules.model import Converted, Kept, Refused
from convert.rules.simplify.stages import simplified
from convert.source.dialect import load_dialect
from tests.sites.memory_tree import MemoryTree

PATH = "fs/toy/toy.c"
SLAB = """\
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H
#include <linux/types.h>
#include <linux/overflow.h>
void *kmalloc(size_t size, gfp_t flags);
void *kzalloc(size_t size, gfp_t flags);
void *kmalloc_node(size_t size, gfp_t flags, int node);
void *kzalloc_node(size_t size, gfp_t flags, int node);
void *kmalloc_array(size_t n, size_t size, gfp_t flags);
void *kcalloc(size_t n, size_t size, gfp_t flags);
void *kvmalloc(size_t size, gfp_t flags);
void *kvzalloc(size_t size, gfp_t flags);
void *kvmalloc_array(size_t n, size_t size, gfp_t flags);
void *kvcalloc(size_t n, size_t size, gfp_t flags);
void kfree(const void *p);
void kvfree(const void *p);
#endif
"""
HEADERS: Mapping[str, str] = {
    "include/linux/slab.h": SLAB,
    "include/linux/types.h": """\
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long size_t;
typedef unsigned int gfp_t;
""",
    "include/linux/string.h": """\
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *kmemdup(const void *src, size_t len, gfp_t gfp);
""",
    "include/linux/overflow.h": """\
#define struct_size(p, member, count) \\
	size_add(sizeof(*(p)), flex_array_size(p, member, count))
""",
}
INCLUDES = "#include <linux/slab.h>\n#include <linux/string.h>\n"
TYPES = """\
#define MANY	16
#define LOTS	(MANY * 2)
enum { ENTRIES = 4 };
struct item {
	int			a;
	u64			b;
};
struct box {
	struct item		*items;
	u32			count;
	char			name[16];
	void			*data;
	size_t			len;
};
"""


@dataclass(frozen=True)
class Outcome:
    """The file before and after, and the decisions about it."""

    before: str
    after: str
    plan: Plan

    @property
    def converted(self) -> list[Converted]:
        return [p.decision for p in self.plan.sites if isinstance(p.decision, Converted)]

    @property
    def left(self) -> list[Kept | Refused]:
        return [p.decision for p in self.plan.sites if isinstance(p.decision, Kept | Refused)]


def empty_plan() -> Plan:
    """The plan of a tree without a wrapper family."""
    return Plan(
        tree="tree", revision=None, paths=("fs/toy",), recipe="exact", profile="xfs", prefix="toy",
        sites=(), refusals=(), steps=(), differences=(), axioms=(), originals={},
        functions_found=0, functions_parsed=0, files_read=1,
    )  # fmt: skip


def tree_of(text: str, headers: Mapping[str, str] = HEADERS) -> MemoryTree:
    """The headers and the file."""
    files = {**headers, PATH: text}
    return MemoryTree({path: data.encode("latin-1") for path, data in files.items()})


def outcome(text: str, *names: str, headers: Mapping[str, str] = HEADERS) -> Outcome:
    """Simplify a whole file."""
    tree = tree_of(text, headers)
    plan = simplified(empty_plan(), tree, names, lambda: load_dialect(tree, ("fs/toy",)))
    after = plan.snapshot(len(plan.steps)).get(PATH, text)
    assert after is not None
    return Outcome(text, after, plan)


def file_with(body: str, includes: str = INCLUDES, types: str = TYPES) -> str:
    """A file around functions or around one function's body (which starts with a tab)."""
    head = f"{includes}\n{types}\n"
    return head + (f"int f(struct box *x, int n)\n{{\n{body}}}\n" if body[:1] == "\t" else body)


def check_rewrite(name: str, before: str, after: str) -> Outcome:
    """The text becomes just the other one, and a second run finds nothing."""
    result = outcome(file_with(before), name)
    assert result.after == file_with(after)
    assert result.converted
    again = outcome(result.after, name)
    assert again.after == result.after
    assert not again.converted
    return result


def check_left(name: str, body: str, keyword: str, kind: type[Kept] | type[Refused]) -> None:
    """The text stays, for the reason that holds the keyword."""
    result = outcome(file_with(body), name)
    assert result.after == result.before
    assert not result.converted
    assert [type(one) for one in result.left] == [kind], result.left
    assert keyword in result.left[0].reason
