"""What a tree's allocators are and accept, read from its sources, never from a version number.

Which functions exist is a question to the headers. What ``kvmalloc()`` accepts is found by running
it on a request of several pages whose first attempt fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.cint import UINT, CType, exact
from convert.semantics.execution import CannotRun, Executor, cannot_run
from convert.semantics.gfp import GFP_HEADERS, GfpTable, load_gfp
from convert.semantics.interpreter.build import Reading, build_program
from convert.semantics.interpreter.effects import Mode, Schedule
from convert.semantics.interpreter.explore import Run
from convert.semantics.interpreter.values import CannotExecute, Null, Opaque, Value, Where
from convert.semantics.signature import signature_of
from convert.semantics.stubs import CapabilityFacts, Stubs, load_stubs
from convert.source.dialect import Dialect, load_dialect
from convert.source.parse import Item, parse_file
from convert.source.text import SourceFile, read_source
from convert.source.tokens import Kind, Tokens, lex_body
from convert.tree.kernel import KernelTree

# A request larger than any page, for which kvmalloc() may fall back to vmalloc().
_LARGE = 1 << 20
_SMALL = 64
_PAGE_SIZE = 4096


@dataclass(frozen=True)
class Capability:
    """One answer. value: None if the sources do not tell; evidence: the lines that say so.

    note: a sentence where the value alone is not enough, or why it is not known.
    """

    name: str
    value: bool | int | None
    evidence: tuple[Where, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Capabilities:
    """All answers about a tree, by name.

    A function's or macro's own name asks whether it is declared. ``vmalloc-nofs``,
    ``vmalloc-nofail``, ``kvmalloc-nofs``, ``kvmalloc-nofail``: whether it accepts such masks for
    large requests. ``nofail-order``: the highest order that ``__GFP_NOFAIL`` may ask the page
    allocator for without a warning.
    """

    found: Mapping[str, Capability]

    def has(self, name: str) -> bool:
        """Whether a yes-or-no question is answered with yes. Raises KeyError for an unknown one."""
        return self.found[name].value is True


def capabilities(
    tree: KernelTree, dialect: Dialect | None = None, stubs: Stubs | None = None
) -> Capabilities:
    """Ask a tree's sources all questions. Raises InputError if it has no gfp header."""
    table = stubs if stubs is not None else load_stubs()
    words = dialect if dialect is not None else load_dialect(tree, ())
    inquiry = _Inquiry(tree, words, table, load_gfp(tree))
    return Capabilities({answer.name: answer for answer in inquiry.answers()})


def kvmalloc_takes(
    tree: KernelTree, mask: int, dialect: Dialect | None = None, stubs: Stubs | None = None
) -> Capability:
    """Whether a tree's kvmalloc() keeps, for any size, what kmalloc() promises for a mask.

    Its body is executed for a small request, which has to go to kmalloc() with that very mask, and
    for one of many pages whose first attempt fails, which has to reach vmalloc() with it. Raises
    InputError if the tree has no gfp header.
    """
    table = stubs if stubs is not None else load_stubs()
    words = dialect if dialect is not None else load_dialect(tree, ())
    return _Inquiry(tree, words, table, load_gfp(tree)).takes(mask)


