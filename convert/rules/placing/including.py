"""The include line that brings the functions of a scope, where a file lacks it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from convert.rules.layout import line_end
from convert.rules.placing.model import Unplaceable
from convert.sites.includes import Include, includes_of, unconditional
from convert.source.edits import Edit, Span
from convert.source.parse import ParsedFile
from convert.tree.kernel import KernelTree


def files_with_header(
    tree: KernelTree, paths: Iterable[str], header: str, directories: Iterable[str] = ()
) -> frozenset[str]:
    """The files that include a header themselves or through headers of their own filesystem.

    Lines under ``#if`` do not count, and neither do other headers of ``include/``, which may stop
    to include it. directories: where quoted names are looked up besides the file's own.
    """
    bases = tuple(directories)
    return frozenset(path for path in paths if _sees(tree, path, header, bases))


def _sees(tree: KernelTree, path: str, header: str, bases: tuple[str, ...]) -> bool:
    seen, waiting = {path}, [path]
    while waiting:
        here = waiting.pop()
        for include in unconditional(tree.read(here).decode("latin-1")):
            if include.path == header:
                return True
            place = None if include.angled else _own(tree, here, include.path, bases)
            if place is not None and place not in seen:
                seen.add(place)
                waiting.append(place)
    return False


def _own(tree: KernelTree, path: str, name: str, bases: tuple[str, ...]) -> str | None:
    for base in (posixpath.dirname(path), *bases):
        place = posixpath.normpath(posixpath.join(base, name))
        if not place.startswith("..") and tree.exists(place):
            return place
    return None


def include_edit(parsed: ParsedFile, header: str) -> Edit | None:
    """The new line, in the order of its group; None if the file has the line already.

    Behind the last line of the first group of kernel headers if those are in no order. Raises
    Unplaceable for a file without a plain include line.
    """
    text = parsed.source.text
    lines = unconditional(text)
    if any(include.angled and include.path == header for include in lines):
        return None
    if len(lines) == 0 or any(_is_odd(text, include) for include in lines):
        name = f"no plain place for #include <{header}>"
        raise Unplaceable(1, name, parsed.source.path)
    folder = header.split("/")[0] + "/"
    group = _group(text, [one for one in lines if one.angled and one.path.startswith(folder)])
    spelled = f"#include <{header}>"
    newline = "\r\n" if text[lines[0].line.start :].split("\n")[0].endswith("\r") else "\n"
    if not group:
        at = lines[0].line.start
        return Edit(Span(at, at), spelled + newline + ("" if lines[0].angled else newline))
    names = [include.path for include in group]
    behind = group[-1]
    if names == sorted(names) and len(names) > 1:
        before = [include for include in group if include.path < header]
        if not before:
            at = group[0].line.start
            return Edit(Span(at, at), spelled + newline)
        behind = before[-1]
    at = line_end(text, behind.line.start) + 1
    return Edit(Span(at, at), spelled + newline)


def _is_odd(text: str, include: Include) -> bool:
    """Whether the line goes on, or starts a comment that does."""
    line = include.line.of(text)
    return line.rstrip().endswith("\\") or line.count("/*") != line.count("*/")


def _group(text: str, lines: list[Include]) -> list[Include]:
    """The first lines that follow each other."""
    group: list[Include] = []
    for include in lines:
        if group and line_end(text, group[-1].line.start) + 1 != include.line.start:
            break
        group.append(include)
    return group


__all__ = ["files_with_header", "include_edit", "includes_of"]
