"""Scopes around single statements, where no better place is known: named placeholders, on request.

Two commits of their own: one that adds them, one for the masks inside. Maintainers who use them
(btrfs) replace each by a scope at the hazard, or at the transaction, later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from convert.flow.hazards.model import HazardReport, SiteClass
from convert.flow.scopes.results import ProvenSite
from convert.plan import Plan, PlannedSite
from convert.rules.hazards.answers import RULE, HazardAnswers, Site
from convert.rules.hazards.composing import composed
from convert.rules.hazards.places import forward
from convert.rules.hazards.writing import RULE_PLACEHOLDER, Editor, with_step
from convert.rules.model import Converted, Refused
from convert.rules.placing.model import NotPlaced
from convert.rules.scoped.answers import Answer, Change
from convert.rules.scoped.stage import Ground, Pass, with_masks
from convert.rules.scoped.texts import Texts
from convert.rules.scoped.words import evidence_lines
from convert.sites.model import SiteKind
from convert.source.edits import Edit, apply_edits
from convert.source.parse import Item, parse_file
from convert.source.text import read_source
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree

SCOPES, MASKS = "scoped/placeholder-scopes", "scoped/placeholder-masks"


def with_placeholders(
    masks: tuple[Ground, Pass],
    plan: Plan,
    answers: HazardAnswers,
    analyse: Callable[[KernelTree], HazardReport],
    editor: Editor,
) -> Plan:
    """The plan with placeholders around the calls whose masks stay because of a hazard.

    masks: the ground and the pass that made ``plan``. Masks in variables stay: the scope would be
    around the wrong statement. So does a mask whose placeholder cannot be written or shown to work.
    """
    ground, wanted = masks
    chosen = [planned for planned in plan.sites if _is_candidate(planned)]
    unwritten: list[str] = []
    while chosen:
        before = ground.then(with_masks(ground, replace(wanted, final=False)))
        written = _Writer(before, editor).write(chosen)
        unwritten += written.refused
        if not written.sites:
            break
        made = before.then(with_step(before, SCOPES, *_step(before, written)))
        texts = Texts(made.plan, made.tree, made.dialect, made.first)
        now = analyse(texts.tree)
        result = with_masks(made, _pass(made, _Answers(answers, now, frozenset(written.sites))))
        done = {
            (planned.scope.path, planned.scope.offset)
            for planned in result.sites
            if planned.scope is not None and _is_made(planned)
        }
        if done.issuperset(written.sites):
            return replace(result, notes=(*result.notes, *unwritten))
        chosen = [planned for planned in chosen if _key(planned) in done]
        unwritten += [
            f"{place}: no placeholder: the scope is not seen to be open in the call"
            for site, place in written.sites.items()
            if site not in done
        ]
    return replace(plan, notes=(*plan.notes, *unwritten))


def _is_candidate(planned: PlannedSite) -> bool:
    """Whether a mask in a call stays because of a hazard alone."""
    known = planned.hazards is not None and planned.hazards.answer is SiteClass.HAZARD
    return (
        known
        and planned.site.kind is SiteKind.MASK
        and isinstance(planned.decision, Refused)
        and planned.decision.rule == RULE
        and planned.scope is not None
        and planned.site.text.removeprefix(planned.site.callee).lstrip().startswith("(")
    )


def _is_made(planned: PlannedSite) -> bool:
    return isinstance(planned.decision, Converted) and planned.decision.step == MASKS


def _key(planned: PlannedSite) -> Site:
    assert planned.scope is not None  # a candidate has one
    return planned.scope.path, planned.scope.offset


@dataclass(frozen=True)
class _Written:
    """Edits by path; where the calls are, by site; and why other calls have no placeholder."""

    edits: Mapping[str, tuple[Edit, ...]]
    sites: Mapping[Site, str]
    refused: tuple[str, ...]


class _Writer:
    """Writes placeholders, function by function, each on the text with those before it."""

    def __init__(self, ground: Ground, editor: Editor) -> None:
        self.texts = Texts(ground.plan, ground.tree, ground.dialect, ground.first)
        self.dialect, self.editor = ground.dialect, editor
        self.tree: KernelTree = self.texts.tree
        self.stages: dict[str, list[tuple[Edit, ...]]] = {}
        self.sites: dict[Site, str] = {}
        self.refused: list[str] = []

    def write(self, chosen: Sequence[PlannedSite]) -> _Written:
        """The edits of all placeholders together."""
        functions: dict[tuple[str, str, int], list[PlannedSite]] = {}
        for planned in chosen:
            offset = self.now(planned)
            path = planned.site.file
            names = frozenset({planned.site.function or ""})
            parsed = parse_file(read_source(path, self.tree.read(path)), self.dialect(), names)
            item = parsed.item_at(offset)
            if isinstance(item, Item):  # it was one when the mask was decided
                functions.setdefault((path, item.name, item.span.start), []).append(planned)
        for (path, name, start), own in functions.items():
            for edits in self.stages.get(path, ()):
                start = forward(edits, start)
            self.function((path, name, start), own)
        edits_of = {
            path: composed(len(self.texts.data(path)), made) for path, made in self.stages.items()
        }
        return _Written(edits_of, self.sites, tuple(self.refused))

    def now(self, planned: PlannedSite) -> int:
        """Where the name of a site's call stands now."""
        path, offset = planned.site.file, planned.site.span.start
        later = self.texts.stages(path, planned.stage)
        for edits in [*later, *self.stages.get(path, ())]:
            offset = forward(edits, offset)
        return offset

    def function(self, place: tuple[str, str, int], own: Sequence[PlannedSite]) -> None:
        """The placeholders of one function; a call that is in the way of the others has none."""
        fit: list[PlannedSite] = []
        for planned in own:
            alone = self.editor.placeholders(self.tree, place, [self.now(planned)])
            if isinstance(alone, NotPlaced):
                self.refuse(planned, alone)
            else:
                fit.append(planned)
        if not fit:
            return
        placed = self.editor.placeholders(self.tree, place, [self.now(one) for one in fit])
        if isinstance(placed, NotPlaced):
            for planned in fit:
                self.refuse(planned, placed)
            return
        changed: dict[str, bytes | None] = {}
        for path, edits in placed.edits.items():
            self.stages.setdefault(path, []).append(edits)
            text = self.tree.read(path).decode("latin-1")
            changed[path] = apply_edits(text, edits).encode("latin-1")
        self.tree = OverlayTree(self.tree, changed)
        for planned in fit:
            site = planned.site
            where = f" {site.function}()" if site.function else ""
            self.sites[_key(planned)] = f"{site.file}:{site.line}{where}"

    def refuse(self, planned: PlannedSite, why: NotPlaced) -> None:
        """Note why a call has no placeholder."""
        site = planned.site
        self.refused.append(
            f"{site.file}:{site.line}: no placeholder around {site.callee}(): {why.missing}"
        )


