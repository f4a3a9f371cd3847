"""Finding places in the tree's own text: functions, statements in them, includes.

Nothing is found by a line number or a fixed context. What is not there, or not as expected, is an
InputError with file, line and what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.errors import InputError
from convert.semantics.defines import words_of
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of
from convert.source.parse import FileReader, Item, Statement, Variant
from convert.source.text import SourceFile, read_source
from convert.source.tokens import Kind, lex_body
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

NOPROF = "_noprof"  # memory allocation profiling (Linux 6.10) renamed functions behind a macro


@dataclass(frozen=True)
class Body:
    """A function with one reading of its text."""

    source: SourceFile
    item: Item
    variant: Variant

    @property
    def place(self) -> str:
        """File, line and name, for messages."""
        return f"{self.source.path}:{self.item.line}: {self.item.name}()"

    @property
    def open(self) -> int:
        """The offset behind the line of the opening brace."""
        root = self.variant.root
        assert isinstance(root, c_ast.FuncDef)
        brace = self.variant.span_of(root.body).start
        end = self.source.text.find("\n", brace)
        if self.source.text[brace + 1 : end].strip():
            raise InputError(f"{self.place}: something follows the opening brace in its line")
        return end + 1

    @property
    def close(self) -> int:
        """The offset of the line of the closing brace."""
        brace = self.item.span.end - 1
        start = self.source.text.rfind("\n", 0, brace) + 1
        if self.source.text[start:brace].strip():
            raise InputError(f"{self.place}: the closing brace does not stand alone in its line")
        return start

    def statements(self) -> Iterator[Statement]:
        """The statements right in the body, in order."""
        root = self.variant.root
        assert isinstance(root, c_ast.FuncDef)
        direct = {id(node) for node in root.body.block_items or ()}
        for statement in self.variant.statements:
            if id(statement.node) in direct:
                yield statement

    def nodes(self, kind: type[c_ast.Node]) -> Iterator[c_ast.Node]:
        """All nodes of a kind in the body."""
        root = self.variant.root
        assert isinstance(root, c_ast.FuncDef)
        return (node for node in nodes_of(root.body) if isinstance(node, kind))

    @property
    def after_declarations(self) -> int:
        """The offset of the line of the first statement that declares nothing."""
        for statement in self.statements():
            if not isinstance(statement.node, c_ast.Decl):
                return self.line_start(self.without_comment(statement.span.start))
        raise InputError(f"{self.place}: the function has no statement")

    def without_comment(self, offset: int) -> int:
        """Where a statement starts with the comments right above it."""
        tokens = self.source.tokens
        index = tokens.index_at(offset) - 1
        start = offset
        while index >= 0 and tokens.kinds[index] in (Kind.SPACE, Kind.COMMENT):
            if tokens.kinds[index] == Kind.SPACE and tokens.text(index).count("\n") > 1:
                break
            if tokens.kinds[index] == Kind.COMMENT:
                start = tokens.starts[index]
            index -= 1
        return start

    def line_start(self, offset: int) -> int:
        """The offset of the first byte of a line."""
        return self.source.text.rfind("\n", 0, offset) + 1


@dataclass
class Places:
    """The files of a tree, each parsed as far as it is asked for."""

    tree: KernelTree
    dialect: Dialect
    _readers: dict[str, FileReader] = field(default_factory=dict)
    _sources: dict[str, SourceFile] = field(default_factory=dict)

    def source(self, path: str) -> SourceFile:
        """The file. Raises InputError if it is not there or cannot be split into tokens."""
        if path not in self._sources:
            if not self.tree.exists(path):
                raise InputError(
                    f"{self.tree.name}: no {path}, where the nofail scope needs a change"
                )
            self._sources[path] = read_source(path, self.tree.read(path))
        return self._sources[path]

    def reader(self, path: str) -> FileReader:
        """The file's parser."""
        if path not in self._readers:
            self._readers[path] = FileReader(self.source(path), self.dialect)
        return self._readers[path]

    def function(self, path: str, name: str) -> Body:
        """The only function of a name. Raises InputError if it is missing or not understood."""
        parsed = self.reader(path).parsed(frozenset({name}))
        for refusal in parsed.refusals:
            if refusal.name == name:
                raise InputError(f"{path}:{refusal.line}: {name}(): {refusal.construct}")
        found = [item for item in parsed.functions if item.name == name]
        if len(found) != 1:
            what = "no function" if not found else "more than one function"
            raise InputError(f"{path}: {what} {name}()")
        if len(found[0].variants) != 1:
            raise InputError(
                f"{path}:{found[0].line}: {name}() depends on the configuration; its change is "
                "to be made by hand"
            )
        return Body(self.source(path), found[0], found[0].variants[0])

    def users(self, path: str, word: str) -> Iterator[tuple[str, int]]:
        """Who uses a word in a file's code or macros: name of function or macro, and line.

        Raises InputError for a use outside of both.
        """
        parsed = self.reader(path).parsed(frozenset({word}))
        source = self.source(path)
        tokens = source.tokens
        for index in tokens.identifiers():
            if tokens.text(index) == word:
                start = tokens.starts[index]
                item = parsed.item_at(start)
                if item is None:
                    raise InputError(f"{path}:{source.line(start)}: {word} outside of a function")
                yield item.name, source.line(start)
        for line in parsed.directives:
            words = words_of(lex_body(line.argument)) if line.name == "define" else ()
            if word in words[1:]:
                yield words[0], line.line

    def include(self, path: str, header: str) -> Edit | None:
        """The line that includes a header, behind the last of the same folder; None if it is there.

        Raises InputError for a file that includes nothing of that folder.
        """
        source = self.source(path)
        lines = [d for d in self.reader(path).parsed(frozenset()).directives if d.name == "include"]
        if any(d.argument.startswith(f"<{header}>") for d in lines):
            return None
        folder = header.split("/", 1)[0]
        same = [d for d in lines if d.argument.startswith(f"<{folder}/")]
        if not same:
            raise InputError(f"{path}: no #include <{folder}/…> beside which to include {header}")
        end = source.text.find("\n", same[-1].span.end - 1) + 1
        return Edit(Span(end, end), f"#include <{header}>\n")


def plain(name: str) -> str:
    """A function's name without the ending that allocation profiling gave it."""
    return name.removesuffix(NOPROF)
