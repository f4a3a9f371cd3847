"""Check that files survive lexing byte for byte, and that calls and statements have exact spans.

    python -m scripts.roundtrip TREE PATH…

For every file: its tokens joined are its bytes. For every call of every variant: `(`, the argument
slots with a `,` between each two, and `)` are all of its significant tokens after the callee. For
every statement: it ends in `;` or `}`, and statements nest. Exit code 1 if anything differs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from convert.source.edits import Span
from convert.source.parse import Call, Item, ParsedFile, Statement
from convert.source.text import BrokenSource
from convert.source.tokens import Kind, lex_body
from scripts.kernel_files import open_tree, parsed_files


def gap_text(text: str) -> str:
    """The code of a piece of text: without white space, comments and directives."""
    tokens = lex_body(text)
    return "".join(
        tokens.text(index) for index in range(len(tokens)) if tokens.kinds[index] > Kind.DIRECTIVE
    )


def call_problem(text: str, call: Call) -> str:
    """Why a call does not partition into parentheses, slots and commas; empty if it does."""
    if text[call.open] != "(" or text[call.close] != ")" or call.close + 1 != call.span.end:
        return "parentheses"
    at = call.open + 1
    for number, slot in enumerate(call.slots):
        between = plain(text, Span(at, slot.span.start))
        if between != ("," if number else ""):
            return f"before slot {number}: {between!r}"
        at = slot.span.end
    rest = plain(text, Span(at, call.close))
    return f"after the last slot: {rest!r}" if rest else ""


def plain(text: str, span: Span) -> str:
    """The code between two slots, `#if` branches of other variants and annotations left out."""
    lines = [line for line in span.of(text).split("\n") if not line.lstrip().startswith("#")]
    return gap_text("\n".join(lines))


def statement_problem(text: str, statement: Statement, item: Item) -> str:
    """Why a statement's end is not one."""
    last = text[statement.span.end - 1 : statement.span.end]
    if last in (";", "}"):
        return ""
    if item.kind == "macro" or statement.span.start == statement.span.end:
        return ""  # the last statement of a macro's body may lack its semicolon
    return f"ends in {last!r}"


def nesting_problem(statements: Sequence[Statement]) -> str:
    """Whether two statements overlap without one holding the other."""
    around: list[Span] = []
    for statement in statements:
        while around and around[-1].end <= statement.span.start:
            around.pop()
        if around and statement.span.end > around[-1].end:
            return f"statement at {statement.span.start} crosses another"
        around.append(statement.span)
    return ""


def check(parsed: ParsedFile, counts: Counter[str]) -> list[str]:
    """All problems of one file; counts what was checked."""
    text = parsed.source.text
    problems: list[str] = []
    for item in parsed.items:
        for variant in item.variants:
            counts["variants"] += 1
            for call in variant.calls:
                counts["calls"] += 1
                problem = call_problem(text, call)
                if problem and (
                    "#if" not in call.span.of(text) and "#el" not in call.span.of(text)
                ):
                    problems.append(f"line {parsed.source.line(call.span.start)}: call: {problem}")
                elif problem:
                    counts["calls with #if branches inside, not compared"] += 1
            for statement in variant.statements:
                counts["statements"] += 1
                problem = statement_problem(text, statement, item)
                if problem and not inside_argument(variant.calls, statement):
                    line = parsed.source.line(statement.span.start)
                    problems.append(f"line {line}: statement: {problem}")
            problem = nesting_problem(variant.statements)
            if problem:
                problems.append(problem)
    return problems


def inside_argument(calls: Sequence[Call], statement: Statement) -> bool:
    """Whether a statement is the last one of a macro argument, which may lack its semicolon."""
    return any(statement.span.end == slot.span.end for call in calls for slot in call.slots)


def main(arguments: Sequence[str]) -> int:
    """Run the check and print the figures."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    tree = open_tree(arguments[0])
    counts: Counter[str] = Counter()
    failed = 0
    for parsed in parsed_files(tree, list(arguments[1:])):
        counts["files"] += 1
        if isinstance(parsed, BrokenSource):
            print(parsed)
            failed += 1
            continue
        tokens = parsed.source.tokens
        joined = "".join(tokens.text(index) for index in range(len(tokens)))
        data = tree.read(parsed.source.path)
        counts["bytes"] += len(data)
        problems = check(parsed, counts)
        if joined.encode("latin-1") != data:
            problems.append("the tokens are not the file")
        for problem in problems:
            print(f"{parsed.source.path}: {problem}")
        failed += len(problems)
    for name, count in counts.items():
        print(f"{count:12,} {name}")
    print(f"{failed:12,} problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
