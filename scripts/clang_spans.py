"""Compare spans with clang's, for the files of a kernel tree that clang can read.

    python -m scripts.clang_spans TREE BUILD PATH… [--show N]

BUILD is a configured output directory (`make O=BUILD defconfig prepare`). Files with a clang error
are left out and counted. Compared are calls and their arguments, statements, declarations,
functions and expressions that do not start in a macro expansion and whose code is in the
configuration; ours agree if some `#if` variant has a node of the same kind and bytes. Statements
are compared without their last `;`, which clang leaves out. Differences are sorted by their likely
reason. Exit code 1 if a call, an argument or a statement differs for no known reason.
"""

from __future__ import annotations

import argparse
import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clang import cindex
from pycparser import c_ast

from convert.source.parse import ParsedFile, Variant, parse_file
from convert.source.text import BrokenSource, read_source
from scripts.kernel_files import c_files, dialect_of, open_tree

Range = tuple[int, int]

_STATEMENTS = {
    "IF_STMT": "If", "FOR_STMT": "For", "WHILE_STMT": "While", "DO_STMT": "DoWhile",
    "SWITCH_STMT": "Switch", "CASE_STMT": "Case", "DEFAULT_STMT": "Default",
    "RETURN_STMT": "Return", "GOTO_STMT": "Goto", "BREAK_STMT": "Break",
    "CONTINUE_STMT": "Continue", "COMPOUND_STMT": "Compound", "LABEL_STMT": "Label",
    "DECL_STMT": "Decl", "NULL_STMT": "EmptyStatement",
}  # fmt: skip
_EXPRESSIONS = {
    "BINARY_OPERATOR": (c_ast.BinaryOp, c_ast.Assignment, c_ast.ExprList),
    "COMPOUND_ASSIGNMENT_OPERATOR": (c_ast.Assignment,),
    "UNARY_OPERATOR": (c_ast.UnaryOp,),
    "CSTYLE_CAST_EXPR": (c_ast.Cast,),
    "MEMBER_REF_EXPR": (c_ast.StructRef,),
    "ARRAY_SUBSCRIPT_EXPR": (c_ast.ArrayRef,),
    "CONDITIONAL_OPERATOR": (c_ast.TernaryOp,),
    "DECL_REF_EXPR": (c_ast.ID,),
    "INTEGER_LITERAL": (c_ast.Constant,),
    "STRING_LITERAL": (c_ast.Constant,),
    "INIT_LIST_EXPR": (c_ast.InitList,),
}
_DECLARATIONS = ("VAR_DECL", "PARM_DECL", "FIELD_DECL")
_STRICT = {"CALL_EXPR", "argument", *_STATEMENTS}


@dataclass
class Figures:
    """What agreed and what did not, by kind; for each difference its reason and place."""

    same: Counter[str] = field(default_factory=Counter)
    differ: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    places: list[tuple[str, str, str]] = field(default_factory=list)
    read: int = 0
    unread: list[str] = field(default_factory=list)


def flags(tree: Path, build: Path, path: str) -> list[str]:
    """Compiler arguments for one file, after the kernel's own for x86_64."""
    name = re.sub(r"\W", "_", Path(path).stem)
    directory = Path(path).parent
    includes = [
        tree / "arch/x86/include", build / "arch/x86/include/generated", tree / "include",
        build / "include", tree / "arch/x86/include/uapi",
        build / "arch/x86/include/generated/uapi", tree / "include/uapi",
        build / "include/generated/uapi", tree / directory, tree / directory / "libxfs",
        tree / directory.parent, tree / directory.parent / "libxfs",
    ]  # fmt: skip
    forced = ["compiler-version.h", "kconfig.h", "compiler_types.h"]
    return [
        "-nostdinc", "-std=gnu11", "-fshort-wchar", "-m64", "-mno-sse", "-D__KERNEL__", "-w",
        *(f"-I{directory}" for directory in includes),
        *(part for file in forced for part in ("-include", str(tree / "include/linux" / file))),
        f'-DKBUILD_MODFILE="{name}"', f'-DKBUILD_MODNAME="{name}"', f'-DKBUILD_BASENAME="{name}"',
        f"-D__KBUILD_MODNAME=kmod_{name}", "-DMODULE",
    ]  # fmt: skip


def clang_unit(tree: Path, build: Path, path: str) -> Any:
    """Clang's translation unit of a file, or None if clang finds an error in it."""
    index = cindex.Index.create()
    options = cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
    try:
        unit = index.parse(str(tree / path), args=flags(tree, build, path), options=options)
    except cindex.TranslationUnitLoadError:
        return None
    if any(item.severity >= cindex.Diagnostic.Error for item in unit.diagnostics):
        return None
    return unit