class _Inquiry:
    def __init__(self, tree: KernelTree, dialect: Dialect, stubs: Stubs, gfp: GfpTable) -> None:
        self.tree = tree
        self.dialect = dialect
        self.stubs = stubs
        self.facts: CapabilityFacts = stubs.capability
        self.gfp = gfp

    def answers(self) -> Iterator[Capability]:
        yield from self.declared()
        nofs, nofail = self.vmalloc_nofs(), self.vmalloc_nofail()
        yield nofs
        yield nofail
        yield from self.kvmalloc(nofs, nofail)
        yield self.nofail_order()

    # -- declarations ------------------------------------------------------------------------

    def declared(self) -> Iterator[Capability]:
        """Which names the headers declare or define."""
        headers = (*self.facts.headers, *GFP_HEADERS)
        found = declared_names(self.tree, frozenset(self.facts.names), headers)
        for name in self.facts.names:
            evidence = (found[name],) if name in found else ()
            note = "" if name in found else "not found"
            yield Capability(name, name in found, evidence, note)

    # -- vmalloc -----------------------------------------------------------------------------

    def vmalloc_nofs(self) -> Capability:
        """Whether vmalloc opens the scope that a mask without __GFP_FS asks for."""
        return self.mentioned("vmalloc-nofs", "memalloc_nofs_save", "opens no nofs scope")

    def vmalloc_nofail(self) -> Capability:
        """Whether vmalloc itself looks at __GFP_NOFAIL."""
        return self.mentioned("vmalloc-nofail", "__GFP_NOFAIL", "does not look at __GFP_NOFAIL")

    def mentioned(self, name: str, word: str, absent: str) -> Capability:
        """Whether one of vmalloc's functions uses a word."""
        path = self.facts.vmalloc_file
        if not self.tree.exists(path):
            return Capability(name, None, note=f"{path} not found")
        source = read_source(path, self.tree.read(path))
        parsed = parse_file(source, self.dialect, frozenset(self.facts.vmalloc))
        bodies = [item for item in parsed.functions if item.name in self.facts.vmalloc]
        if not bodies:
            return Capability(name, None, note=f"{path}: no {' or '.join(self.facts.vmalloc)}()")
        lines = [where for item in bodies for where in _uses(source, item, word)]
        places = tuple(lines) or tuple(Where(path, item.line) for item in bodies)
        return Capability(name, bool(lines), places, "" if lines else absent)

    # -- kvmalloc ----------------------------------------------------------------------------

    def kvmalloc(self, nofs: Capability, nofail: Capability) -> Iterator[Capability]:
        """Whether large requests with such masks reach vmalloc, and it understands them."""
        for name, mask, needed in (
            ("kvmalloc-nofs", "GFP_NOFS", nofs),
            ("kvmalloc-nofail", "GFP_KERNEL | __GFP_NOFAIL", nofail),
        ):
            yield self.accepts(name, self.gfp.evaluate(mask), needed)

    def accepts(self, name: str, mask: int, needed: Capability) -> Capability:
        try:
            run, where = self.run_kvmalloc(mask)
        except CannotExecute as error:
            refusal: CannotRun = cannot_run(error)
            return Capability(name, None, (Where(refusal.path, refusal.line),), refusal.what)
        if run is None or where is None:
            return Capability(name, None, note="kvmalloc() not found")
        kept = [
            attempt.where
            for attempt in run.attempts
            if attempt.family == "vmalloc" and attempt.mask.number == mask
        ]
        fails = any(isinstance(outcome.value, Null) for outcome in run.outcomes)
        promised = self.gfp.has(mask, "__GFP_NOFAIL")
        if not kept or (promised and fails):
            what = "NULL comes back" if kept else "such requests never reach vmalloc"
            return Capability(name, False, (where,), what)
        return Capability(name, needed.value, (*kept, *needed.evidence), needed.note)

    def takes(self, mask: int) -> Capability:
        """Whether kvmalloc keeps all promises of a mask, for small requests and large ones."""
        name = "kvmalloc-takes"
        for flag, wanted, needed in (
            ("__GFP_FS", False, self.vmalloc_nofs),
            ("__GFP_NOFAIL", True, self.vmalloc_nofail),
        ):
            if self.gfp.has(mask, flag) is wanted:
                answer = needed()
                if answer.value is not True:
                    return Capability(
                        name, answer.value, answer.evidence, f"vmalloc: {answer.note}"
                    )
        large = self.accepts(name, mask, Capability(name, True))
        if large.value is not True:
            return large
        run, where = self.run_kvmalloc(mask, _SMALL)
        assert run is not None and where is not None  # the large request was run
        others = [one for one in run.attempts if one.mask.number != mask or one.family != "kmalloc"]
        fails = any(isinstance(outcome.value, Null) for outcome in run.outcomes)
        if others or (fails and self.gfp.has(mask, "__GFP_NOFAIL")):
            return Capability(name, False, (where,), "small requests are made with another mask")
        return large

    def run_kvmalloc(self, mask: int, size: int = _LARGE) -> tuple[Run | None, Where | None]:
        """Run kvmalloc on a request, by default a large one, whose kmalloc attempt fails."""
        for path in self.facts.kvmalloc_files:
            if not self.tree.exists(path):
                continue
            executor = self.kvmalloc_executor(path)
            for name in self.facts.kvmalloc:
                if executor.has(name) and executor.where(name).path == path:
                    arguments = self.kvmalloc_arguments(executor, name, mask, size)
                    schedule = Schedule(Mode.FAIL)
                    run = executor.run(name, arguments, exact(0, UINT), schedule)
                    return run, executor.where(name)
        return None, None

    def kvmalloc_executor(self, path: str) -> Executor:
        facts, scope = self.facts, self.stubs.scope
        bodies = frozenset({*facts.kvmalloc, "kmalloc_gfp_adjust"})
        macros = Reading("include/linux/slab.h", wanted=frozenset(facts.pass_on))
        readings = [Reading(path, own=True, wanted=bodies, expand=facts.expand), macros]
        readings += [Reading(header) for header in (*GFP_HEADERS, *scope.headers)]
        program = build_program(
            self.tree, self.dialect, readings, facts.limits, {"PAGE_SIZE": f"{_PAGE_SIZE}UL"}
        )
        return Executor(program, self.stubs, self.gfp)

    def kvmalloc_arguments(
        self, executor: Executor, name: str, mask: int, size: int
    ) -> list[Value]:
        signature = signature_of(executor, name)
        values: list[Value] = []
        for slot, (label, ctype) in enumerate(signature.parameters):
            value: Value = Opaque()
            if isinstance(ctype, CType) and slot == signature.slot:
                value = exact(mask, ctype)
            elif isinstance(ctype, CType) and label.endswith("size"):
                value = exact(size, ctype)
            values.append(value)
        return values

    # -- the page allocator ------------------------------------------------------------------

    def nofail_order(self) -> Capability:
        """The order above which the page allocator warns about __GFP_NOFAIL."""
        name, path = "nofail-order", self.facts.order_file
        if not self.tree.exists(path):
            return Capability(name, None, note=f"{path} not found")
        source = read_source(path, self.tree.read(path))
        parsed = parse_file(source, self.dialect, frozenset({"WARN_ON_ONCE"}))
        limits: dict[int, Where] = {}
        for item in parsed.functions:
            for limit, line in _order_warnings(source, item):
                limits.setdefault(limit, Where(path, line))
        if not limits:
            return Capability(name, None, note=f"{path}: no warning about an order found")
        lowest = min(limits)
        return Capability(name, lowest, (limits[lowest],))


