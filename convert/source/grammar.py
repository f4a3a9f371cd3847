"""The parser's footing: tokens by index, extents of nodes, records of calls and statements.

The grammar is pycparser's (`CParser`); the mixins on top of this class replace the productions that
need exact extents or the kernel's dialect. A node's ``coord`` is its extent: the pair of the index
of its first token and the index after its last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from pycparser.c_parser import _DECL_START, _STARTS_EXPRESSION, CParser, ParseError

from convert.source.run import Run
from convert.source.vocabulary import Dialect

Extent = tuple[int, int]
Node = Any  # pycparser ships no types

DECLARATION_STARTS = frozenset(_DECL_START) | {"TYPEOF_MEMBER"}
EXPRESSION_STARTS = frozenset(_STARTS_EXPRESSION) | {"LAND"}


class Refused(ParseError):  # type: ignore[misc]
    """The dialect does not know what stands at a token; ``index`` is the token's."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


@dataclass(slots=True)
class Word:
    """A token as the inherited productions want it."""

    type: str
    value: str
    index: int


class CallRecord(NamedTuple):
    """A call: extents of call and callee, the parentheses' tokens, extent and node of each slot."""

    node: Node
    extent: Extent
    callee: Extent
    open: int
    close: int
    slots: list[tuple[int, int, Node]]


class StatementRecord(NamedTuple):
    """A statement; ``node`` is None only for an empty declaration."""

    kind: str
    extent: Extent
    node: Node


class DeclaratorRecord(NamedTuple):
    """A declarator: its Decl, the token of its name, and the extents of its parts."""

    node: Node
    name: int
    specifiers: Extent
    extent: Extent
    init: Extent | None
    is_parameter: bool


@dataclass
class Records:
    """What the productions noted besides the tree."""

    calls: list[CallRecord]
    statements: list[StatementRecord]
    declarators: list[DeclaratorRecord]

    def sizes(self) -> tuple[int, int, int]:
        """The lengths of the lists, to cut back to."""
        return len(self.calls), len(self.statements), len(self.declarators)

    def cut(self, sizes: tuple[int, int, int]) -> None:
        """Forget what was noted since; a production that is tried again would note it twice."""
        del self.calls[sizes[0] :]
        del self.statements[sizes[1] :]
        del self.declarators[sizes[2] :]


class TokenParser(CParser):  # type: ignore[misc]
    """Token access over a `Run`; strictness; the names that shadow types."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self._words = dialect
        self._types: list[str | None] = []
        self._values: list[str] = []
        self._pos = 0
        self._strict = False  # in a function's body
        self._exact = False  # in a macro's code: arguments must be read
        self._ends_with_parenthesis = False  # in statements that are a macro's argument
        self.records = Records([], [], [])

    def load(self, run: Run) -> None:
        """Start on a run; what was recorded before is left to whoever holds it."""
        self._types = list(run.types)
        self._values = run.values
        self._pos = 0
        self._strict = False
        self._exact = False
        self._ends_with_parenthesis = False
        self.records = Records([], [], [])

    # Token access, as the inherited productions use it.

    def _peek(self, k: int = 1) -> Word | None:
        index = self._pos + k - 1
        kind = self._types[index]
        return None if kind is None else Word(kind, self._values[index], index)

    def _peek_type(self, k: int = 1) -> str | None:
        return self._types[self._pos + k - 1]

    def _advance(self) -> Word:
        index = self._pos
        kind = self._types[index]
        if kind is None:
            self._refuse("the text ends in the middle of")
        self._pos = index + 1
        return Word(kind, self._values[index], index)

    def _accept(self, token_type: str) -> Word | None:
        index = self._pos
        if self._types[index] != token_type:
            return None
        self._pos = index + 1
        return Word(token_type, self._values[index], index)

    def _expect(self, token_type: str) -> Word:
        index = self._pos
        if self._types[index] != token_type:
            self._refuse(f"expected {spelling(token_type)}")
        self._pos = index + 1
        return Word(token_type, self._values[index], index)

    def _take(self, token_type: str) -> None:
        """Like `_expect`, without making a token."""
        if self._types[self._pos] != token_type:
            self._refuse(f"expected {spelling(token_type)}")
        self._pos += 1

    def _mark(self) -> Any:
        return self._pos, self.records.sizes()

    def _reset(self, mark: Any) -> None:
        self._pos, sizes = mark
        self.records.cut(sizes)

    def _tok_coord(self, tok: Any) -> Any:
        return (tok.index, tok.index + 1)

    def _starts_declaration(self, tok: Any = None) -> bool:
        kind = self._types[self._pos] if tok is None else tok.type
        return kind in DECLARATION_STARTS

    def _starts_expression(self, tok: Any = None) -> bool:
        kind = self._types[self._pos] if tok is None else tok.type
        return kind in EXPRESSION_STARTS

    # Refusals.

    def _refuse(self, message: str, index: int | None = None) -> NoReturn:
        raise Refused(message, self._pos if index is None else index)

    def _parse_error(self, msg: str, coord: Any) -> NoReturn:
        """What the inherited productions call; their coordinates are extents here."""
        raise Refused(msg, coord[0] if isinstance(coord, tuple) else self._pos)

    # Names that stand for something else from here on.

    def _add_identifier(self, name: str, coord: Any) -> None:
        """A variable that has the name of a type hides it in the rest of the run."""
        self._rename(name, "TYPEID", "ID")

    def _add_typedef_name(self, name: str, coord: Any) -> None:
        self._rename(name, "ID", "TYPEID")

    def _rename(self, name: str, old: str, new: str) -> None:
        if (name in self._words.typedefs) != (old == "TYPEID"):
            return
        for index in range(self._pos, len(self._values)):
            if self._values[index] == name and self._types[index] == old:
                self._types[index] = new

    def _push_scope(self) -> None:
        pass

    def _pop_scope(self) -> None:
        pass

    def _is_type_in_scope(self, name: str) -> bool:
        return name in self._words.typedefs


_SPELLING = {
    "LPAREN": "'('", "RPAREN": "')'", "LBRACKET": "'['", "RBRACKET": "']'", "LBRACE": "'{'",
    "RBRACE": "'}'", "SEMI": "';'", "COMMA": "','", "COLON": "':'", "EQUALS": "'='", "ID": "a name",
}  # fmt: skip


def spelling(token_type: str) -> str:
    """How a token type is spelled in a message."""
    return _SPELLING.get(token_type, token_type.lower())
