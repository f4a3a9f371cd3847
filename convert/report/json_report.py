"""The report for machines: JSON by the schema ``kmem-convert/report/1``.

The schema is the file report-1.schema.json beside this module. Equal plans give equal bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from convert.plan import Plan, Validation
from convert.report.display import encodable, source_text
from convert.report.provenance_record import provenance_record
from convert.report.scopes.records import scope_record
from convert.report.view import PlanView, SiteView, StepView, view_plan

SCHEMA = "kmem-convert/report/1"


def report_json(plan: Plan, tool_version: str) -> str:
    """The plan as JSON text, ASCII only (so also valid UTF-8), with a final newline.

    Raises InternalCheckError for a plan that contradicts itself.
    """
    view = view_plan(plan)
    document = {
        "schema": SCHEMA,
        "tool": {"name": "kmem-convert", "version": tool_version},
        "tree": {"path": encodable(plan.tree), "rev": plan.revision},
        "paths": [encodable(path) for path in plan.paths],
        "recipe": plan.recipe,
        "profile": plan.profile,
        "summary": _summary(view),
        "differences": _differences(view),
        "axioms": [_texts(asdict(axiom)) for axiom in plan.axioms],
        "refusals": [_texts(asdict(refusal)) for refusal in plan.refusals],
        "steps": [_step(step) for step in view.steps],
        "notes": [source_text(note) for note in plan.notes],
        "sites": [_site(site) for site in view.sites],
    }
    return json.dumps(document, indent=2) + "\n"


def report_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every report obeys."""
    text = files(__package__).joinpath("report-1.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _summary(view: PlanView) -> dict[str, object]:
    counts = view.plan.counts()
    classes = Counter(site.reasoning for site in view.sites)
    return {
        "found": counts.found,
        "by_decision": {
            "converted": counts.converted,
            "kept": counts.kept,
            "refused": counts.refused,
        },
        "by_class": dict(sorted(classes.items())),
        "by_kind": {
            kind: {"converted": row[0], "kept": row[1], "refused": row[2]}
            for kind, row in counts.by_kind.items()
        },
        "not_read": len(view.plan.refusals),
        "files_read": view.plan.files_read,
        "functions_found": view.plan.functions_found,
        "functions_parsed": view.plan.functions_parsed,
        "validation": _validation(view.plan.validation),
    }


def _validation(done: Validation | None) -> dict[str, int] | None:
    if done is None:
        return None
    return {
        "edits": done.edits,
        "equal": done.equal,
        "declared": done.declared,
        "by_table": done.by_table,
        "in_scope": done.in_scope,
        "widened": done.widened,
        "errors": 0,  # an error stops the run
    }


def _differences(view: PlanView) -> list[dict[str, object]]:
    sites = view.difference_sites()
    return [
        {**_texts(asdict(difference)), "sites": sites[difference.id]}
        for difference in view.plan.differences
    ]


def _step(view: StepView) -> dict[str, object]:
    return {
        "number": view.step.number,
        "id": view.step.id,
        "subject": view.step.subject,
        "sites": view.sites,
        "insertions": view.insertions,
        "deletions": view.deletions,
        "files": [
            {
                "path": encodable(diff.path),
                "insertions": diff.insertions,
                "deletions": diff.deletions,
                "deleted": diff.deleted,
            }
            for diff in view.files
        ],
    }


def _site(view: SiteView) -> dict[str, object]:
    site = view.site
    return {
        "id": encodable(site.id),
        "file": encodable(site.file),
        "line": site.line,
        "column": site.column,
        "function": site.function,
        "kind": site.kind.value,
        "callee": site.callee,
        "text": source_text(site.text),
        "contract": asdict(view.planned.contract),
        "gfp_before": list(view.gfp_before),
        "gfp_after": list(view.gfp_after),
        "scope": scope_record(view.planned.scope),
        "decision": view.decision.value,
        "class": view.reasoning,
        "rule": view.rule,
        "reason": source_text(view.reason),
        "replacement": None if view.replacement is None else source_text(view.replacement),
        "differences": list(view.differences),
        "notes": [source_text(note) for note in view.notes],
        "evidence": [source_text(line) for line in view.evidence],
        "provenance": provenance_record(view.planned),
        "blocks_removal": view.blocks_removal,
        "step": view.step,
    }


def _texts(record: dict[str, object]) -> dict[str, object]:
    return {
        key: source_text(value) if isinstance(value, str) else value
        for key, value in record.items()
    }
