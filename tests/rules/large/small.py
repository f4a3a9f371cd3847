"""One file of a filesystem in the mini kernel, and what becomes of its large allocations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from convert.pipeline import Options, make_plan
from convert.plan import Plan
from convert.rules.large.stage import with_large_sizes
from convert.rules.model import Converted, Refused
from convert.sites.model import SiteKind
from convert.source.dialect import load_dialect
from tests.corpus.cases import MINIKERNEL
from tests.sites.memory_tree import MemoryTree

PATH = "fs/case"
FILE = f"{PATH}/a.c"
HEAD = """#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/list.h>
#include <linux/string.h>
#include <linux/workqueue.h>

struct thing {
	struct list_head	list;
	struct work_struct	work;
	char			*data;
	char			*other;
	char			**names;
	unsigned int		count;
	union {
		void		*u_root;
		char		*u_data;
	};
	char			tail[];
};

struct thing_ops {
	void			(*release)(struct thing *t);
	void *			(*make)(unsigned long size);
};

"""


@cache
def kernel() -> Mapping[str, bytes]:
    """The mini kernel without its filesystem."""
    return {
        str(path.relative_to(MINIKERNEL)): path.read_bytes()
        for part in ("include", "mm")
        for path in (MINIKERNEL / part).rglob("*")
        if path.is_file()
    }


def tree_of(code: str, more: Mapping[str, str] | None = None) -> MemoryTree:
    """The mini kernel with a file of some code behind `HEAD`, and ``more`` files by path."""
    files: dict[str, str | bytes] = {**kernel(), FILE: HEAD + code.lstrip("\n"), **(more or {})}
    return MemoryTree(files)


def plan_of(code: str, more: Mapping[str, str] | None = None) -> Plan:
    """The plan for that file with large allocations made kvmalloc()."""
    tree = tree_of(code, more)
    plan = make_plan(tree, [PATH], Options())
    return with_large_sizes(plan, tree, lambda: load_dialect(tree, (PATH,)), lambda _: None)


def after(plan: Plan) -> str:
    """The file after all steps, without `HEAD`."""
    text = plan.snapshot(len(plan.steps)).get(FILE)
    return "" if text is None else text.removeprefix(HEAD)


def changes(plan: Plan) -> dict[str, str]:
    """The calls that change, by what they were."""
    return {
        " ".join(p.site.text.split()): " ".join(p.decision.replacement.split())
        for p in plan.sites
        if p.site.kind is SiteKind.LARGE and isinstance(p.decision, Converted)
    }


def refusals(plan: Plan) -> list[str]:
    """Why allocations stay."""
    return [
        p.decision.reason
        for p in plan.sites
        if p.site.kind is SiteKind.LARGE and isinstance(p.decision, Refused)
    ]
