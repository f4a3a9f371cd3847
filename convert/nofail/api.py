"""The patches that give a tree the nofail scope, made from its own text."""

from __future__ import annotations

from collections.abc import Mapping

from convert.errors import InputError
from convert.nofail import scope_header, task_flag
from convert.nofail.documents import document_edits, test_edits
from convert.nofail.locate import Places
from convert.nofail.model import ApiPatch, NofailApi
from convert.nofail.readers import account, boundary_edits, order_edits, reader_edits
from convert.profiles.nofail import NofailFacts, load_nofail_facts
from convert.semantics.capabilities import capabilities
from convert.semantics.scopes import ScopeTable, scope_table
from convert.source.dialect import load_dialect
from convert.source.edits import Edit, apply_edits
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

SCOPE = "nofail"


def nofail_api(
    tree: KernelTree, dialect: Dialect | None = None, facts: NofailFacts | None = None
) -> NofailApi:
    """The patches that add ``memalloc_nofail_save()`` and all that belongs to it.

    Raises InputError if the tree has the scope already, has no free flag, or holds code that the
    patches would have to change and do not know; the message names file, line and what is missing.
    """
    words = dialect if dialect is not None else load_dialect(tree, ("mm",))
    known = facts if facts is not None else load_nofail_facts()
    scopes = scope_table(tree, words)
    places = Places(tree, words)
    max_order = _max_order(tree, words)
    flag, value = task_flag.task_flag_edit(places)
    callers, readers = account(places, known)
    shared: dict[str, object] = {"max_order": max_order, "flag": task_flag.FLAG}
    header = scope_header.PATH
    patches = (
        ApiPatch(
            "api",
            "mm",
            "add memalloc_nofail_save() and memalloc_nofail_restore()",
            {
                task_flag.PATH: (flag,),
                header: scope_header.header_edits(places, scopes),
            },
            {**shared, "value": f"{value:#010x}", "cookie": _cookie(scopes)},
        ),
        ApiPatch(
            "order",
            "mm/page_alloc",
            "keep the nofail scope to small orders",
            {
                **order_edits(places, known, callers),
                header: (scope_header.order_edit(places, max_order),),
            },
            shared,
        ),
        ApiPatch(
            "readers",
            "mm",
            "see the nofail scope where __GFP_NOFAIL is tested early",
            reader_edits(places, known, readers),
            {**shared, "readers": len({(use.path, use.name) for use in readers})},
        ),
        ApiPatch(
            "boundary",
            "block",
            "suspend the nofail scope of submitters",
            boundary_edits(places, known),
            {**shared, "functions": [name for b in known.boundary for name in b.names]},
        ),
        ApiPatch(
            "documentation",
            "Documentation/core-api",
            "describe the nofail scope",
            document_edits(places, max_order),
            shared,
        ),
        ApiPatch(
            "kunit",
            "mm",
            "add a KUnit test of the nofail scope",
            test_edits(places, max_order),
            shared,
        ),
    )
    return NofailApi(patches, _originals(tree, patches))


def texts_after(api: NofailApi, number: int) -> dict[str, bytes]:
    """The files that the first ``number`` patches change, as they leave them."""
    edits: dict[str, list[Edit]] = {}
    for patch in api.patches[:number]:
        for path, row in patch.edits.items():
            edits.setdefault(path, []).extend(row)
    return {
        path: apply_edits(api.originals[path], row).encode("latin-1") for path, row in edits.items()
    }


def _originals(tree: KernelTree, patches: tuple[ApiPatch, ...]) -> Mapping[str, str]:
    paths = {path: None for patch in patches for path in patch.edits}
    return {p: tree.read(p).decode("latin-1") if tree.exists(p) else "" for p in paths}


def _max_order(tree: KernelTree, dialect: Dialect) -> int:
    """The highest order for which the page allocator takes __GFP_NOFAIL without a warning."""
    answer = capabilities(tree, dialect).found["nofail-order"]
    if isinstance(answer.value, int):
        return answer.value
    raise InputError(
        f"{tree.name}: {answer.note or 'the page allocator tells no order for __GFP_NOFAIL'}: "
        "up to which order the nofail scope may reach is not known"
    )


def _cookie(scopes: ScopeTable) -> str:
    return scopes.scopes["nofs"].cookie.value


__all__ = ["SCOPE", "nofail_api", "texts_after"]
