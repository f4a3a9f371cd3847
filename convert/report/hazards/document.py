"""Hazards for machines: JSON by the schema ``kmem-convert/hazards/1``.

The schema is the file hazards-1.schema.json beside this module. Equal reports give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from convert.flow.graph.model import Place
from convert.flow.hazards.model import Danger, Fact, Hazard, Hold, SiteHazards, Wait
from convert.flow.placement.model import Anchor
from convert.flow.scopes.model import Chain
from convert.report.display import encodable, source_text
from convert.report.hazards.view import (
    Account,
    DangerView,
    EndView,
    HazardsView,
    NamedHazards,
    PlacedView,
)
from convert.report.scopes.records import axiom_records, place_record, root_record

SCHEMA = "kmem-convert/hazards/1"


def hazards_json(view: HazardsView, tool_version: str) -> str:
    """The hazards and scopes as JSON text, ASCII only, with a final newline."""
    report, placement = view.report, view.placement
    document = {
        "schema": SCHEMA,
        "tool": {"name": "kmem-convert", "version": tool_version},
        "tree": {"path": encodable(view.tree), "rev": view.revision},
        "paths": [encodable(path) for path in view.paths],
        "scope": report.proofs.scope,
        "summary": _summary(view),
        "dangers": [_danger(one) for one in view.dangers],
        "sites": [_site(named) for named in view.sites],
        "plain": [_site(named) for named in view.plain],
        "scopes": [_scope(view, placed) for placed in view.scopes],
        "unplaced": [
            {"site": encodable(view.named(one.site).id), "reason": source_text(one.reason)}
            for one in placement.unplaced
        ],
        "restructurings": [
            {**place_record(one.place), "text": source_text(one.text)}
            for one in placement.restructurings
        ],
        "facts": [_fact(fact) for fact in report.facts],
        "axioms": axiom_records(report.proofs.axioms),
        "notes": [source_text(note) for note in view.notes],
    }
    return json.dumps(document, indent=2) + "\n"


def hazards_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every result obeys."""
    text = files(__package__).joinpath("hazards-1.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _summary(view: HazardsView) -> dict[str, object]:
    counted = view.report.proofs.statistics
    return {
        **_account(view.account),
        "placed": len(view.placed),
        "uncertain": len(view.uncertain),
        "scopes": len(view.scopes),
        "plain": len(view.plain),
        "unresolved_calls": counted.unresolved_calls,
        "by_path": _accounts(view.by_path()),
        "by_method": _accounts(view.by_method()),
    }


def _accounts(rows: Mapping[str, Account]) -> dict[str, object]:
    return {source_text(name): _account(account) for name, account in rows.items()}


def _account(account: Account) -> dict[str, object]:
    return {
        "sites": account.sites,
        "by_class": {answer.value: number for answer, number in account.by_class.items()},
        "refused": account.refused,
    }


def _danger(one: DangerView) -> dict[str, object]:
    return {
        **_danger_name(one.danger),
        "wait": _wait(one.wait),
        "sites": _ids(held.named for held in one.sites),
        "plain": _ids(held.named for held in one.plain),
    }


def _danger_name(danger: Danger) -> dict[str, object]:
    return {"name": source_text(danger.name), "kind": danger.kind.value, "what": danger.what}


def _wait(wait: Wait) -> dict[str, object]:
    return {
        **_danger_name(wait.danger),
        "call": source_text(wait.call),
        "root": root_record(wait.chain),
        "chain": _frames(wait.chain),
        "behind": [_wait(before) for before in wait.behind],
    }


def _site(named: NamedHazards) -> dict[str, object]:
    site, told = named.site, named.told
    return {
        "id": encodable(named.id),
        **place_record(named.place),
        "function": site.function,
        "callee": site.callee,
        "mask": list(site.mask),
        "forbids": site.forbids,
        "use": site.use.value,
        "verdict": site.evidence.verdict.value,
        "class": told.answer.value if told.answer is not None and site.forbids else None,
        "reason": source_text(told.reason),
        "hazards": [_hazard(hazard) for hazard in told.hazards],
        **_grounds(told),
    }


def _grounds(told: SiteHazards) -> dict[str, object]:
    return {
        "missing": [
            {**place_record(one.place), "text": source_text(one.text)} for one in told.missing
        ],
        "facts": [fact.id for fact in told.facts],
    }


def _hazard(hazard: Hazard) -> dict[str, object]:
    return {
        "hold": _hold(hazard.hold),
        "wait": _wait(hazard.wait),
        "excused": None if hazard.excused is None else hazard.excused.id,
    }


def _hold(hold: Hold) -> dict[str, object]:
    return {
        **_danger_name(hold.danger),
        "call": source_text(hold.call),
        "taken": place_record(hold.taken),
        "frame": hold.frame,
        "root": root_record(hold.chain),
        "chain": _frames(hold.chain),
    }


def _frames(chain: Chain) -> list[dict[str, object]]:
    return [{"function": frame.function, **place_record(frame.place)} for frame in chain.frames]


def _scope(view: HazardsView, placed: PlacedView) -> dict[str, object]:
    scope = placed.scope
    return {
        "number": placed.number,
        "anchor": _anchor(scope.anchor, placed),
        "hazards": [_hazard(hazard) for hazard in scope.hazards],
        "sites": _ids(map(view.named, scope.sites)),
        "plain": _places(scope.plain),
        "readers": _places(scope.readers),
        "cost": scope.cost,
        "alternatives": [
            {**place_record(one.place), "text": source_text(one.text), "cost": one.cost}
            for one in scope.alternatives
        ],
    }


def _anchor(anchor: Anchor, placed: PlacedView) -> dict[str, object]:
    return {
        "kind": anchor.kind.value,
        "function": anchor.function,
        **place_record(placed.place),
        "opens": [place.line for place in placed.opens],
        "closes": [place.line for place in placed.closes],
        "structure": anchor.structure or None,
        "member": anchor.member or None,
        "openers": _ends(one for one in placed.ends if one.end.opens),
        "closers": _ends(one for one in placed.ends if not one.end.opens),
    }


def _ends(ends: Iterable[EndView]) -> list[dict[str, object]]:
    return [
        {"function": one.end.function, **place_record(one.place), "pointer": one.end.pointer}
        for one in ends
    ]


def _fact(fact: Fact) -> dict[str, object]:
    return {
        "id": fact.id,
        "statement": source_text(fact.statement),
        "source": source_text(fact.source),
    }


def _ids(sites: Iterable[NamedHazards]) -> list[str]:
    return [encodable(named.id) for named in sites]


def _places(places: Iterable[Place]) -> list[dict[str, object]]:
    return [place_record(place) for place in places]
