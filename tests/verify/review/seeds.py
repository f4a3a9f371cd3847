"""Bad patches for a real tree, made of sites that are found when the test runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convert.flow.code import Routine
from convert.flow.provenance.mismatch import Mismatch, mismatches
from convert.flow.provenance.names import load_names
from convert.flow.provenance.places import Field, Result
from convert.semantics.sizes import MayExceed
from convert.source.edits import Edit, Span, apply_edits
from convert.tree.kernel import KernelTree
from convert.verify.review.overlay import OverlayTree
from convert.verify.review.sites import Site, SiteKind
from convert.verify.review.states import State, Workshop, series_dialect
from tests.verify.review.patches import diff_of, mail_of

MOST = 5  # sites that one patch changes


@dataclass
class Seed:
    """One bad patch: the rule that must find it, its edits by file, where it must be found."""

    name: str
    rule: str
    edits: dict[str, list[Edit]] = field(default_factory=dict)
    places: list[tuple[str, str]] = field(default_factory=list)  # file and function

    def add(self, path: str, function: str, edits: Iterable[Edit]) -> None:
        """Change a function, unless there are enough or it is changed already."""
        if len(self.places) < MOST and (path, function) not in self.places:
            self.edits.setdefault(path, []).extend(edits)
            self.places.append((path, function))


@dataclass(frozen=True)
class Ground:
    """The tree that is seeded.

    root: the directory. allocators: the plain function for each wrapper; frees: the wrappers.
    """

    tree: KernelTree
    root: str
    allocators: Mapping[str, str]
    frees: tuple[str, ...]
    cache: Path

    def state(self, tree: KernelTree | None = None) -> State:
        """All that is known of the tree, or of one like it."""
        dialect = series_dialect(self.tree, (), (self.root,), self.cache)
        return State(tree or self.tree, Workshop(load_names(), dialect, (self.root,)))

    def text(self, path: str) -> str:
        """A file's text."""
        return self.tree.read(path).decode("latin-1")


def seeds_for(ground: Ground) -> list[Seed]:
    """All bad patches for which the tree has a place."""
    state = ground.state()
    found = [*_allocations(ground, state), *_frees(ground), *_scopes(state)]
    return [seed for seed in found if seed.places]


def mails_for(ground: Ground, seeds: Sequence[Seed]) -> Iterator[str]:
    """One mail a seed, each on top of the ones before."""
    done: dict[str, list[Edit]] = {}
    for number, seed in enumerate(seeds, 1):
        before = {p: apply_edits(ground.text(p), done.get(p, ())) for p in seed.edits}
        for path, edits in seed.edits.items():
            done.setdefault(path, []).extend(edits)
        after = {p: apply_edits(ground.text(p), done[p]) for p in seed.edits}
        yield mail_of(diff_of(before, after), f"[PATCH {number}/{len(seeds)}] {seed.name}")


# -- allocations -------------------------------------------------------------------------------


def _allocations(ground: Ground, state: State) -> Iterator[Seed]:
    lost = Seed("never-fail lost", "never-fail-lost")
    order = Seed("never-fail of a size known only at run time", "nofail-order")
    nofs = Seed("GFP_KERNEL outside of every scope, where NOFS was", "nofs-lost")
    plain = ground.allocators
    for site in _sites(state):
        contract = site.promise.contract
        if site.kind is not SiteKind.ALLOC or site.mask is None:
            continue
        if site.callee not in plain:
            if contract.fs_reclaim is False and re.match(r"GFP_NOFS\b", _text(site)):
                mask = _text(site).replace("GFP_NOFS", "GFP_KERNEL")
                nofs.add(site.path, site.function, _call(site, site.callee, mask))
        elif contract.may_fail is False and contract.fs_reclaim:
            if isinstance(state.sizes(site), MayExceed):
                mask = "GFP_KERNEL | __GFP_NOFAIL"
                order.add(site.path, site.function, _call(site, plain[site.callee], mask))
            else:
                mask = "GFP_KERNEL"
                lost.add(site.path, site.function, _call(site, plain[site.callee], mask))
    yield from (lost, order, nofs)


