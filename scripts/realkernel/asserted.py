"""Which places of a conversion rest on a scope, and which of them a debug patch asserts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.scratch import commits_between, git

Place = tuple[str, int]  # file, line of the converted tree
# Commits that take NOFS out of masks because a scope is open, by what they are called.
_BY_SCOPE = re.compile(r"use GFP_KERNEL .*\bscopes?\b")
_SITE = re.compile(r'\{ \.id = "(?P<id>[^"]+)", \.proven = (?P<proven>true|false) \}')
_HUNK = re.compile(r"@@ -(?P<line>\d+)")
_COUNTED = re.compile(r"\bkmem_convert_mask\((?P<number>\d+),")
_BLAMED = re.compile(r"(?P<commit>[0-9a-f]{40}) \d+ (?P<line>\d+)")


@dataclass(frozen=True)
class Asserted:
    """What a debug patch counts: proven sites by number, and their numbers by place."""

    sites: Mapping[int, str]
    places: Mapping[Place, tuple[int, ...]]


def read_patch(patch: str) -> Asserted:
    """The proven sites of a patch of `kmem-convert assert`. Raises InputError if it has none."""
    found = enumerate(_SITE.finditer(patch))
    sites = {number: site["id"] for number, site in found if site["proven"] == "true"}
    if not sites:
        raise InputError("the patch asserts no site")
    places: dict[Place, tuple[int, ...]] = {}
    for place, text in _replaced(patch):
        numbers = [int(one["number"]) for one in _COUNTED.finditer(text)]
        own = tuple(number for number in numbers if number in sites)
        places[place] = places.get(place, ()) + own
    return Asserted(sites, places)


def _replaced(patch: str) -> Iterator[tuple[Place, str]]:
    """Each line that the patch replaces, with the text that comes in its place."""
    file, line = "", 0
    old: list[int] = []
    for text in patch.splitlines():
        if text.startswith("--- "):
            file, old = text[4:].removeprefix("a/"), []
        elif hunk := _HUNK.match(text):
            line, old = int(hunk["line"]), []
        elif text.startswith("-"):
            old.append(line)
            line += 1
        elif text.startswith("+") and old:
            yield (file, old.pop(0)), text[1:]
        elif text.startswith(" ") or not text:
            line, old = line + 1, []


def resting_on_scopes(repository: Path, base: str, tip: str) -> dict[Place, str]:
    """The places of ``tip`` whose masks lost NOFS because of a scope, with what the commit says.

    Raises InputError if they are not as many as the masks that the commits change.
    """
    found: dict[Place, str] = {}
    for commit in commits_between(repository, base, tip):
        subject = git(repository, "show", "--no-patch", "--format=%s", commit).strip()
        if not (named := _BY_SCOPE.search(subject)):
            continue
        diff = git(repository, "show", "--format=", "--unified=0", commit).splitlines()
        lost = sum(text.startswith("-") and "NOFS" in text for text in diff)
        files = [text[6:] for text in diff if text.startswith("+++ b/")]
        places = [
            place for file in files for place in _lines_of(repository, base, tip, commit, file)
        ]
        if len(places) != lost:
            raise InputError(f"{subject}: {lost} masks lose NOFS, but {len(places)} lines are left")
        found |= dict.fromkeys(places, named[0])
    return found


def _lines_of(repository: Path, base: str, tip: str, commit: str, file: str) -> Iterator[Place]:
    """The lines with GFP_KERNEL that a file of ``tip`` has from a commit."""
    blamed = git(repository, "blame", "--porcelain", f"{base}..{tip}", "--", file)
    here: re.Match[str] | None = None
    for text in blamed.splitlines():
        if text.startswith("\t"):
            if here and here["commit"] == commit and "GFP_KERNEL" in text:
                yield file, int(here["line"])
        else:
            here = _BLAMED.match(text) or here
