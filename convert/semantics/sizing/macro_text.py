"""Macro calls expanded as text, as the preprocessor would (C11 6.10.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from convert.semantics.sizing.definitions import DefinitionIndex, MacroText
from convert.semantics.sizing.layout import NoLayout
from convert.source.tokens import Kind, Tokens, lex_body


def expansion(macro: MacroText, arguments: Sequence[str]) -> str:
    """The body of a macro with its arguments in place. Raises NoLayout if it cannot be made.

    ``arguments`` is empty for an object-like macro.
    """
    if macro.parameters is None:
        return macro.body
    bound = _bound(macro, arguments)
    tokens = lex_body(macro.body)
    pieces: list[str] = []
    quoted = False  # behind a `#`
    for index in range(len(tokens)):
        text = tokens.text(index)
        if text == "#":
            quoted = True
            continue
        if tokens.kinds[index] == Kind.IDENTIFIER and text in bound:
            text = _string(bound[text]) if quoted else bound[text]
        quoted = quoted and not text.strip()
        pieces.append(text)
    return _pasted(pieces)


def rescanned(index: DefinitionIndex, path: str, text: str) -> str:
    """A text with the macro calls in it expanded too, those that have one definition.

    Raises NoLayout for a macro that does not end.
    """
    for _ in range(_MAX_ROUNDS):
        found = _first_call(index, path, text)
        if found is None:
            return text
        macro, arguments, start, end = found
        text = f"{text[:start]}{expansion(macro, arguments)}{text[end:]}"
    raise NoLayout(f"{path}: `{text[:60]}`: macros nested too deeply")


def _first_call(
    index: DefinitionIndex, path: str, text: str
) -> tuple[MacroText, list[str], int, int] | None:
    tokens = lex_body(text)
    for at in range(len(tokens)):
        if tokens.kinds[at] != Kind.IDENTIFIER:
            continue
        opening = at + 1
        while opening < len(tokens) and tokens.kinds[opening] == Kind.SPACE:
            opening += 1
        if opening >= len(tokens) or tokens.text(opening) != "(":
            continue
        macros = [m for m in index.macros(tokens.text(at), path) if m.parameters is not None]
        closing = _closing(tokens, opening)
        if len(macros) == 1 and closing is not None:
            inner = text[tokens.starts[opening] + 1 : tokens.starts[closing]]
            end = tokens.starts[closing] + 1
            return macros[0], split_arguments(inner), tokens.starts[at], end
    return None


def _closing(tokens: Tokens, opening: int) -> int | None:
    depth = 0
    for at in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens.text(at), 0)
        if depth == 0:
            return at
    return None


def split_arguments(text: str) -> list[str]:
    """The arguments of a macro call, from the text between its parentheses."""
    parts, depth, current = [], 0, ""
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    return [part.strip() for part in (*parts, current)]


def _bound(macro: MacroText, arguments: Sequence[str]) -> Mapping[str, str]:
    parameters = list(macro.parameters or ())
    given = list(arguments)
    if parameters and parameters[-1].endswith("..."):
        rest = parameters.pop()[:-3].strip() or "__VA_ARGS__"
        parameters.append(rest)
        given[len(parameters) - 1 :] = [", ".join(given[len(parameters) - 1 :])]
    if not parameters and given == [""]:
        given = []
    if len(parameters) != len(given):
        raise NoLayout(f"{macro.path}:{macro.line}: {macro.name}() has other parameters")
    return dict(zip(parameters, given, strict=True))


def _string(text: str) -> str:
    """An argument as the string that ``#`` makes of it."""
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _pasted(pieces: Sequence[str]) -> str:
    """Join what stands on both sides of ``##``."""
    text = ""
    glue = False
    for piece in pieces:
        if piece == "##":
            text, glue = text.rstrip(), True
        elif glue and not piece.strip():
            continue
        else:
            text += piece
            glue = False
    return text


_ASSIGNMENTS = frozenset(
    {"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^=", "++", "--"}
)
_MAX_DEPTH = 6
_MAX_ROUNDS = 200
_HARMLESS_BEFORE = frozenset({"sizeof", "typeof", "__typeof__", "likely", "unlikely"})


def may_change(
    index: DefinitionIndex, path: str, callee: str, position: int, depth: int = 0
) -> bool:
    """Whether a call may be a macro that assigns to the variable given as an argument.

    A function cannot. What a macro hands on to other macros is followed.
    """
    for macro in index.macros(callee, path):
        changed = assigned_parameters(macro)
        if macro.parameters is None and macro.body.isidentifier() and macro.body != callee:
            if may_change(index, path, macro.body, position, depth + 1):
                return True
            continue
        if macro.parameters is None or changed is None or depth > _MAX_DEPTH:
            return True
        name = parameter_name(macro, position)
        if name in changed or any(
            may_change(index, path, inner, at, depth + 1) for inner, at in passed_on(macro, name)
        ):
            return True
    return False


def uses_name(index: DefinitionIndex, path: str, callee: str, name: str) -> bool:
    """Whether a call may be a macro whose body uses a variable of the caller by its name."""
    return any(
        name in macro.body and name not in (macro.parameters or ()) and name in _words(macro)
        for macro in index.macros(callee, path)
    )


def parameter_name(macro: MacroText, position: int) -> str:
    """The parameter that the argument at a position becomes."""
    parameters = macro.parameters or ()
    name = parameters[min(position, len(parameters) - 1)] if parameters else ""
    return (name[:-3].strip() or "__VA_ARGS__") if name.endswith("...") else name


def assigned_parameters(macro: MacroText) -> frozenset[str] | None:
    """The parameters that a macro's body may assign to or take the address of; None: not known."""
    words = _words(macro)
    if {"asm", "__asm__"} & set(words):
        return None
    found: set[str] = set()
    for at, word in enumerate(words):
        if not word.isidentifier():
            continue
        before, after = at - 1, at + 1
        while before >= 0 and words[before] == "(":
            before -= 1
        while after < len(words) and words[after] == ")":
            after += 1
        following = words[after] if after < len(words) else ""
        preceding = words[before] if before >= 0 else ""
        if following in {*_ASSIGNMENTS, "##"} or preceding in ("&", "++", "--", "##"):
            found.add(word)
    return frozenset(found)


def passed_on(macro: MacroText, name: str) -> Iterable[tuple[str, int]]:
    """The calls in a macro's body that get a parameter as it is: callee and position."""
    words = _words(macro)
    open_calls: list[tuple[str, int]] = []
    for at, word in enumerate(words):
        if word == "(":
            callee = words[at - 1] if at and words[at - 1].isidentifier() else ""
            open_calls.append((callee, 0))
        elif word == ")" and open_calls:
            open_calls.pop()
        elif word == "," and open_calls:
            open_calls[-1] = (open_calls[-1][0], open_calls[-1][1] + 1)
        elif word == name and open_calls:
            for callee, position in reversed(open_calls):
                if callee and callee not in _HARMLESS_BEFORE:
                    yield callee, position
                if callee:
                    break


def _words(macro: MacroText) -> list[str]:
    tokens = lex_body(macro.body)
    skipped = (Kind.SPACE, Kind.COMMENT)
    return [tokens.text(i) for i in range(len(tokens)) if tokens.kinds[i] not in skipped]