def _sites(state: State) -> Iterator[Site]:
    for routine in _routines(state):
        yield from state.reader.sites(routine)


def _routines(state: State) -> Iterator[Routine]:
    for path in sorted(state.index.files):
        if path.endswith(".c"):
            yield from (r for r in state.routines(path) if not r.is_macro)


def _text(site: Site) -> str:
    assert site.mask is not None
    return site.routine.text(site.mask)


def _call(site: Site, callee: str, mask: str) -> list[Edit]:
    """Another callee and another mask at a site."""
    assert site.mask is not None
    return [
        Edit(site.call.callee_span, callee),
        Edit(site.routine.variant.span_of(site.mask), mask),
    ]


# -- frees -------------------------------------------------------------------------------------


def _frees(ground: Ground) -> Iterator[Seed]:
    """Private frees that become kfree(), sorted by how the wrong memory gets there."""
    seeds = {
        "direct": Seed("kv memory to kfree, directly", "wrong-free"),
        "field": Seed("kv memory to kfree, through a field", "wrong-free"),
        "result": Seed("kv memory to kfree, through a private wrapper", "wrong-free"),
        "type": Seed("kv memory to kfree, found on a list", "wrong-free"),
    }
    private = "|".join(ground.frees)
    call = re.compile(rf"\b(?:{private})\(")
    for mismatch in mismatches(_all_kfree(ground, call).provenance, load_names().rejects):
        free = mismatch.free
        text = ground.text(free.path)
        start = _line_start(text, free.line)
        found = call.search(text, start)
        if found is None or not mismatch.certain or "\n" in text[start : found.start()]:
            continue
        edit = Edit(Span(found.start(), found.end() - 1), "kfree")
        seeds[_way(mismatch)].add(free.path, free.function, [edit])
    yield from seeds.values()


def _all_kfree(ground: Ground, call: re.Pattern[str]) -> State:
    """The tree with every private free replaced; lines stay where they are."""
    changed: dict[str, bytes | None] = {}
    for path in ground.tree.files(ground.root):
        if path.endswith(".c"):
            changed[path] = call.sub("kfree(", ground.text(path)).encode("latin-1")
    return ground.state(OverlayTree(ground.tree, changed))


def _way(mismatch: Mismatch) -> str:
    worst = mismatch.wrong[0]
    if worst.by_type:
        return "type"
    if any(isinstance(place, Result) for place in worst.way):
        return "result"
    return "field" if any(isinstance(place, Field) for place in worst.way) else "direct"


def _line_start(text: str, line: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.index("\n", at) + 1
    return at


# -- scopes ------------------------------------------------------------------------------------


def _scopes(state: State) -> Iterator[Seed]:
    """A scope that one exit does not restore; one that is restored by a cookie from elsewhere."""
    early = Seed("scope not restored on one exit", "scope-balance")
    cookie = Seed("cookie from another scope", "scope-balance")
    for routine in _routines(state):
        calls = {call.callee: call for call in routine.variant.calls}
        save, restore = calls.get("memalloc_nofs_save"), calls.get("memalloc_nofs_restore")
        if save is None or restore is None:
            continue
        statement = routine.variant.statement_at(save.span.start)
        assert statement is not None
        name = routine.key.name
        if statement.kind != "Decl" and not early.places:
            leave = "return;" if str(routine.returns) == "void" else "return 0;"
            at = Span(statement.span.end, statement.span.end)
            text = f"\n\tif (!current->journal_info)\n\t\t{leave}"
            early.add(routine.path, name, [Edit(at, text)])
        elif not cookie.places:
            cookie.add(routine.path, name, [Edit(restore.slots[0].span, "current->flags")])
    yield from (early, cookie)
