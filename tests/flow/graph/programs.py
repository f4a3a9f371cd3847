"""Small trees for tests of the call graph, and what their graph says as plain text."""

from __future__ import annotations

from convert.flow.code import FunctionKey
from convert.flow.graph.build import build_graph
from convert.flow.graph.graph import CallGraph
from convert.flow.graph.model import Resolution
from tests.sites.memory_tree import MemoryTree

HEADERS = {
    "include/linux/kernel.h": (
        "struct inode { const struct inode_operations *i_op; void *i_private; };\n"
        "struct file;\n"
        "struct inode_operations {\n\tint (*getattr)(struct inode *);\n"
        "\tint (*setattr)(struct inode *);\n};\n"
        "struct work_struct { void (*func)(struct work_struct *); };\n"
        "struct bio { void (*bi_end_io)(struct bio *); void *bi_private; };\n"
        "struct shrinker { unsigned long (*scan_objects)(struct shrinker *); };\n"
        "struct attribute { const char *name; };\n"
        "typedef int (*cmp_func_t)(const void *, const void *);\n"
        "#define container_of(ptr, type, member) \\\n"
        "\t((type *)((void *)(ptr) - offsetof(type, member)))\n"
        "#define __ATTR(_name, _show) { .attr = { .name = #_name }, .show = _show }\n"
        "#define __ATTR_RO(_name) __ATTR(_name, _name##_show)\n"
        "#define PUT(place, value) ((place) = (value))\n"
        "#define DO_IF(cond, func, ...) ({ if (cond) func(__VA_ARGS__); })\n"
        "#define DO_ONCE(func, ...) DO_IF(true, func, ##__VA_ARGS__)\n"
        "static inline int apply_inline(int (*fn)(int), int x)\n{\n\treturn (*fn)(x);\n}\n"
        "#define DEFINE_SHOW_ATTRIBUTE(__name) \\\n"
        "static int __name##_open(struct inode *inode, struct file *file) \\\n"
        "{ return single_open(file, __name##_show, inode->i_private); }\n"
    ),
    "include/linux/sched/mm.h": (
        "static inline unsigned int memalloc_nofs_save(void)\n"
        "{\n\treturn memalloc_flags_save(1);\n}\n"
        "static inline unsigned memalloc_flags_save(unsigned flags)\n{\n\treturn flags;\n}\n"
    ),
}


def graph_of(files: dict[str, str] | str, *paths: str) -> CallGraph:
    """The graph of ``fs/x`` (or other paths) of a tree with these files; a text is fs/x/a.c."""
    given = {"fs/x/a.c": files} if isinstance(files, str) else files
    tree = MemoryTree({**HEADERS, **given})
    return build_graph(tree, paths or ("fs/x",))


def edges_of(graph: CallGraph) -> set[str]:
    """All edges as ``caller -> callee``; statics of a file without their file."""
    found = set()
    for key in (*graph.routines, *graph.constants):
        for edge in graph.callers(key):
            found.add(f"{edge.caller.name} -> {key.name}")
    return found


def indirect_of(graph: CallGraph, caller: str) -> dict[str, tuple[set[str], Resolution, bool]]:
    """The indirect calls of a function by their text: targets, how, whether complete."""
    found: dict[str, tuple[set[str], Resolution, bool]] = {}
    for key, routines in graph.routines.items():
        if key.name != caller:
            continue
        for routine in routines:
            for call, targets in graph.calls(routine):
                if targets.how is not Resolution.DIRECT:
                    names = {one.name for one in targets.functions}
                    text = routine.text(call.node)
                    found[text] = (names, targets.how, targets.complete)
    return found


def roots_of(graph: CallGraph) -> set[str]:
    """All roots as ``function: KIND detail``, those of macros left out."""
    return {
        f"{key.name}: {root.kind.name} {root.detail}"
        for key, roots in graph.roots.items()
        for root in roots
        if any(not one.is_macro for one in graph.routines.get(key, ()))
    }


def key(name: str, home: str = "") -> FunctionKey:
    """A key; ``home`` is the file of a static function."""
    return FunctionKey(home, name)
