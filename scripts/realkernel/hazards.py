"""The answers about hazards, and the series of the recipe that uses all of them, from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convert.errors import InputError
from convert.verify.scratch import commits_between, git
from scripts.realkernel.checks import Check
from scripts.realkernel.conversion import EXACT, Tool, branch_of, make_commits, series_of
from scripts.realkernel.kernels import Kernel
from scripts.realkernel.subject import Hazards, Subject

Document = Mapping[str, Any]
RECIPE = "upstream"
_PLACE = re.compile(r"\b[\w/.-]+\.[ch]:\d+")


def hazards(
    tool: Tool, kernel: Kernel, subject: Subject, known: Hazards, output: Path
) -> Iterator[Check]:
    """Ask for the hazards, convert by the recipe `RECIPE`, hold both against what is known."""
    words = ("inventory", f"{kernel.repository}@base", subject.path, "--hazards")
    report = _document(tool.done(*words, "--format", "json").output)
    (output / "hazards.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    yield answers_check(report)
    yield refusals_check(report)
    yield dangers_check(report)
    for worker in known.workers:
        yield worker_check(report, kernel.repository, worker)
    yield excused_check(report, known.excused)
    yield from make_commits(tool, kernel, subject, output, RECIPE)
    yield _first_commits(kernel)
    mails = sorted(series_of(output, RECIPE).glob("*.patch"))
    yield series_check(report, [mail.read_text(encoding="utf-8") for mail in mails], known)
    yield _second_run(tool, kernel, subject)


def answers_check(report: Document) -> Check:
    """Sites = classes + refused, counted again from the list of sites."""
    summary, sites = report["summary"], report["sites"]
    listed = {name: sum(s["class"] == name for s in sites) for name in summary["by_class"]}
    refused = sum(site["class"] is None for site in sites)
    total = sum(summary["by_class"].values()) + summary["refused"]
    text = " + ".join(f"{number} {name}" for name, number in summary["by_class"].items())
    return Check(
        "NOFS sites found = sum of the classes + refused",
        listed == summary["by_class"]
        and refused == summary["refused"]
        and 0 < total == summary["sites"] == len(sites) == len({site["id"] for site in sites}),
        (f"{summary['sites']} = {text} + {summary['refused']} refused",),
    )


def refusals_check(report: Document) -> Check:
    """Every site without a class says what is missing, and where."""
    refused = [site for site in report["sites"] if site["class"] is None]
    bad = [
        f"{site['file']}:{site['line']}: no fact is named"
        for site in refused
        if not site["missing"] or not all(m["file"] and m["line"] for m in site["missing"])
    ]
    facts = [f"{m['file']}:{m['line']}: {m['text']}" for s in refused for m in s["missing"]]
    return Check("every refusal names the missing fact, with its place", not bad, (*bad, *facts))


def dangers_check(report: Document) -> Check:
    """Each site of class (c) is under a scope to place, or the report says why there is none."""
    covered = {site for scope in report["scopes"] for site in scope["sites"]}
    unplaced = {one["site"]: one["reason"] for one in report["unplaced"]}
    bad = [
        site["id"]
        for site in report["sites"]
        if site["class"] == "c"
        and (
            not site["hazards"]
            or (site["id"] not in covered and not _PLACE.search(unplaced.get(site["id"], "")))
        )
    ]
    facts = (f"{len(covered)} under {len(report['scopes'])} scopes, {len(unplaced)} without",)
    return Check("every hazard has a scope or the reason why not", not bad, (*facts, *bad))


def worker_check(report: Document, tree: Path, worker: str) -> Check:
    """A scope is to be placed in the worker; both witnesses can be read in the source."""
    statement = f"a scope is found for the worker {worker}(), with both witnesses"
    for scope in report["scopes"]:
        anchor = scope["anchor"]
        if (anchor["kind"], anchor["function"]) == ("worker", worker):
            sides = [side for one in scope["hazards"] for side in (one["hold"], one["wait"])]
            bad = [fact for side in sides for fact in _unread(tree, side)]
            own = all(side["name"] == worker for side in sides)
            shown = [_shown(side) for side in sides]
            return Check(statement, own and bool(sides) and not bad, (*shown, *bad))
    return Check(statement, False)


def excused_check(report: Document, functions: Sequence[str]) -> Check:
    """The sites of class (b) are excused by facts with a source; the known ones are among them."""
    sources = {fact["id"]: fact["source"] for fact in report["facts"]}
    found = [site for site in report["sites"] if site["class"] == "b"]
    bad = [
        f"{site['file']}:{site['line']}: no source"
        for site in found
        if not site["hazards"] or not all(sources.get(h["excused"]) for h in site["hazards"])
    ]
    absent = sorted(set(functions) - {site["function"] for site in found})
    return Check(
        "where lockdep alone objects, the report quotes who says so",
        not bad and not absent,
        (
            *(f"{s['file']}:{s['line']}: {s['function']}()" for s in found),
            *bad,
            *(f"{name}() is not among them" for name in absent),
        ),
    )


def series_check(report: Document, mails: Sequence[str], known: Hazards) -> Check:
    """The series has a commit for each known worker's scope, and one that quotes the sources."""
    words = [" ".join(mail.split()) for mail in mails]
    bad = [
        f"no commit places {worker}() under a scope"
        for worker in known.workers
        if not any(f"place {worker}() under" in text and "NOFS" in text for text in words)
    ]
    excused = {h["excused"] for s in report["sites"] if s["class"] == "b" for h in s["hazards"]}
    dropped = [text for text in words if "Subject:" in text and "use __GFP_NOLOCKDEP" in text]
    for fact in report["facts"]:
        quoted = any(" ".join(fact["statement"].split()) in text for text in dropped)
        if fact["id"] in excused and not quoted:
            bad.append(f"{fact['id']}: not quoted")
    return Check(f"the series of recipe {RECIPE} has its scopes and sources", not bad, tuple(bad))