def _step(
    ground: Ground, written: _Written
) -> tuple[str, Mapping[str, tuple[Edit, ...]], dict[str, object]]:
    """Subject, edits and facts of the commit that adds placeholders."""
    about = ground.table.scopes[ground.proofs.scope]
    facts: dict[str, object] = {
        "scope": about.name,
        "save": about.save,
        "restore": about.restore,
        "places": list(written.sites.values()),
    }
    return f"add placeholder {about.name} scopes around single calls", written.edits, facts


@dataclass(frozen=True)
class _Answers:
    """As before, but for calls inside of placeholders that are seen to be open."""

    before: HazardAnswers
    now: HazardReport
    wrapped: frozenset[Site]

    def __call__(self, path: str, offset: int, given: int | None) -> Answer | None:
        if given is None:
            return None
        known = self.before.said.get((path, given))
        if (path, given) not in self.wrapped or known is None or isinstance(known, Change):
            return replace(known, step=MASKS) if isinstance(known, Change) else known
        proof = self.before.given.proofs.site(path, given)
        inside = self.now.proofs.site(path, offset)
        if inside is None or not _is_open(inside) or proof is None:
            return known
        return Change(
            RULE_PLACEHOLDER,
            MASKS,
            SiteClass.HAZARD,
            (self.before.mask.plain,),
            f"a placeholder scope is open around the call; none at the hazard, as {known.why}",
            evidence_lines(proof.evidence),
            proof,
            hazards=known.hazards,
        )


def _is_open(site: ProvenSite) -> bool:
    return site.evidence.verdict.value == "proven"


def _pass(ground: Ground, answers: _Answers) -> Pass:
    mask, scope = ground.mask, ground.proofs.scope

    def subject(step: str) -> str:
        return f"use {mask.plain} inside of placeholder {scope} scopes"

    def facts(step: str, own: Sequence[PlannedSite]) -> dict[str, object]:
        return {
            "scope": scope,
            "places": [f"{one.site.file}:{one.site.line} {one.site.function}()" for one in own],
        }

    return Pass((MASKS,), answers, subject, facts)
