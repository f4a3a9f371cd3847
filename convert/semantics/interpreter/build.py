"""A `Program` from files of a tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from pycparser import c_ast

from convert.semantics.cint import CType
from convert.semantics.constants import KERNEL_TYPEDEFS, Constants
from convert.semantics.defines import Definition, definitions
from convert.semantics.interpreter.program import FunctionBody, LineOf, MacroBody, Program
from convert.semantics.interpreter.values import Type, Where
from convert.source.dialect import Dialect
from convert.source.nodes import CodeArgument
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import SourceFile, read_source
from convert.source.variants import Variant
from convert.tree.kernel import KernelTree

_MOST_CONDITIONS = 8


@dataclass(frozen=True)
class Reading:
    """One file to read: all of it, or only the items that hold one of the ``wanted`` names.

    own: what it defines is interpreted even where the stubs know the name. expand: macros that
    stand for parameters; each use is replaced by the macro's shortest definition before parsing
    (the text is only executed, never edited, and keeps its lines).
    """

    path: str
    own: bool = False
    wanted: frozenset[str] | None = None
    expand: tuple[str, ...] = ()


def build_program(
    tree: KernelTree,
    dialect: Dialect,
    readings: Sequence[Reading],
    constants: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
) -> Program:
    """Read what a run may need; ``constants`` are files read for macros and enumerators only.

    given: object-like macros to add, name to text (what an architecture's headers would define).
    Files that the tree lacks are left out, unless they are ``own``. Raises InputError if one of
    those is missing, or if a file cannot be lexed.
    """
    builder = _Builder(dialect)
    for name, text in (given or {}).items():
        source = read_source("given", f"#define {name} {text}\n".encode())
        builder.defined += definitions(source)
    read = {reading.path for reading in readings}
    for path in dict.fromkeys(constants):
        if path not in read and tree.exists(path):
            builder.defined += definitions(read_source(path, tree.read(path)))
    for reading in {reading.path: reading for reading in reversed(readings)}.values():
        if reading.own or tree.exists(reading.path):
            data = builder.expanded(tree.read(reading.path), reading.expand)
            builder.add(read_source(reading.path, data), reading)
    return builder.program()


class _Builder:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.functions: dict[str, list[FunctionBody]] = {}
        self.macros: dict[str, list[MacroBody]] = {}
        self.typedefs: list[c_ast.Typedef] = []
        self.defined: list[Definition] = []
        self.unreadable: dict[str, tuple[Where, str]] = {}
        self.own: set[str] = set()
        self.prototypes: list[tuple[str, Where, dict[str, bool]]] = []
        self.conditions: dict[str, list[dict[str, bool]]] = {}

    def add(self, source: SourceFile, reading: Reading) -> None:
        parsed = parse_file(source, self.dialect, reading.wanted)
        found = definitions(source)
        self.defined += found
        self.refused(parsed)
        for item in parsed.functions:
            self.function(source, item)
        for item in parsed.declarations:
            self.declaration(source, item)
        by_line = {(d.name, d.line): d for d in found}
        for item in parsed.macros:
            definition = by_line.get((item.name, item.line))
            if definition is not None:  # else it is under `#if 0`
                self.macro(source, item, definition)
        if reading.own:
            self.own |= {item.name for item in (*parsed.functions, *parsed.macros)}
            self.own |= {refusal.name for refusal in parsed.refusals}

    def expanded(self, data: bytes, names: Sequence[str]) -> bytes:
        """The text with uses of some macros replaced; parameters must be plain words."""
        text = data.decode("latin-1")
        for name in names:
            found = [d for d in self.defined if d.name == name and d.parameters is not None]
            if found:
                macro = min(found, key=lambda d: len(d.body))
                use = re.compile(rf"\b{name}\(\s*([\w,\s]*?)\s*\)")
                text = use.sub(partial(_replaced, macro), text)
        return text.encode("latin-1")

    def refused(self, parsed: ParsedFile) -> None:
        for refusal in parsed.refusals:
            where = Where(refusal.path, refusal.line)
            self.unreadable.setdefault(refusal.name, (where, refusal.construct))

    def function(self, source: SourceFile, item: Item) -> None:
        where = Where(source.path, item.line)
        if not _all_combinations(item.variants):
            self.unreadable.setdefault(
                item.name, (where, "its #if conditions were not all combined with each other")
            )
        for variant in item.variants:
            body = FunctionBody(
                item.name, where, variant.root, _line_of(source, variant), _condition(variant)
            )
            self.functions.setdefault(item.name, []).append(body)
            self.conditions.setdefault(item.name, []).append(dict(variant.conditions))

    def elsewhere(self) -> dict[str, Where]:
        """Functions that are only declared in configurations that have none of their bodies."""
        return {
            name: where
            for name, where, declared in self.prototypes
            if name in self.functions
            and all(_contradict(declared, body) for body in self.conditions[name])
        }

    def declaration(self, source: SourceFile, item: Item) -> None:
        root = item.variants[0].root
        if isinstance(root, c_ast.Typedef):
            self.typedefs.append(root)
        elif isinstance(root, c_ast.Decl) and isinstance(root.type, c_ast.FuncDecl):
            where = Where(source.path, item.line)
            for variant in item.variants:
                self.prototypes.append((item.name, where, dict(variant.conditions)))

    def macro(self, source: SourceFile, item: Item, definition: Definition) -> None:
        variant = item.variants[0]
        root = variant.root
        statements: tuple[c_ast.Node, ...] = (root,)
        if isinstance(root, CodeArgument):
            statements = tuple(root.parts)
        elif isinstance(root, c_ast.EmptyStatement):
            statements = ()
        where = Where(source.path, item.line)
        if _pastes(definition):
            self.unreadable.setdefault(item.name, (where, "its body pastes tokens"))
        body = MacroBody(
            name=item.name,
            where=where,
            parameters=definition.parameters,
            statements=statements,
            line_of=_line_of(source, variant),
            condition=definition.condition or str(where),
        )
        self.macros.setdefault(item.name, []).append(body)

    def program(self) -> Program:
        types: dict[str, Type] = {}
        integers: dict[str, CType] = dict(KERNEL_TYPEDEFS)
        program = Program(
            functions={name: tuple(found) for name, found in self.functions.items()},
            macros={name: tuple(found) for name, found in self.macros.items()},
            constants=Constants(self.defined, integers),
            typedefs=types,
            own=frozenset(self.own),
            unreadable=self.unreadable,
            elsewhere=self.elsewhere(),
        )
        for node in self.typedefs:
            ctype = types[node.name] = program.type_of(node.type)
            if isinstance(ctype, CType):
                integers[node.name] = ctype
        return program


def _replaced(macro: Definition, match: re.Match[str]) -> str:
    arguments = [argument.strip() for argument in match.group(1).split(",")]
    bound = dict(zip(macro.parameters or (), arguments, strict=False))
    return " ".join(bound.get(word, word) for word in macro.body)


def _contradict(left: Mapping[str, bool], right: Mapping[str, bool]) -> bool:
    return any(right.get(atom, truth) != truth for atom, truth in left.items())


def _pastes(definition: Definition) -> bool:
    """Whether a macro makes new names; ``, ##rest`` only swallows a comma."""
    body = definition.body
    return any(word == "##" and (at == 0 or body[at - 1] != ",") for at, word in enumerate(body))


def _line_of(source: SourceFile, variant: Variant) -> LineOf:
    def line_of(node: c_ast.Node) -> int:
        return source.line(variant.span_of(node).start)

    return line_of


def _condition(variant: Variant) -> str:
    """The configuration that a variant is for, include guards left out."""
    atoms = [
        atom if truth else f"!{atom}" for atom, truth in variant.conditions if "CONFIG_" in atom
    ]
    return " && ".join(atoms)


def _all_combinations(variants: Iterable[Variant]) -> bool:
    """Whether some variant stands for each combination of the conditions on which they differ."""
    assignments = [dict(variant.conditions) for variant in variants]
    atoms = sorted({
        atom
        for one in assignments
        for atom in one
        if any(other.get(atom) != one[atom] for other in assignments)
    })  # fmt: skip
    if len(atoms) > _MOST_CONDITIONS:
        return False
    for truths in product((False, True), repeat=len(atoms)):
        wanted = dict(zip(atoms, truths, strict=True))
        if not any(
            all(one.get(atom, truth) == truth for atom, truth in wanted.items())
            for one in assignments
        ):
            return False
    return True
