"""Scope proofs for machines: JSON by the schema ``kmem-convert/scopes/1``.

The schema is the file scopes-1.schema.json beside this module. Equal proofs give equal bytes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from convert.report.display import encodable, source_text
from convert.report.scopes.records import axiom_records, evidence_record, place_record, root_record
from convert.report.scopes.view import NamedSite, ScopesView

SCHEMA = "kmem-convert/scopes/1"


def scopes_json(view: ScopesView, tool_version: str) -> str:
    """The proofs as JSON text, ASCII only, with a final newline."""
    proofs, counted = view.proofs, view.proofs.statistics
    document = {
        "schema": SCHEMA,
        "tool": {"name": "kmem-convert", "version": tool_version},
        "tree": {"path": encodable(view.tree), "rev": view.revision},
        "paths": [encodable(path) for path in view.paths],
        "scope": proofs.scope,
        "summary": {
            "forbidding": len(view.forbidding),
            "by_verdict": {verdict.value: number for verdict, number in view.counts().items()},
            "sites": len(view.sites),
            "functions": counted.functions,
            "contexts": counted.instances,
            "states": counted.states,
            "unresolved_calls": counted.unresolved_calls,
            "widened": counted.widened,
        },
        "sites": [_site(named) for named in (view.sites if view.only is None else view.shown)],
        "openers": [
            {"function": one.function, **place_record(one.place), "effect": source_text(one.effect)}
            for one in proofs.openers
        ],
        "axioms": axiom_records(proofs.axioms),
        "idle_masks": [
            {
                "file": encodable(one.path),
                "line": one.line,
                "function": one.function,
                "text": source_text(one.text),
                "means": source_text(one.means),
            }
            for one in proofs.idle_masks
        ],
        "redundant_scopes": [
            {
                "function": one.opener.function,
                **place_record(one.opener.place),
                "opens": source_text(one.opener.text),
                "evidence": evidence_record(one.evidence),
            }
            for one in proofs.redundant_scopes
        ],
        "not_reached": [
            {
                **place_record(one.place),
                "what": source_text(one.what),
                "reason": source_text(one.reason),
            }
            for one in proofs.coverage
        ],
        "notes": [source_text(note) for note in proofs.notes],
    }
    return json.dumps(document, indent=2) + "\n"


def scopes_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every result obeys."""
    text = files(__package__).joinpath("scopes-1.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _site(named: NamedSite) -> dict[str, object]:
    site = named.site
    return {
        "id": encodable(named.id),
        "file": encodable(site.path),
        "line": site.line,
        "function": site.function,
        "callee": site.callee,
        "mask": list(site.mask),
        "forbids": site.forbids,
        "use": site.use.value,
        "evidence": {
            **evidence_record(site.evidence),
            "root": root_record(site.evidence.witness or site.evidence.covered),
        },
    }
