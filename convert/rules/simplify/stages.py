"""The plan with simplifications behind its steps: each a stage on the text before it.

What is written is read again: every function has to parse to the tree that its rewrites intend,
and a second run of the rule has to find nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from convert.errors import InternalCheckError
from convert.flow.code import routines_of
from convert.plan import FileChange, Plan, PlannedSite, Step
from convert.progress import Progress, silent
from convert.rules.layout import ContinuationStyle
from convert.rules.model import Converted, Decision, Kept, Refused
from convert.rules.replacement import Replacement, commonest, file_styles, lay_out
from convert.rules.simplify.array import Array
from convert.rules.simplify.fill import Memdup, Zalloc
from convert.rules.simplify.headers import Reach, declaring_headers
from convert.rules.simplify.model import Found, Given, Node, Rewrite, Rule
from convert.rules.simplify.needless_if import NeedlessIf
from convert.rules.simplify.struct_size import StructSize
from convert.rules.simplify.syntax import Shape, shape
from convert.semantics.model import Contract
from convert.semantics.sizes import SizeReader
from convert.sites.model import Site, SiteKind
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span, apply_edits, column_of, line_of, origin
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import SourceFile, read_source
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree

RULES: tuple[Rule, ...] = (NeedlessIf(), Zalloc(), Memdup(), StructSize(), Array())
_SUBJECTS = {
    "needless-if": "free without testing for NULL",
    "zalloc": "allocate zeroed memory instead of clearing it",
    "memdup": "use kmemdup() for copies",
    "struct-size": "use struct_size() for structs with flexible arrays",
    "array": "use overflow-checked allocation of arrays",
}


def simplified(
    plan: Plan,
    tree: KernelTree,
    names: Sequence[str],
    dialect: Callable[[], Dialect],
    progress: Progress = silent,
) -> Plan:
    """The plan with a step for each simplification of ``names`` that changes something.

    Raises InternalCheckError if a rewrite turns out wrong when it is read again.
    """
    if not names:
        return plan
    worker = _Simplifier(tree, dialect())
    for rule in RULES:
        if rule.name in names:
            progress(f"simplifying: {rule.name}")
            plan = worker.added(plan, rule)
    return plan


class _Simplifier:
    """Runs rules one after the other, each on the text that the last one left."""

    def __init__(self, tree: KernelTree, dialect: Dialect) -> None:
        self.tree = tree
        self.dialect = dialect
        self._sizes: SizeReader | None = None

    def added(self, plan: Plan, rule: Rule) -> Plan:
        """The plan with one more rule's sites, and its step if there is one."""
        texts = plan.snapshot(len(plan.steps))
        data = {p: None if t is None else t.encode("latin-1") for p, t in texts.items()}
        tree = OverlayTree(self.tree, data)
        stage = plan.steps[-1].stage + 1 if plan.steps else 0
        return _Pass(self, tree, plan, rule, stage).run()

    def sizes(self, sources: Sources) -> SizeReader:
        """Types and constants of the tree; simplifications do not change them."""
        if self._sizes is None:
            self._sizes = SizeReader(sources.tree, sources.c_files, self.dialect, sources.data)
        return self._sizes


