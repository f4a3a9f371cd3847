"""Making the early readers of a mask see the scope; every one of them is accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pycparser import c_ast

from convert.errors import InputError
from convert.nofail.locate import Body, Places, plain
from convert.nofail.scope_header import CONTEXT, ORDER_CONTEXT
from convert.nofail.scope_header import PATH as SCOPE_HEADER
from convert.profiles.nofail import NofailFacts
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of

NOFAIL = "__GFP_NOFAIL"
ALLOCATORS = "mm"
_INCLUDE = "linux/sched/mm.h"
_ROOTS = ("mm", "fs", "include/linux", "kernel", "block", "lib")  # drivers only allocate
_SUFFIXES = (".c", ".h")


@dataclass(frozen=True)
class Use:
    """A function or macro that uses a word, and one of its lines."""

    path: str
    name: str
    line: int


def account(places: Places, facts: NofailFacts) -> tuple[list[Use], list[Use]]:
    """All callers of ``current_gfp_context()``, and all readers of ``__GFP_NOFAIL`` in mm/.

    Raises InputError for one that nothing is known of: the scope could be missing there, or do
    harm.
    """
    callers = [
        use
        for use in _uses(places, CONTEXT, _ROOTS)
        if use.path != SCOPE_HEADER or use.name not in (CONTEXT, ORDER_CONTEXT)
    ]
    readers = list(_uses(places, NOFAIL, (ALLOCATORS,)))
    for uses, known, word in ((callers, facts.contexts, CONTEXT), (readers, facts.readers, NOFAIL)):
        for use in uses:
            if plain(use.name) not in known:
                raise InputError(
                    f"{use.path}:{use.line}: {use.name} uses {word}, and nothing is known of it: "
                    "whether it has to see the nofail scope is to be decided first (nofail.toml)"
                )
    return callers, readers


def order_edits(
    places: Places, facts: NofailFacts, callers: list[Use]
) -> dict[str, tuple[Edit, ...]]:
    """The callers that know an order hand it on; those that may always fail hand on the largest."""
    edits: dict[str, list[Edit]] = {}
    for use in _once(callers):
        treatment = facts.contexts[plain(use.name)]
        if treatment == "keep":
            continue
        body = places.function(use.path, use.name)
        order = _order_of(body) if treatment == "order" else "UINT_MAX"
        edits.setdefault(use.path, []).extend(_with_order(body, order))
    return _sorted(edits)


def reader_edits(
    places: Places, facts: NofailFacts, readers: list[Use]
) -> dict[str, tuple[Edit, ...]]:
    """The readers that come before ``current_gfp_context()`` apply it themselves."""
    edits: dict[str, list[Edit]] = {}
    for use in _once(readers):
        treatment = facts.readers[plain(use.name)]
        if treatment not in ("here", "entry"):
            continue
        body = places.function(use.path, use.name)
        row = edits.setdefault(use.path, [])
        row.append(_at_entry(body) if treatment == "entry" else _at_test(body))
        include = places.include(use.path, _INCLUDE)
        if include is not None and include not in row:
            row.append(include)
    return _sorted(edits)


def boundary_edits(places: Places, facts: NofailFacts) -> dict[str, tuple[Edit, ...]]:
    """Suspend the scope for as long as the functions of other subsystems run."""
    edits: dict[str, list[Edit]] = {}
    for boundary in facts.boundary:
        row = edits.setdefault(boundary.file, [])
        for name in boundary.names:
            row += _suspended(places.function(boundary.file, name))
        include = places.include(boundary.file, _INCLUDE)
        if include is not None:
            row.append(include)
    return _sorted(edits)


# -- single functions --------------------------------------------------------------------------


def _with_order(body: Body, order: str) -> Iterator[Edit]:
    """The call, with the order as its second argument."""
    for call in body.variant.calls:
        if call.callee == CONTEXT:
            yield Edit(call.callee_span, ORDER_CONTEXT)
            yield Edit(Span(call.close, call.close), f", {order}")


def _order_of(body: Body) -> str:
    names = [d.name for d in body.variant.declarators if d.is_parameter]
    if "order" not in names:
        raise InputError(f"{body.place}: no parameter named order")
    return "order"


def _mask_of(body: Body) -> str:
    """The only parameter of type gfp_t."""
    names = [
        d.name
        for d in body.variant.declarators
        if d.is_parameter and "gfp_t" in d.specifiers.of(body.source.text).split()
    ]
    if len(names) != 1:
        raise InputError(f"{body.place}: {len(names)} parameters of type gfp_t, not one")
    return names[0]


def _at_entry(body: Body) -> Edit:
    """The scope is applied before the first statement."""
    at, mask = body.after_declarations, _mask_of(body)
    why = "/* A nofail scope has to be seen before pages are asked for. */"
    return Edit(Span(at, at), f"\t{why}\n\t{mask} = {CONTEXT}({mask});\n\n")


def _at_test(body: Body) -> Edit:
    """The mask in the only test for the flag, as the scope makes it."""
    mask = _mask_of(body)
    found = [
        node
        for branch in body.nodes(c_ast.If)
        for node in nodes_of(branch.cond)
        if isinstance(node, c_ast.BinaryOp)
        and node.op == "&"
        and isinstance(node.left, c_ast.ID)
        and node.left.name == mask
        and any(isinstance(n, c_ast.ID) and n.name == NOFAIL for n in nodes_of(node.right))
    ]
    if len(found) != 1:
        raise InputError(f"{body.place}: {len(found)} tests of {mask} for {NOFAIL}, not one")
    return Edit(body.variant.span_of(found[0].left), f"{CONTEXT}({mask})")


def _suspended(body: Body) -> list[Edit]:
    """Clear the scope ahead of everything, reinstate it at the only end."""
    returns = [body.variant.span_of(node).start for node in body.nodes(c_ast.Return)]
    if returns:
        line = body.source.line(returns[0])
        raise InputError(
            f"{body.source.path}:{line}: {body.item.name}() returns from its midst: where the "
            "nofail scope is to be reinstated is not clear"
        )
    first = next(iter(body.statements()), None)
    gap = "" if first is not None and isinstance(first.node, c_ast.Decl) else "\n"
    opening = (
        "\t/* Below, failing allocations are handled: the promise is the caller's. */\n"
        f"\tunsigned int nofail = memalloc_nofail_clear();\n{gap}"
    )
    closing = "\n\tmemalloc_nofail_reinstate(nofail);\n"
    if any(d.name == "nofail" for d in body.variant.declarators):
        raise InputError(f"{body.place}: has a variable named nofail already")
    return [
        Edit(Span(body.open, body.open), opening),
        Edit(Span(body.close, body.close), closing),
    ]


# -- the account -------------------------------------------------------------------------------


def _uses(places: Places, word: str, roots: tuple[str, ...]) -> Iterator[Use]:
    """All uses of a word below some directories, in code and in macros."""
    needle = word.encode("ascii")
    for root in roots:
        if not places.tree.exists(root):
            continue
        for path in places.tree.files(root):
            if path.endswith(_SUFFIXES) and needle in places.tree.read(path):
                for name, line in places.users(path, word):
                    yield Use(path, name, line)


def _once(uses: list[Use]) -> Iterator[Use]:
    """Each function once."""
    return iter({(use.path, use.name): use for use in uses}.values())


def _sorted(edits: Mapping[str, list[Edit]]) -> dict[str, tuple[Edit, ...]]:
    return {path: tuple(sorted(set(row))) for path, row in sorted(edits.items())}
