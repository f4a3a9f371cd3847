"""Reading the body of a ``#define``, with offsets into the file."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from itertools import combinations

from pycparser import c_ast

from convert.source.conditionals import Directive
from convert.source.edits import Span
from convert.source.externals import ExternalParser
from convert.source.grammar import DECLARATION_STARTS, Node, Refused
from convert.source.nodes import CodeArgument, Opaque, StringConcat
from convert.source.run import Run, finish
from convert.source.text import SourceFile
from convert.source.tokens import Kind, lex_body
from convert.source.variants import Variant
from convert.source.vocabulary import Dialect

_HEAD = re.compile(r"([A-Za-z_$][\w$]*)(\([^()]*\))?")


_MOST_TYPE_PARAMETERS = 4


class BodyParser(ExternalParser):
    """Productions for whole macro bodies. The last statement may lack its semicolon."""

    def load(self, run: Run) -> None:
        """Start on a body; unlike at file level, all arguments must be readable."""
        super().load(run)
        self._exact = True

    def expression_body(self) -> Node:
        """One expression."""
        node = self._parse_expression()
        self._end()
        return node

    def statements_body(self) -> Node:
        """Statements; more than one make a CodeArgument."""
        parts: list[Node] = []
        while self._types[self._pos] is not None:
            parts += self._block_item()
        return parts[0] if len(parts) == 1 else CodeArgument(parts, (0, self._pos))

    def type_body(self) -> Node:
        """A type name, or storage classes and function specifiers only."""
        if any(self._types[at] in _STORAGE for at in range(len(self._values))):
            spec = self._specifiers(storage=True)
            node = c_ast.IdentifierType(
                [*spec["storage"], *spec["function"], *spec["qual"]], (0, self._pos)
            )
        else:
            node = self._parse_type_name()
        self._end()
        return node

    def initializer_body(self) -> Node:
        """`{ … }`, or items of an initialiser list."""
        items = [self._initializer_item()]
        while self._accept("COMMA") and self._types[self._pos] is not None:
            items.append(self._initializer_item())
        self._end()
        return items[0] if len(items) == 1 else c_ast.InitList(items, (0, self._pos))

    def words_body(self) -> Node:
        """Names and strings side by side, which make one string."""
        parts: list[Node] = []
        while self._types[self._pos] in ("ID", "STRING_LITERAL"):
            parts.append(c_ast.ID(self._values[self._pos], (self._pos, self._pos + 1)))
            self._pos += 1
        self._end()
        return StringConcat(parts, (0, self._pos))

    def externals_body(self) -> Node:
        """Declarations and functions."""
        nodes = [external.node for external in self.externals()]
        return nodes[0] if len(nodes) == 1 else c_ast.DeclList(nodes, (0, self._pos))

    def members_body(self) -> Node:
        """Members of a struct."""
        nodes: list[Node] = []
        while self._types[self._pos] is not None:
            nodes += self._member_declaration()
        return c_ast.DeclList(nodes, (0, self._pos))

    def _end(self) -> None:
        if self._types[self._pos] is not None:
            self._refuse("expected the end of the macro's body")


# Trace headers: a path without quotes (include/trace/define_trace.h).
_PATHS = frozenset({"TRACE_INCLUDE_PATH", "TRACE_INCLUDE_FILE"})
_STORAGE = frozenset({"STATIC", "EXTERN", "INLINE", "TYPEDEF", "REGISTER"})


class MacroReader:
    """Reads the #defines of one file."""

    def __init__(self, source: SourceFile, dialect: Dialect) -> None:
        self._source = source
        self._words = dialect.word_types
        self._parser = BodyParser(dialect)

    def read(self, line: Directive) -> tuple[str, Span, Variant | str]:
        """The macro's name and its body's tree, or why the body cannot be read."""
        text = self._source.text
        start = line.argument_span.start
        head = _HEAD.match(text, start, line.argument_span.end)
        if head is None:
            return "file", line.span, "#define without a name"
        name_span = Span(start, start + len(head.group(1)))
        name = head.group(1)
        parameters = re.findall(r"[\w$]+", head.group(2) or "")
        run = self._run(head.end(), line.argument_span.end)
        return name, name_span, self._body(name, run, parameters)

    def _run(self, start: int, end: int) -> Run:
        """The significant tokens of a body; `##` joins names, `#x` is a string."""
        tokens = lex_body(self._source.text[start:end])
        kept = [index for index in range(len(tokens)) if tokens.kinds[index] >= Kind.IDENTIFIER]
        values: list[str] = []
        types: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        while at < len(kept):
            text = tokens.text(kept[at])
            joins = text == "##" and at + 1 < len(kept)
            if joins and values and values[-1] != ",":
                values[-1] += text + tokens.text(kept[at + 1])
                types[-1] = "ID" if types[-1] in _PASTABLE else types[-1]
                ends[-1] = start + tokens.starts[kept[at + 1] + 1]
                at += 2
                continue
            width = 1
            kind = self._words[text]
            if joins or (text == "#" and at + 1 < len(kept)):
                # `, ## args` drops the comma when args is empty; `#x` is a string.
                width = 2
                kind = "ID" if joins else "STRING_LITERAL"
                text += tokens.text(kept[at + 1])
            values.append(text)
            types.append(kind)
            starts.append(start + tokens.starts[kept[at]])
            ends.append(start + tokens.starts[kept[at + width - 1] + 1])
            at += width
        return finish(values, types, starts, ends)

    def _body(self, name: str, run: Run, parameters: list[str]) -> Variant | str:
        self._parser.load(run)
        if not len(run):
            return self._variant(run, c_ast.EmptyStatement((0, 0)))
        if name in _PATHS:
            return self._variant(run, Opaque(" ".join(run.values[: len(run)]), (0, len(run))))
        furthest: Refused | None = None
        for types in _readings(run, parameters):
            for method, padding in self._methods(types):
                try:
                    padded = _with(run, types, padding)
                    self._parser.load(padded)
                    return self._variant(padded, method())
                except Refused as refused:
                    if furthest is None or refused.index > furthest.index:
                        furthest = refused
                except RecursionError:
                    return "nested too deeply to parse"
        assert furthest is not None
        index = min(furthest.index, len(run) - 1)
        line = self._source.line(run.starts[index])
        return f"macro body: {furthest.message} at {run.values[index]!r} (line {line})"

    def _methods(self, types: list[str | None]) -> list[tuple[Callable[[], Node], str]]:
        """The ways to read a body, the likeliest first, and the token to add at its end."""
        parser = self._parser
        code = [
            (parser.expression_body, ""),
            (parser.statements_body, ""),
            (parser.statements_body, "SEMI"),
        ]
        data = [
            (parser.initializer_body, ""),
            (parser.type_body, ""),
            (parser.externals_body, ""),
            (parser.externals_body, "SEMI"),
            (parser.members_body, ""),
            (parser.members_body, "SEMI"),
            (parser.words_body, ""),
        ]
        return [*data[1:2], *code, *data] if types[0] in DECLARATION_STARTS else [*code, *data]

    def _variant(self, run: Run, root: Node) -> Variant:
        records = self._parser.records
        return Variant(
            (),
            root,
            self._source.text,
            run.starts,
            run.ends,
            (records.calls, records.statements, records.declarators),
        )


