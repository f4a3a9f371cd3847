"""The debug patch: counters in the code, and the file that keeps and prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from convert.assertions.hooks import HEADER, MaskSlot, place_hooks
from convert.assertions.model import AssertPatch, Target
from convert.errors import InputError
from convert.report.diffs import hunks, split_lines
from convert.semantics.scopes import Scope, ScopeTable
from convert.series.templates import template_root
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span, apply_edits
from convert.tree.kernel import KernelTree

_BODY = "lib/kmem_convert_assert.c"
_MAKEFILE = "lib/Makefile"
_PROC = "include/linux/proc_fs.h"


def assert_patch(
    tree: KernelTree,
    sources: Sources,
    targets: Iterable[Target],
    scopes: ScopeTable,
    scope: str,
    slot_of: MaskSlot,
    about: Mapping[str, str],
) -> AssertPatch:
    """Make the patch. ``about``: the tool's ``version`` and the ``command`` that asked for it.

    Raises InputError if nothing can be counted, if the tree has no such scope or no lib/Makefile,
    or if it holds such a patch already.
    """
    for path in (f"include/{HEADER}", _BODY):
        if tree.exists(path):
            raise InputError(f"{path} is there already: the tree holds an assert patch")
    if not tree.exists(_MAKEFILE):
        raise InputError(f"{tree.name}: no {_MAKEFILE}, so the counters cannot be built")
    if scope not in scopes.scopes:
        raise InputError(f"{tree.name}: no {scope} scope (memalloc_{scope}_save) in this tree")
    hooks = place_hooks(sources, targets, slot_of)
    if not hooks.counted:
        first = f"; first reason: {hooks.left_out[0].reason}" if hooks.left_out else ""
        raise InputError(f"no site can be counted{first}")
    bit = bit_name(scopes, scopes.scopes[scope])
    added = {
        f"include/{HEADER}": _render("kmem_convert_assert.h.j2", {}),
        _BODY: _render(
            "kmem_convert_assert.c.j2",
            {
                "bit": bit,
                "scope": scope,
                "sites": hooks.counted,
                "proc_ops": b"struct proc_ops" in _read(tree, _PROC),
            },
        ),
    }
    makefile = tree.read(_MAKEFILE).decode("latin-1")
    changed: dict[str, tuple[str, tuple[Edit, ...]]] = {
        path: (sources.data(path).decode("latin-1"), edits) for path, edits in hooks.edits.items()
    }
    changed[_MAKEFILE] = (makefile, (_built(makefile),))
    diff = "".join(
        _new_file(path, added[path]) if path in added else _changed_file(path, *changed[path])
        for path in sorted({*added, *changed})
    )
    variables = {
        **about,
        "bit": bit,
        "scope": scope,
        "proven": sum(target.proven for target in hooks.counted),
        "observed": sum(not target.proven for target in hooks.counted),
        "left_out": hooks.left_out,
    }
    text = _render("message.j2", variables).rstrip("\n") + f"\n---\n{diff}-- \nkmem-convert\n"
    return AssertPatch(text, hooks.counted, hooks.left_out)


def bit_name(scopes: ScopeTable, scope: Scope) -> str:
    """The name of the bit that a scope sets, as the tree's own headers define it.

    Raises InputError unless exactly one flag of the task has that value.
    """
    constants = scopes.executor.program.constants
    names = [
        name
        for name in sorted(constants.by_name)
        if name.startswith("PF_") and constants.value(name).number == scope.bit
    ]
    if len(names) != 1:
        what = ", ".join(names) or "none"
        raise InputError(f"the flag of the task for {scope.bit:#x} is not clear: {what}")
    return names[0]


def _read(tree: KernelTree, path: str) -> bytes:
    return tree.read(path) if tree.exists(path) else b""


def _built(makefile: str) -> Edit:
    """The line that builds the file, behind everything else, where no condition is open."""
    end = len(makefile)
    line = f"obj-y += {PurePosixPath(_BODY).stem}.o\n"
    return Edit(Span(end, end), line if not makefile or makefile.endswith("\n") else f"\n{line}")


def _new_file(path: str, text: str) -> str:
    lines = split_lines(text)
    head = (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n"
    )
    return head + "".join(f"+{line}" for line in lines)


def _changed_file(path: str, old: str, edits: tuple[Edit, ...]) -> str:
    apply_edits(old, edits)  # raises if two counters claim the same bytes
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
    return head + "".join(hunks(old, edits))


def _render(name: str, variables: Mapping[str, object]) -> str:
    environment = Environment(
        loader=FileSystemLoader(template_root() / "assert"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C and plain text
    )
    environment.filters["c_string"] = _c_string
    return environment.get_template(name).render(variables)


def _c_string(text: str) -> str:
    """A C string literal. A path may hold anything."""
    return '"' + "".join(c if _plain(c) else f"\\{ord(c):03o}" for c in text) + '"'


def _plain(letter: str) -> bool:
    return " " <= letter <= "~" and letter not in '"\\%?'