def in_file(cursor: Any, name: str) -> bool:
    """Whether a cursor lies in the main file."""
    file = cursor.location.file
    return file is not None and file.name == name


def cursors(unit: Any) -> Iterator[Any]:
    """All cursors of the main file, in order."""
    name = unit.spelling
    waiting = [cursor for cursor in unit.cursor.get_children() if in_file(cursor, name)]
    while waiting:
        cursor = waiting.pop()
        yield cursor
        waiting += list(cursor.get_children())


def extent(cursor: Any) -> Range:
    """A cursor's bytes."""
    return cursor.extent.start.offset, cursor.extent.end.offset


class Expansions:
    """The byte ranges of all macro expansions of a file."""

    def __init__(self, found: list[Range]) -> None:
        self._outer: list[Range] = []
        for start, end in sorted(found):
            if not self._outer or start >= self._outer[-1][1]:
                self._outer.append((start, end))
        self._starts = [start for start, _ in self._outer]

    def holds(self, offset: int) -> bool:
        """Whether an offset is inside one."""
        at = bisect_right(self._starts, offset) - 1
        return at >= 0 and offset < self._outer[at][1]


def trimmed(text: str, span: Range) -> Range:
    """A statement without its last semicolons."""
    start, end = span
    while end > start + 1 and text[end - 1] in "; \t\n":
        end -= 1
    return start, end


class Ours:
    """The spans of one parsed file by clang's kind names."""

    def __init__(self, parsed: ParsedFile) -> None:
        self.text = parsed.source.text
        self.spans: dict[str, set[Range]] = {}
        self.slots: dict[Range, list[Range]] = {}
        self.dead = [(span.start, span.end) for span in parsed.dead_spans]
        self.refused = [(item.span.start, item.span.end) for item in parsed.refusals]
        self.ends_in_macro: set[Range] = set()
        for item in (*parsed.functions, *parsed.declarations):
            if item.kind == "function":
                self._add("FUNCTION_DECL", (item.span.start, item.span.end))
            for variant in item.variants:
                self._variant(variant)

    def _add(self, kind: str, span: Range) -> None:
        self.spans.setdefault(kind, set()).add(span)

    def _variant(self, variant: Variant) -> None:
        for call in variant.calls:
            span = (call.span.start, call.span.end)
            self._add("CALL_EXPR", span)
            self.slots[span] = [(slot.span.start, slot.span.end) for slot in call.slots]
        names = {ours: clang for clang, ours in _STATEMENTS.items()}
        for statement in variant.statements:
            kind = names.get(statement.kind)
            if kind:
                span = (statement.span.start, statement.span.end)
                self._add(kind, trimmed(self.text, span))
        for item in variant.declarators:
            end = item.init.end if item.init else item.span.end
            for kind in _DECLARATIONS:
                # Clang starts the second declarator of a declaration at its name.
                self._add(kind, (item.specifiers.start, end))
                self._add(kind, (item.name_span.start, end))
        self._nodes(variant)

    def _nodes(self, variant: Variant) -> None:
        kinds: dict[type, list[str]] = {}
        for kind, classes in _EXPRESSIONS.items():
            for node_class in classes:
                kinds.setdefault(node_class, []).append(kind)
        waiting = [variant.root]
        while waiting:
            node = waiting.pop()
            for kind in kinds.get(type(node), ()):
                span = variant.span_of(node)
                self._add(kind, (span.start, span.end))
            waiting += [child for _, child in node.children()]


def reason(ours: Ours, kind: str, span: Range) -> str:
    """The likely reason for a difference."""
    text = ours.text[span[0] : span[1]]
    if any(start <= span[0] < end for start, end in ours.refused):
        return "refused by us"
    if any(start <= span[0] < end for start, end in ours.dead):
        return "in no variant"
    if kind == "NULL_STMT" and ours.text[: span[0]].endswith("fallthrough"):
        return "fallthrough: an attribute for clang, a statement of one name for us"
    if kind == "NULL_STMT" and ours.text[: span[0]].endswith(")"):
        return "a macro call that expands to nothing: a call statement for us"
    if kind == "FIELD_DECL" and ":" in text:
        return "bit-field: our declarator ends before the width"
    if kind == "BINARY_OPERATOR" and "," in text:
        return "nested comma operators: one list for us"
    if "#" in text:
        return "#if inside: no variant is the configured mixture"
    if kind == "DECL_STMT" and ours.text[: span[0]].rstrip().endswith("("):
        return "declaration in for(): no statement for us"
    if kind in (*_DECLARATIONS, "DECL_STMT", "FUNCTION_DECL") and re.search(
        r"\b(__\w+|[A-Z_]{3,})\b", ours.text[span[0] - 40 : span[1] + 40]
    ):
        return "declaration with a macro or an annotation at its edge"
    if span in ours.ends_in_macro:
        return "ends in a macro expansion"
    return "unknown"


