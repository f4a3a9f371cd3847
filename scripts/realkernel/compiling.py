"""Building and checking every commit, by the tool's own `verify`, read from its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convert.errors import InputError
from scripts.realkernel.checks import Check
from scripts.realkernel.conversion import EXACT, Tool, series_of
from scripts.realkernel.kernels import Kernel

Document = Mapping[str, Any]
SECOND = 120  # seconds that verifying again may take when nothing changed


def verify(
    tool: Tool, kernel: Kernel, output: Path, config: Path | None, recipe: str = EXACT
) -> Iterator[Check]:
    """Verify a series of ``output`` with a build; the first recipe's once more, when nothing is to
    be done.

    config: a fragment to build under, None for the two configurations that are found.
    """
    series = series_of(output, recipe)
    words = ["verify", str(series), "--tree", f"{kernel.repository}@base", "--build"]
    if config is not None:
        words += ["--config", str(config.absolute())]
    place = ("--work", str(kernel.work))
    first = run_verify(tool, *words, *place, "--update-cover")
    (output / series.name.replace("series", "verify")).with_suffix(".json").write_text(
        json.dumps(first, indent=2) + "\n", encoding="utf-8"
    )
    yield from verify_checks(first)
    letter = (series / "0000-cover-letter.patch").read_text(encoding="utf-8")
    yield Check(
        "the cover letter says what was run",
        "Nothing was run" not in letter and "== What was verified ==" in letter,
    )
    if recipe != EXACT:
        return
    again = run_verify(tool, *words)
    anew = [one for one in again["results"] if not one.get("cached", True)]
    yield Check(
        f"verifying again takes no more than {SECOND} s and gives the same",
        again["seconds"] <= SECOND and _verdicts(again) == _verdicts(first),
        (
            f"{again['seconds']:.0f} s, at first {first['seconds']:.0f} s",
            f"run anew: {', '.join(sorted({one['check'] for one in anew}))}",
        ),
    )


def run_verify(tool: Tool, *words: str) -> Document:
    """Run the command and read its JSON. Raises InputError if there is none."""
    done = tool.done(*words, "--format", "json")
    try:
        document: Document = json.loads(done.output)
    except ValueError as error:
        raise InputError(f"the JSON of verify cannot be read: {error}") from error
    return document


def verify_checks(document: Document) -> Iterator[Check]:
    """What is said of each commit, and of the series."""
    for commit in document["commits"]:
        own = [one for one in document["results"] if one["commit"] == commit["number"]]
        yield commit_check(commit, own)
    for one in document["results"]:
        if one["commit"] is None and one.get("asked", True):
            yield Check(one["check"], one["result"] == "passed", (*_facts(one),))
    tools = ", ".join(f"{tool['name']} {tool['version']}" for tool in document["tools"])
    options = [f"{one['name']}: {one['options']}" for one in document["configurations"]]
    yield Check("the tools are named", bool(document["tools"]), (tools, *options))


def commit_check(commit: Document, results: Sequence[Document]) -> Check:
    """One commit: it holds if every check that was asked for passed."""
    asked = [one for one in results if one.get("asked", True)]
    names = ", ".join(one["check"] for one in asked if one["result"] == "passed")
    bad = [fact for one in asked if one["result"] != "passed" for fact in _facts(one)]
    build = [one["detail"] for one in asked if one["check"] == "build" and one.get("detail")]
    return Check(
        f"commit {commit['number']} applies, builds and is clean",
        bool(asked) and not bad,
        (f"{commit['subject']}: {names}", *build, *bad),
    )


def _facts(one: Document) -> Iterator[str]:
    if one["result"] == "not-run":
        yield f"{one['check']} was not run: {one['reason']}"
    for finding in one.get("findings", ()):
        place = f"{finding['file']}:{finding['line']}: " if finding["file"] else ""
        yield f"{one['check']}: {place}{finding['text']} {finding['where']}".rstrip()


def _verdicts(document: Document) -> list[tuple[str, int | None, str]]:
    return [(one["check"], one["commit"], one["result"]) for one in document["results"]]