def declared_names(
    tree: KernelTree, names: frozenset[str], headers: Iterable[str]
) -> dict[str, Where]:
    """Where headers of a tree first declare functions or define macros of these names."""
    found: dict[str, Where] = {}
    for path in headers:
        if tree.exists(path):
            source = read_source(path, tree.read(path))
            for name, where in _declarations(source, names):
                found.setdefault(name, where)
    return found


def _declarations(source: SourceFile, names: frozenset[str]) -> Iterator[tuple[str, Where]]:
    """The names that a header declares as functions, outside of bodies, or as macros."""
    tokens, depth = source.tokens, 0
    for index in range(len(tokens)):
        kind, text = tokens.kinds[index], tokens.text(index)
        if kind == Kind.PUNCTUATOR:
            depth += {"{": 1, "}": -1}.get(text, 0)
        elif kind == Kind.DIRECTIVE:
            name = _defined_name(text)
            if name in names:
                yield name, Where(source.path, source.line(tokens.starts[index]))
        elif kind == Kind.IDENTIFIER and text in names and not depth and _called(tokens, index):
            yield text, Where(source.path, source.line(tokens.starts[index]))


def _called(tokens: Tokens, index: int) -> bool:
    return index + 1 < len(tokens) and tokens.text(index + 1) == "("


def _defined_name(directive: str) -> str:
    tokens = lex_body(directive)
    words = [
        tokens.text(index)
        for index in range(len(tokens))
        if tokens.kinds[index] not in (Kind.SPACE, Kind.COMMENT)
    ]
    return words[2] if len(words) > 2 and words[1] == "define" else ""


def _uses(source: SourceFile, item: Item, word: str) -> Iterator[Where]:
    """Where an identifier stands in a function's code."""
    for index in source.tokens.identifiers():
        start = source.tokens.starts[index]
        if start in item.span and source.tokens.text(index) == word:
            yield Where(source.path, source.line(start))


def _order_warnings(source: SourceFile, item: Item) -> Iterator[tuple[int, int]]:
    """Limit and line of each ``WARN_ON_ONCE(… order > N …)`` that is about __GFP_NOFAIL."""
    for variant in item.variants:
        for call in variant.calls:
            if call.callee != "WARN_ON_ONCE":
                continue
            limit = _order_limit(call.node)
            about = call.node
            while limit is not None and about is not None:
                if _names_nofail(about.cond if isinstance(about, c_ast.If) else about):
                    yield limit, source.line(call.span.start)
                    break
                about = _enclosing_if(variant.parent_of, about)


def _enclosing_if(
    parent_of: Callable[[c_ast.Node], c_ast.Node | None], node: c_ast.Node
) -> c_ast.Node | None:
    parent = parent_of(node)
    while parent is not None and not isinstance(parent, c_ast.If):
        parent = parent_of(parent)
    return parent


def _names_nofail(node: c_ast.Node) -> bool:
    if isinstance(node, c_ast.ID):
        return "nofail" in node.name.lower()
    return any(_names_nofail(child) for _, child in node.children())


def _order_limit(node: c_ast.Node) -> int | None:
    """The N of a comparison ``order > N`` in an expression."""
    if isinstance(node, c_ast.BinaryOp) and node.op == ">":
        left, right = node.left, node.right
        is_order = isinstance(left, c_ast.ID) and left.name == "order"
        if is_order and isinstance(right, c_ast.Constant) and right.value.isdigit():
            return int(right.value)
    found = (_order_limit(child) for _, child in node.children())
    return next((limit for limit in found if limit is not None), None)


def capabilities_text(found: Capabilities) -> str:
    """The answers for people, one a line, each with its evidence."""
    words = {True: "yes", False: "no", None: "not known"}
    lines = []
    for answer in found.found.values():
        value = answer.value
        text = words[value] if isinstance(value, bool) or value is None else str(value)
        places = ", ".join(str(where) for where in answer.evidence)
        rest = "; ".join(part for part in (places, answer.note) if part)
        lines.append(f"{answer.name}: {text}" + (f" ({rest})" if rest else ""))
    return "\n".join(lines)