def compare(unit: Any, ours: Ours, path: str, figures: Figures) -> None:
    """Compare all cursors of one file."""
    found = []
    kept = []
    for cursor in cursors(unit):
        if cursor.kind.name == "MACRO_INSTANTIATION":
            found.append(extent(cursor))
        else:
            kept.append(cursor)
    expansions = Expansions(found)
    for cursor in kept:
        span = extent(cursor)
        kind = cursor.kind.name
        if span[0] >= span[1] or expansions.holds(span[0]):
            continue
        if kind == "FUNCTION_DECL" and not cursor.is_definition():
            continue
        if kind == "PARM_DECL" and not cursor.spelling:
            continue  # no name, no declarator
        if kind == "STRING_LITERAL" and ours.text[span[0]] not in '"Lu':
            continue  # __func__, a name for us
        if expansions.holds(span[1]) or expansions.holds(span[1] - 1):
            ours.ends_in_macro.add(span)
        if kind in _STATEMENTS:
            span = trimmed(ours.text, span)
        if kind == "DECL_REF_EXPR" and ours.text[span[0] : span[1]] != cursor.spelling:
            continue
        if (
            kind in _STATEMENTS
            or kind in _EXPRESSIONS
            or kind in _DECLARATIONS
            or kind
            in (
                "CALL_EXPR",
                "FUNCTION_DECL",
            )
        ):
            judge(ours, kind, span, path, figures)
        if kind == "CALL_EXPR" and span in ours.slots:
            for argument in cursor.get_arguments():
                place = extent(argument)
                if place[0] < place[1] and not expansions.holds(place[0]):
                    same = place in ours.slots[span]
                    tally(ours, "argument", place, same, path, figures)


def judge(ours: Ours, kind: str, span: Range, path: str, figures: Figures) -> None:
    """Look one span up among ours."""
    tally(ours, kind, span, span in ours.spans.get(kind, ()), path, figures)


def tally(ours: Ours, kind: str, span: Range, same: bool, path: str, figures: Figures) -> None:
    """Count an agreement or a difference."""
    if same:
        figures.same[kind] += 1
        return
    why = reason(ours, kind, span)
    figures.differ[kind] += 1
    figures.reasons[kind, why] += 1
    line = ours.text.count("\n", 0, span[0]) + 1
    figures.places.append((kind, why, f"{path}:{line}: {ours.text[span[0] : span[1]][:90]!r}"))


def run(tree_name: str, build: Path, paths: list[str]) -> Figures:
    """Compare all .c files under some paths."""
    tree = open_tree(tree_name)
    dialect = dialect_of(tree, paths)
    figures = Figures()
    for path in c_files(tree, paths):
        if not path.endswith(".c"):
            continue
        unit = clang_unit(Path(tree_name), build, path)
        if unit is None:
            figures.unread.append(path)
            continue
        try:
            source = read_source(path, tree.read(path))
        except BrokenSource as broken:
            figures.unread.append(str(broken))
            continue
        figures.read += 1
        compare(unit, Ours(parse_file(source, dialect)), path, figures)
    return figures


def main(arguments: Sequence[str]) -> int:
    """Compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree")
    parser.add_argument("build", type=Path)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--show", type=int, default=20, help="differences to print of each reason")
    options = parser.parse_args(list(arguments))
    figures = run(options.tree, options.build, options.paths)
    print(f"{figures.read} files compared, {len(figures.unread)} that clang cannot read")
    print(f"{'kind':30} {'same':>9} {'differ':>7}")
    for kind in sorted({*figures.same, *figures.differ}):
        print(f"{kind:30} {figures.same[kind]:9} {figures.differ[kind]:7}")
    print(f"{'all':30} {figures.same.total():9} {figures.differ.total():7}")
    for (kind, why), count in figures.reasons.most_common():
        print(f"{count:6} {kind}: {why}")
        shown = [place for k, w, place in figures.places if (k, w) == (kind, why)]
        for place in shown[: options.show]:
            print(f"         {place}")
    bad = sum(
        n for (kind, why), n in figures.reasons.items() if why == "unknown" and kind in _STRICT
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
