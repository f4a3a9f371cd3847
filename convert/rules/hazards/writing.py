"""From placed scopes to steps of a plan, one a scope; each works on the text of the ones before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from convert.flow.hazards.model import DangerKind, Hazard
from convert.flow.placement.model import PlacedScope
from convert.flow.scopes.model import Opener
from convert.flow.scopes.results import ProvenSite
from convert.plan import FileChange, Plan, Step
from convert.rules.hazards.places import Lost, anchor_now
from convert.rules.hazards.words import (
    alternative_words,
    danger_words,
    first_few,
    hold_words,
    scope_subject,
    wait_words,
    where_words,
)
from convert.rules.model import Converted
from convert.rules.placing.model import NotPlaced, Placed
from convert.rules.scoped.stage import Ground
from convert.rules.scoped.texts import Texts
from convert.rules.scoped.words import call_words
from convert.semantics.scopes import Scope
from convert.source.edits import Edit
from convert.tree.kernel import KernelTree

STEP = "scoped/scope"
RULE_PLACEHOLDER = "placeholder-scope"


class Editor(Protocol):
    """What makes the edits of a scope: see `convert.rules.placing`."""

    def scope(self, tree: KernelTree, scope: PlacedScope) -> Placed | NotPlaced:
        """The edits for a scope whose anchor is one of the tree."""

    def placeholders(
        self, tree: KernelTree, place: tuple[str, str, int], calls: Sequence[int]
    ) -> Placed | NotPlaced:
        """The edits that put scopes around the statements of calls of one function.

        place: path, function and start of its definition. calls: offsets of the calls' names.
        """


@dataclass(frozen=True)
class Written:
    """A scope that is in the text now. save: the function that opens it. step: id of its step."""

    scope: PlacedScope
    save: str
    step: str

    def opens(self, openers: Iterable[Opener]) -> bool:
        """Whether one of the calls that open a scope is this one's, or of its function."""
        anchor = self.scope.anchor
        for opener in openers:
            name = opener.text.split("(")[0].strip()
            own = opener.function == anchor.function and opener.place.path == anchor.path
            if (own and name == self.save) or name == anchor.function:
                return True
        return False

    def serves(self, site: ProvenSite) -> bool:
        """Whether the scope was placed for a site."""
        return any(
            (one.site.path, one.site.offset) == (site.path, site.offset) for one in self.scope.sites
        )


@dataclass(frozen=True)
class Unwritten:
    """A scope that could not be written, or was of no use; ``reason`` is a clause."""

    scope: PlacedScope
    reason: str


def with_scopes(
    ground: Ground, scopes: Sequence[PlacedScope], editor: Editor
) -> tuple[Ground, tuple[Written, ...], tuple[Unwritten, ...]]:
    """The ground with a step for each scope, those that were written, and those that were not."""
    written: list[Written] = []
    refused: list[Unwritten] = []
    about = ground.table.scopes[ground.proofs.scope]
    for scope in scopes:
        texts = Texts(ground.plan, ground.tree, ground.dialect, ground.first)
        try:
            there = replace(scope, anchor=anchor_now(scope.anchor, texts))
        except Lost as why:
            refused.append(Unwritten(scope, str(why)))
            continue
        placed = editor.scope(texts.tree, there)
        if isinstance(placed, NotPlaced):
            where = texts.line_of_line(placed.path, placed.line)
            refused.append(Unwritten(scope, f"{placed.path}:{where}: {placed.missing}"))
            continue
        step_id = f"{STEP}:{len(written) + 1}"
        gone = {path for path, text in texts.final.items() if text is None}
        left = replace(scope, plain=tuple(one for one in scope.plain if one.path not in gone))
        facts = {"mask": ground.mask, **_facts(left, placed, about)}
        plan = with_step(ground, step_id, scope_subject(scope), placed.edits, facts)
        ground = ground.then(plan)
        written.append(Written(scope, about.save, step_id))
    return ground, tuple(written), tuple(refused)


def with_needless(plan: Plan, written: Sequence[Written]) -> Plan:
    """The plan whose messages of scopes list the masks that did become needless."""
    changed = {
        site
        for planned in plan.sites
        if isinstance(planned.decision, Converted) and planned.decision.rule != RULE_PLACEHOLDER
        for site in planned.decision.rests_on
    }
    listed = {
        one.step: [
            f"{known.site.path}:{known.site.line} {call_words(known.site.callee)}"
            for known in one.scope.sites
            if (known.site.path, known.site.offset) in changed
        ]
        for one in written
    }
    steps = (
        replace(step, facts={**step.facts, "needless": listed[step.id]})
        if step.id in listed
        else step
        for step in plan.steps
    )
    return replace(plan, steps=tuple(steps))


def with_step(
    ground: Ground,
    step_id: str,
    subject: str,
    edits: Mapping[str, Sequence[Edit]],
    facts: Mapping[str, object],
) -> Plan:
    """The plan with one more step, in a stage of its own, that makes some edits."""
    plan = ground.plan
    changes = tuple(FileChange(path, tuple(edits[path])) for path in sorted(edits) if edits[path])
    originals = {
        change.path: ground.tree.read(change.path).decode("latin-1")
        for change in changes
        if change.path not in plan.originals
    }
    step = Step(len(plan.steps) + 1, step_id, subject, changes, facts, ground.stage)
    return replace(plan, steps=(*plan.steps, step), originals={**plan.originals, **originals})


def _facts(scope: PlacedScope, placed: Placed, about: Scope) -> dict[str, object]:
    """What the message of a scope's commit may print."""
    each_once = list({one.danger: one for one in reversed(scope.hazards)}.values())[::-1]
    return {
        "scope": about.name,
        "save": about.save,
        "restore": about.restore,
        "kind": scope.anchor.kind.value,
        "function": scope.anchor.function,
        "place": f"{scope.anchor.path}:{scope.line}",
        "where": where_words(scope),
        "hazards": [_hazard(hazard) for hazard in each_once],
        "locks": [
            danger_words(one) for one in each_once if one.danger.kind is not DangerKind.WORKER
        ],
        "workers": [str(one.danger) for one in each_once if one.danger.kind is DangerKind.WORKER],
        "plain": len(scope.plain),
        "plain_first": first_few(scope.plain),
        "readers": [str(place) for place in scope.readers],
        "alternatives": alternative_words(scope),
        "gotos": placed.gotos,
        "restores": placed.restores,
        "notes": placed.notes,
    }


def _hazard(hazard: Hazard) -> dict[str, object]:
    return {
        "name": str(hazard.danger),
        "allocation": hold_words(hazard.hold),
        "reclaim": wait_words(hazard.wait),
    }
