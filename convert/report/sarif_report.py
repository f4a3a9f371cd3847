"""The report as SARIF 2.1.0, for code review tools that show findings beside the code.

A refused site is a warning, any other decision a note. A converted site carries its fix.
Standard: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 2020.
"""

from __future__ import annotations

import json
from urllib.parse import quote

from convert import __version__
from convert.plan import FileRefusal, Plan
from convert.report.display import encodable, source_text
from convert.report.view import DecisionName, SiteView, view_plan
from convert.rules.model import Converted
from convert.source.edits import Edit

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

NOT_READ = "not-read"  # rule of files and functions that could not be read
_ROOT = "TREE"

_Json = dict[str, object]


def report_sarif(plan: Plan, tool_version: str = __version__) -> str:
    """The plan as SARIF text, ASCII only, with a final newline. Equal plans give equal bytes.

    Raises InternalCheckError for a plan that contradicts itself.
    """
    view = view_plan(plan)
    results = [_result(site) for site in view.sites]
    results += [_not_read(refusal) for refusal in plan.refusals]
    rules = sorted({str(result["ruleId"]) for result in results})
    run = {
        "tool": {
            "driver": {
                "name": "kmem-convert",
                "version": tool_version,
                "rules": [{"id": rule} for rule in rules],
            }
        },
        # Files are bytes to us: as latin-1, a column is a byte and every byte is a character.
        "defaultEncoding": "ISO-8859-1",
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": f"The kernel tree {encodable(plan.tree)}"}}
        },
        "properties": {"recipe": plan.recipe, "profile": plan.profile, "revision": plan.revision},
        "results": results,
    }
    document = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _result(view: SiteView) -> _Json:
    site = view.site
    step = f" by commit {view.step}" if view.step else ""
    words = f"{site.callee} ({site.kind.value}): {view.decision.value}{step}. {view.reason}"
    region = {
        "startLine": site.line,
        "startColumn": site.column,
        "byteOffset": site.span.start,
        "byteLength": site.span.end - site.span.start,
    }
    result: _Json = {
        "ruleId": view.rule,
        "level": "warning" if view.decision is DecisionName.REFUSED else "note",
        "message": {"text": source_text(words)},
        "locations": [_location(site.file, region, site.function)],
        "partialFingerprints": {"site/v1": encodable(site.id)},
        "properties": {"decision": view.decision.value, "step": view.step},
    }
    decision = view.planned.decision
    # A fix applies to the file as it is: the offsets of later stages do not.
    if isinstance(decision, Converted) and decision.edits and view.planned.stage == 0:
        result["fixes"] = [_fix(site.file, decision.edits)]
    return result


def _not_read(refusal: FileRefusal) -> _Json:
    words = f"{refusal.what} could not be read: {refusal.construct}"
    return {
        "ruleId": NOT_READ,
        "level": "warning",
        "message": {"text": source_text(words)},
        "locations": [_location(refusal.file, {"startLine": refusal.line}, None)],
        "properties": {"decision": DecisionName.REFUSED.value, "step": None},
    }


def _location(file: str, region: dict[str, int], function: str | None) -> _Json:
    location: _Json = {"physicalLocation": {"artifactLocation": _artifact(file), "region": region}}
    if function:
        location["logicalLocations"] = [{"name": function, "kind": "function"}]
    return location


def _artifact(file: str) -> _Json:
    return {"uri": quote(file, errors="surrogateescape"), "uriBaseId": _ROOT}


def _fix(file: str, edits: tuple[Edit, ...]) -> _Json:
    replacements = [
        {
            "deletedRegion": {
                "byteOffset": edit.span.start,
                "byteLength": edit.span.end - edit.span.start,
            },
            "insertedContent": {"text": edit.text},
        }
        for edit in sorted(set(edits))
    ]
    return {
        "artifactChanges": [{"artifactLocation": _artifact(file), "replacements": replacements}]
    }