_PASTABLE = frozenset({"ID", "TYPEID", "INT_CONST_DEC", "DROPPED", "DROPPED_CALL"})


def _with(run: Run, types: list[str | None], padding: str) -> Run:
    """The run with other types, and one more token at the end, which has no text (a semicolon)."""
    if not padding:
        return Run(types, run.values, run.starts, run.ends)
    longer: list[str | None] = [*types[: len(run)], padding, *types[len(run) :]]
    end = array("I", [run.ends[-1]])
    return Run(longer, [*run.values, ""], run.starts + end, run.ends + end)


def _readings(run: Run, parameters: list[str]) -> list[list[str | None]]:
    """The token types as they are, then with parameters that stand like types taken for types."""
    plain = run.types
    as_types = set()
    for at in range(len(run)):
        if plain[at] == "ID" and run.values[at] in parameters and _stands_like_type(plain, at):
            as_types.add(run.values[at])
    # `(ops)` may be a parenthesised value as well as half a cast, so every choice is tried.
    names = sorted(as_types)[:_MOST_TYPE_PARAMETERS]
    chosen = [set(some) for size in range(1, len(names) + 1) for some in combinations(names, size)]
    return [plain, *(_taken_for_types(run, some) for some in chosen)]


def _taken_for_types(run: Run, names: set[str]) -> list[str | None]:
    return [
        "TYPEID" if kind == "ID" and value in names else kind
        for kind, value in zip(run.types, run.values, strict=True)
    ]


def _stands_like_type(types: list[str | None], at: int) -> bool:
    """Whether a name stands as in `(name *)`, `(name)x`, `name x` or `name *x`."""
    following = types[at + 1]
    before = types[at - 1] if at > 0 else None
    if following in ("ID", "TYPEID"):
        return True
    if before in (
        "LPAREN",
        "COMMA",
        "CONST",
        "VOLATILE",
        None,
        "LBRACE",
        "SEMI",
        "RBRACE",
        "STATIC",
    ):
        return following in ("RPAREN", "TIMES")
    return False