class _Pass:
    """One rule over all files of a plan's paths."""

    def __init__(
        self, owner: _Simplifier, tree: KernelTree, plan: Plan, rule: Rule, stage: int
    ) -> None:
        self.owner, self.tree, self.plan, self.rule, self.stage = owner, tree, plan, rule, stage
        self.step = f"simplify/{rule.name}"
        self.sources = Sources(tree, _existing(tree, plan.paths), lambda: owner.dialect)
        self.files = self.sources.holding(rule.words)
        self.reach = Reach(tree, self.sources.c_files)
        styles: Counter[ContinuationStyle] = Counter()
        own: dict[str, Counter[ContinuationStyle]] = {}
        for path in self.files:
            if (source := self.sources.source(path)) is not None:
                own[path] = file_styles(source)
                styles.update(own[path])
        self.styles = styles
        self.given = Given(
            tree,
            self.sources,
            owner.sizes(self.sources),
            declaring_headers(tree, rule.writes),
            {path: commonest(counted, styles) for path, counted in own.items()},
        )

    def run(self) -> Plan:
        """Find, decide, check and add."""
        sites: list[PlannedSite] = []
        changes: list[FileChange] = []
        for path in self.files:
            parsed = self.sources.parsed(path, self.rule.words)
            if parsed is None:
                continue
            found = [self._seeing(path, one) for one in self._found(parsed)]
            planned, edits = self._planned(parsed.source, found)
            sites += planned
            if edits:
                changes.append(FileChange(path, edits))
                self._check(parsed, found, edits)
        originals = dict(self.plan.originals)
        for change in changes:
            originals.setdefault(change.path, self.tree.read(change.path).decode("latin-1"))
        step = self._step(sites, changes)
        return replace(
            self.plan,
            sites=(*self.plan.sites, *sites),
            steps=(*self.plan.steps, *step),
            originals=originals,
        )

    # -- finding ------------------------------------------------------------------------------

    def _found(self, parsed: ParsedFile) -> list[Found]:
        """What all variants of all functions agree about, in order; macros are left alone."""
        result: list[Found] = []
        for item in (*parsed.functions, *parsed.macros):
            if not item.variants:
                continue
            if item.kind == "macro":
                result += [self._in_macro(f) for f in self._of_item(parsed, item)]
            else:
                result += self._of_item(parsed, item)
        return sorted(result, key=lambda one: one.span)

    def _of_item(self, parsed: ParsedFile, item: Item) -> list[Found]:
        rows: dict[Span, list[Found]] = {}
        own = (item,)
        alone = replace(
            parsed,
            functions=own if item.kind == "function" else (),
            macros=own if item.kind == "macro" else (),
        )
        routines = routines_of(alone, frozenset())
        for routine in routines:
            for one in self.rule.find(routine, self.given):
                rows.setdefault(one.span, []).append(one)
        agreed = [self._agreed(item, span, row) for span, row in rows.items()]
        # Variants that end a place elsewhere are one place, too.
        return list({(one.span.start, _key(one.verdict)): one for one in agreed}.values())

    def _agreed(self, item: Item, span: Span, row: list[Found]) -> Found:
        """The verdict of all variants that hold a place, if it is one."""
        holding = sum(variant.holds(span.start) for variant in item.variants)
        verdicts = {_key(one.verdict) for one in row}
        if len(row) == holding and len(verdicts) == 1:
            return replace(row[0], verdict=_joined([one.verdict for one in row]))
        reason = "the #if variants of the function disagree about it"
        return replace(row[0], verdict=Refused(self.rule.name, reason, False))

    def _in_macro(self, found: Found) -> Found:
        if not isinstance(found.verdict, Rewrite):
            return found
        reason = "it stands in the body of a macro: for the author to look at"
        return replace(found, verdict=Refused(self.rule.name, reason, False))

    def _seeing(self, path: str, found: Found) -> Found:
        """Refuse what would call a function whose header the file does not include."""
        if not isinstance(found.verdict, Rewrite):
            return found
        for name in found.verdict.names:
            header = self.given.declared[name]
            if header is not None and not self.reach.sees(path, header):
                shown = header.removeprefix("include/")
                reason = f"{path}: does not include <{shown}>, which declares {name}()"
                return replace(found, verdict=Refused(self.rule.name, reason, False))
        return found

    # -- planning -----------------------------------------------------------------------------

    def _planned(
        self, source: SourceFile, found: Sequence[Found]
    ) -> tuple[list[PlannedSite], tuple[Edit, ...]]:
        """The sites of a file, and all edits to it."""
        seen: Counter[str] = Counter()
        rows: list[tuple[str, str | None, Found]] = []
        for one in found:
            item = self.sources.parsed(source.path, self.rule.words)
            holder = item.item_at(one.span.start) if item is not None else None
            function = holder.name if isinstance(holder, Item) else None
            stem = f"{source.path}:{function or '-'}:simplification:{self.rule.name}"
            seen[stem] += 1
            rows.append((f"{stem}:{seen[stem]}", function, one))
        laid = lay_out(
            source,
            [
                Replacement(key, source.path, one.verdict.text, one.verdict.place, self.step)
                for key, _, one in rows
                if isinstance(one.verdict, Rewrite) and one.verdict.text
            ],
            (self.step,),
            self.styles,
        )
        sites, edits = [], set()
        for key, function, one in rows:
            decision: Decision
            if isinstance(one.verdict, Rewrite):
                out = laid.get(key)
                own = {*one.verdict.fixed, *(out.edits if out is not None else ())}
                edits |= own
                wide = out.too_wide if out is not None else None
                decision = self._converted(source, one, tuple(sorted(own)), wide)
            else:
                decision = one.verdict
            sites.append(self._site(source, key, function, one, decision))
        return sites, tuple(sorted(edits))

    def _converted(
        self, source: SourceFile, found: Found, edits: tuple[Edit, ...], wide: int | None
    ) -> Converted:
        rewrite = found.verdict
        assert isinstance(rewrite, Rewrite)
        start, end = found.span.start, found.span.end
        inside = [
            Edit(Span(e.span.start - start, e.span.end - start), e.text)
            for e in edits
            if start <= e.span.start and e.span.end <= end
        ]
        notes = rewrite.notes
        if wide is not None:
            notes = (*notes, f"a line is {wide} columns wide")
        return Converted(
            rule=self.rule.name,
            step=self.step,
            edits=edits,
            replacement=apply_edits(found.span.of(source.text), inside),
            reason=rewrite.reason,
            notes=notes,
            evidence=rewrite.evidence,
        )

    def _site(
        self, source: SourceFile, key: str, function: str | None, found: Found, decision: Decision
    ) -> PlannedSite:
        offset, text = self._origin(source.path, found.span.start), self._original(source.path)
        site = Site(
            key,
            SiteKind.SIMPLIFICATION,
            source.path,
            line_of(text, offset),
            column_of(text, offset),
            function,
            found.callee,
            found.span.of(source.text),
            found.span,
        )
        return PlannedSite(site, Contract(), decision, self.stage)

    def _original(self, path: str) -> str:
        known = self.plan.originals.get(path)
        return self.tree.read(path).decode("latin-1") if known is None else known

    def _origin(self, path: str, offset: int) -> int:
        """The place in the tree's own text that a place in this stage's text comes from."""
        for stage in range(self.stage - 1, -1, -1):
            edits = [
                edit
                for step in self.plan.steps
                if step.stage == stage
                for change in step.changes
                if change.path == path
                for edit in change.edits
            ]
            offset = origin(edits, offset)
        return offset

    def _step(
        self, sites: Sequence[PlannedSite], changes: Sequence[FileChange]
    ) -> tuple[Step, ...]:
        if not changes:
            return ()
        done = [p for p in sites if isinstance(p.decision, Converted)]
        callees = Counter(p.site.callee for p in done)
        facts: dict[str, object] = {
            "wrappers": [name for name, _ in callees.most_common()],
            "files": len(changes),
            "sites": len(done),
            "simplification": self.rule.name,
        }
        number = len(self.plan.steps) + 1
        subject = _SUBJECTS[self.rule.name]
        return (Step(number, self.step, subject, tuple(changes), facts, self.stage),)

    # -- checks -------------------------------------------------------------------------------

    def _check(self, before: ParsedFile, found: Sequence[Found], edits: tuple[Edit, ...]) -> None:
        """Raises InternalCheckError unless the new text parses to what was intended."""
        path = before.source.path
        text = apply_edits(before.source.text, edits)
        source = read_source(path, text.encode("latin-1"))
        words = self.rule.words | self.rule.writes
        old = parse_file(before.source, self.owner.dialect, words)
        new = parse_file(source, self.owner.dialect, words)
        tree: dict[int, Node | None] = {}
        for one in self._found(old):
            seen = self._seeing(path, one)
            if isinstance(seen.verdict, Rewrite):
                tree |= seen.verdict.tree
        if len(old.functions) != len(new.functions):
            raise InternalCheckError(f"{path}: other functions than before {self.rule.name}")
        for item, other in zip(old.functions, new.functions, strict=True):
            if _shapes(item, tree) != _shapes(other, {}):
                raise InternalCheckError(
                    f"{path}:{item.line}: {item.name}() does not read as intended after "
                    f"the simplification {self.rule.name}"
                )
        again = [
            one for one in self._found(new) if isinstance(self._seeing(path, one).verdict, Rewrite)
        ]
        if again:
            line = source.line(again[0].span.start)
            raise InternalCheckError(f"{path}:{line}: {self.rule.name} would change its own result")


def _existing(tree: KernelTree, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(path for path in paths if tree.exists(path))


def _key(verdict: Rewrite | Kept | Refused) -> object:
    return verdict.edits if isinstance(verdict, Rewrite) else verdict


def _joined(verdicts: Sequence[Rewrite | Kept | Refused]) -> Rewrite | Kept | Refused:
    """One verdict for all variants: the trees of each, the rest is the same."""
    first = verdicts[0]
    if not isinstance(first, Rewrite):
        return first
    rewrites = [verdict for verdict in verdicts if isinstance(verdict, Rewrite)]
    tree = {key: node for rewrite in rewrites for key, node in rewrite.tree.items()}
    return replace(first, tree=tree, nodes=tuple(n for r in rewrites for n in r.nodes))


def _shapes(item: Item, tree: Mapping[int, Node | None]) -> list[Shape]:
    return [shape(variant.root, tree) for variant in item.variants]
