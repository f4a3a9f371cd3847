"""Scopes in small files: an anchor by the names of calls, and the new text or the refusal."""

from __future__ import annotations

from collections.abc import Mapping

from convert.flow.placement.model import Anchor, AnchorKind
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.hidden import jumping_macros
from convert.rules.placing.model import NotPlaced, Placed, Surroundings
from convert.rules.placing.placeholders import placeholder_edits
from convert.source.edits import apply_edits
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import read_source
from tests.source.helpers import DIALECT

PATH = "fs/toy/a.c"
OPENS = ("lock", "lock_read", "trylock", "lock_killable")
CLOSES = ("unlock", "unlock_read")


def read(text: str, path: str = PATH) -> ParsedFile:
    """Parse a whole file."""
    return parse_file(read_source(path, text.encode("latin-1")), DIALECT)


def around_of(
    *files: ParsedFile, with_header: bool = True, cookies: tuple[str, ...] = ("nofs",)
) -> Surroundings:
    """What is known around some files; ``BUG()`` never returns."""
    return Surroundings(
        DIALECT,
        traps=frozenset({"BUG"}),
        jumping=jumping_macros(file.source for file in files),
        with_header=frozenset(file.source.path for file in files) if with_header else frozenset(),
        cookies=cookies,
    )


def function_of(parsed: ParsedFile, name: str) -> Item:
    """The function of a name."""
    (found,) = [item for item in parsed.functions if item.name == name]
    return found


def offsets(item: Item, names: tuple[str, ...]) -> tuple[int, ...]:
    """Where the calls of some functions start, in any variant."""
    found = {
        call.callee_span.start
        for variant in item.variants
        for call in variant.calls
        if call.callee in names
    }
    return tuple(sorted(found))


def anchor_of(
    parsed: ParsedFile,
    kind: AnchorKind,
    name: str = "f",
    opens: tuple[str, ...] = OPENS,
    closes: tuple[str, ...] = CLOSES,
) -> Anchor:
    """The anchor of a function whose lock is taken and released by the named calls."""
    item = function_of(parsed, name)
    whole = kind in (AnchorKind.WORKER, AnchorKind.PHASE)
    return Anchor(
        kind,
        parsed.source.path,
        name,
        item.span.start,
        () if whole else offsets(item, opens),
        () if whole else offsets(item, closes),
    )


def place(
    text: str,
    kind: AnchorKind = AnchorKind.LOCK,
    *,
    comment: str = "",
    inside: tuple[str, ...] = (),
    with_header: bool = True,
    cookies: tuple[str, ...] = ("nofs",),
) -> Placed | NotPlaced:
    """Place a scope in the function ``f`` of a file."""
    parsed = read(text)
    around = around_of(parsed, with_header=with_header, cookies=cookies)
    wanted = offsets(function_of(parsed, "f"), inside)
    return scope_edits({PATH: parsed}, anchor_of(parsed, kind), around, comment, wanted)


def hold(text: str, calls: tuple[str, ...] = ("alloc",)) -> Placed | NotPlaced:
    """Placeholders around the statements of ``f`` that hold some calls."""
    parsed = read(text)
    item = function_of(parsed, "f")
    where = (PATH, "f", item.span.start)
    return placeholder_edits({PATH: parsed}, where, offsets(item, calls), around_of(parsed))


def edited(files: Mapping[str, str] | str, result: Placed | NotPlaced) -> str:
    """The text of the only file after the edits; fails with the refusal."""
    assert isinstance(result, Placed), str(result)
    text = files if isinstance(files, str) else files[PATH]
    return apply_edits(text, result.edits.get(PATH, ()))


def short(text: str) -> str:
    """A text with the scope's functions written out: ``SAVE`` and ``RESTORE`` stand for them."""
    text = text.replace("SAVE", "nofs = memalloc_nofs_save();")
    return text.replace("RESTORE", "memalloc_nofs_restore(nofs);")
