"""The documentation of the scope and its KUnit test: where they go in the tree at hand."""

from __future__ import annotations

import re

from convert.errors import InputError
from convert.nofail.locate import Places
from convert.nofail.text import rendered
from convert.source.edits import Edit, Span

DOCUMENT = "Documentation/core-api/gfp_mask-from-fs-io.rst"
TEST = "mm/memalloc_nofail_kunit.c"
MAKEFILE = "mm/Makefile"
KCONFIG = "mm/Kconfig.debug"
OPTION = "MEMALLOC_NOFAIL_KUNIT_TEST"
_HEADING = re.compile(r"^What about .*\n=+\n", re.MULTILINE)
# Help texts are indented; what opens and closes a block is not.
_KCONFIG = (re.compile(r"^(if|menu|choice)\b", re.M), re.compile(r"^end(if|menu|choice)\b", re.M))
_MAKE = (re.compile(r"^\s*ifn?(def|eq)\b", re.M), re.compile(r"^\s*endif\b", re.M))


def document_edits(places: Places, max_order: int) -> dict[str, tuple[Edit, ...]]:
    """The section about the scope, ahead of the one about vmalloc, else at the end."""
    text = _text(places, DOCUMENT)
    section = rendered("gfp_mask-from-fs-io.rst.j2", max_order=max_order)
    heading = _HEADING.search(text)
    if heading is None:
        return {DOCUMENT: (_appended(text, section),)}
    at = heading.start()
    return {DOCUMENT: (Edit(Span(at, at), section.lstrip("\n") + "\n"),)}


def test_edits(places: Places, max_order: int) -> dict[str, tuple[Edit, ...]]:
    """The test, and what builds it. Raises InputError where a line cannot be appended."""
    if places.tree.exists(TEST):
        raise InputError(f"{TEST} is there already: the tree holds the test of a nofail scope")
    makefile, kconfig = _text(places, MAKEFILE), _text(places, KCONFIG)
    for path, text in ((MAKEFILE, makefile), (KCONFIG, kconfig)):
        _check_closed(path, text)
    line = f"obj-$(CONFIG_{OPTION}) += {TEST.removeprefix('mm/').removesuffix('.c')}.o\n"
    return {
        KCONFIG: (_appended(kconfig, rendered("Kconfig.j2")),),
        MAKEFILE: (_appended(makefile, line),),
        TEST: (Edit(Span(0, 0), rendered("memalloc_nofail_kunit.c.j2", max_order=max_order)),),
    }


def _check_closed(path: str, text: str) -> None:
    """Whether what stands at the end of a file holds unconditionally."""
    opening, closing = _MAKE if path == MAKEFILE else _KCONFIG
    if len(opening.findall(text)) != len(closing.findall(text)):
        line = text.count("\n")
        raise InputError(f"{path}:{line}: the end of the file stands inside of a condition")


def _text(places: Places, path: str) -> str:
    if not places.tree.exists(path):
        raise InputError(f"{places.tree.name}: no {path}")
    return places.tree.read(path).decode("latin-1")


def _appended(text: str, more: str) -> Edit:
    end = len(text)
    return Edit(Span(end, end), more if not text or text.endswith("\n") else f"\n{more}")
