"""Files whose text does not say what it means: broken C, and names that macros redefine."""

from __future__ import annotations

from collections.abc import Mapping

from convert.sites.family import Family
from convert.sites.macro_traps import find_redefinitions
from convert.sites.sources import Sources
from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind

_CLOSERS = {")": "(", "]": "[", "}": "{"}


def distrusted_files(sources: Sources, family: Family) -> Mapping[str, str]:
    """The files in which no site may be converted, each with the reason (``path:line: what``).

    A redefinition in a header counts for every file: who includes it is not followed.
    """
    result: dict[str, str] = {}
    files = sources.holding(family.names)
    for trap in find_redefinitions(sources, family):
        source = sources.source(trap.path)
        assert source is not None
        reason = f"{trap.path}:{source.line(trap.span.start)}: {trap.name} is redefined here"
        for path in files if trap.path.endswith(".h") else (trap.path,):
            result.setdefault(path, reason)
    for path in files:
        broken = broken_brackets(sources, path)
        if broken is not None:
            result.setdefault(path, broken)
    return result


def broken_brackets(sources: Sources, path: str) -> str | None:
    """Where brackets do not pair up and what holds them cannot be parsed, or None.

    Brackets that only pair up under some `#if` are fine: then everything parses.
    """
    source = sources.source(path)
    if source is None or _balanced(source, Span(0, len(source.text))):
        return None
    parsed = sources.parsed_whole(path)
    for refusal in parsed.refusals if parsed is not None else ():
        if not _balanced(source, refusal.span):
            return (
                f"{path}:{refusal.line}: broken C in {refusal.name}: {refusal.construct}; "
                "where it ends cannot be told, so the whole file stays as it is"
            )
    return None


def _balanced(source: SourceFile, span: Span) -> bool:
    tokens = source.tokens
    if not len(tokens):
        return True
    stack: list[str] = []
    index = tokens.index_at(min(span.start, len(source.text) - 1))
    while index < len(tokens) and tokens.starts[index] < span.end:
        if tokens.kinds[index] == Kind.PUNCTUATOR:
            text = tokens.text(index)
            if text in "([{":
                stack.append(text)
            elif text in _CLOSERS and (not stack or stack.pop() != _CLOSERS[text]):
                return False
        index += 1
    return not stack
