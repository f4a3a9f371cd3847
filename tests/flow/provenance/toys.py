"""Small filesystems in memory, and the verdicts on their frees."""

from __future__ import annotations

from collections.abc import Mapping

from convert.flow.provenance.load import load_provenance
from convert.flow.provenance.names import load_names
from convert.flow.provenance.search import Provenance
from convert.flow.provenance.verdict import Verdict, judge
from convert.source.dialect import load_dialect
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import read_source
from tests.sites.memory_tree import MemoryTree

PATH = "fs/toy"
FILE = f"{PATH}/toy.c"
HEADER = """
#include <linux/slab.h>

struct list_head { struct list_head *next, *prev; };
struct toy_item {
	struct list_head	list;
	char			*name;
	struct toy_item		*child;
};

struct toy_ops {
	void			(*release)(struct toy_item *item);
	void *			(*make)(unsigned long size);
};

struct toy_mount {
	struct list_head	items;
	char			*buffer;
	void			*data;
	char			**names;
	const struct toy_ops	*ops;
	struct work_struct	work;
	unsigned int		*counts;
	union {
		void		*u_root;
		char		*u_data;
	};
};
"""
_KERNEL = {
    "include/linux/list.h": "#define list_for_each_entry(pos, head, member) \\\n\tfor (;;)\n"
    "#define list_for_each_entry_safe(pos, n, head, member) \\\n\tfor (;;)\n",
    "include/linux/types.h": "typedef unsigned int gfp_t;\ntypedef unsigned int u32;\n",
}


def provenance_of(files: Mapping[str, str]) -> Provenance:
    """Provenance for some files below ``fs/toy``; ``toy.h`` is there unless given."""
    whole: dict[str, str | bytes] = {**_KERNEL, f"{PATH}/toy.h": HEADER, **files}
    dialect = load_dialect(MemoryTree(whole), (PATH,))

    def parsed(path: str) -> ParsedFile:
        text = whole[path]
        data = text.encode() if isinstance(text, str) else text
        return parse_file(read_source(path, data), dialect)

    own = [path for path in sorted(whole) if path.startswith(f"{PATH}/")]
    return load_provenance(own, parsed, load_names())


def verdicts(code: str, **more: str) -> dict[str, Verdict]:
    """The verdicts on the frees of a file, by what they free."""
    provenance = provenance_of({FILE: code, **{f"{PATH}/{k}.c": v for k, v in more.items()}})
    return {free.text: judge(provenance, free) for free in provenance.frees()}


def the_verdict(code: str, **more: str) -> Verdict:
    """The verdict on the one free of a file."""
    (verdict,) = verdicts(code, **more).values()
    return verdict