def _first_commits(kernel: Kernel) -> Check:
    """What was checked of the recipe "exact" holds for the first commits of the other one."""
    first, more = (
        [git(kernel.repository, "rev-parse", f"{commit}^{{tree}}").strip() for commit in commits]
        for commits in (
            commits_between(kernel.repository, kernel.base, branch_of(name))
            for name in (EXACT, RECIPE)
        )
    )
    return Check(
        f"recipe {RECIPE} begins with the commits of recipe {EXACT}",
        len(first) < len(more) and more[: len(first)] == first,
        (f"{len(first)} of {len(more)} commits",),
    )


def _second_run(tool: Tool, kernel: Kernel, subject: Subject) -> Check:
    """Converting the converted tree changes nothing: what is left was refused before."""
    tree = f"{kernel.repository}@{branch_of(RECIPE)}"
    words = ("report", tree, subject.path, "--recipe", RECIPE, "--format", "json")
    document = _document(tool.done(*words).output)
    counts = document["summary"]["by_decision"]
    return Check(
        f"a second run of recipe {RECIPE} has nothing to do",
        counts["converted"] == 0 and not document["steps"],
        (", ".join(f"{number} {name}" for name, number in counts.items()),),
    )


def _unread(tree: Path, side: Document) -> Iterator[str]:
    """What a witness says and the source does not: each step is a line that names the next one."""
    chain = side["chain"]
    names = [step["function"] for step in chain[1:]]
    ends = [side["call"]] if side["call"] not in side["root"]["detail"] else []
    for step, name in zip(chain, [*names, *ends], strict=False):
        lines = (tree / step["file"]).read_bytes().decode("latin-1").split("\n")
        if name not in lines[step["line"] - 1]:
            yield f"{step['file']}:{step['line']}: {name} is not there"


def _shown(side: Document) -> str:
    steps = " > ".join(f"{step['function']}@{step['line']}" for step in side["chain"])
    return f"{side['call']}: {side['root']['file']}:{side['root']['line']}: {steps}"


def _document(text: str) -> Document:
    try:
        document: Document = json.loads(text)
    except ValueError as error:
        raise InputError(f"the JSON report cannot be read: {error}") from error
    return document
