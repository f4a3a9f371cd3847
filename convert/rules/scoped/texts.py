"""The text that the stages of a plan have left so far, and where in the tree as given it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from convert.plan import Plan
from convert.rules.scoped.before import calls_before, original_offset
from convert.source.edits import Edit, line_of
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import read_source
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree


class Texts:
    """All files of a tree behind the last stage of a plan.

    first: the number of the first stage about masks and scopes, which edit inside of what is there;
    the stages before it are a conversion, which replaces calls. None: all are.
    """

    def __init__(
        self, plan: Plan, tree: KernelTree, dialect: Callable[[], Dialect], first: int | None
    ) -> None:
        self.plan, self.base, self.dialect = plan, tree, dialect
        self.first = first
        self.final = plan.snapshot(len(plan.steps))
        data = {p: None if t is None else t.encode("latin-1") for p, t in self.final.items()}
        self.tree = OverlayTree(tree, data)
        self._given: dict[str, tuple[str, list[list[Edit]]]] = {}
        self._starts: dict[str, list[int]] = {}

    def paths(self) -> list[str]:
        """The files below the plan's paths and those that it changed, sorted."""
        paths = {path for under in self.plan.paths for path in self.base.files(under)}
        paths |= {path for path, text in self.final.items() if text is not None}
        return sorted(paths - {path for path, text in self.final.items() if text is None})

    def data(self, path: str) -> bytes:
        """The bytes of a file."""
        return self.tree.read(path)

    def given(self, path: str, offset: int) -> tuple[str, int]:
        """The text as given, and where in it an offset of the text now comes from.

        For a file that the conversion made, the text now.
        """
        if path not in self.final or not self.base.exists(path):
            return self.data(path).decode("latin-1"), offset
        if path not in self._given:
            text = self.base.read(path).decode("latin-1")
            self._given[path] = text, self.stages(path)
        text, stages = self._given[path]
        return text, original_offset(stages, offset)

    def line(self, path: str, offset: int) -> int:
        """The line of the tree as given that an offset comes from."""
        return line_of(*self.given(path, offset))

    def line_of_line(self, path: str, number: int) -> int:
        """The line of the tree as given that a line of the text now comes from.

        A line that a stage added comes from where it was added.
        """
        if path not in self.final or not self.tree.exists(path):
            return number
        if path not in self._starts:
            text = self.data(path).decode("latin-1")
            self._starts[path] = [0, *(found.end() for found in re.finditer("\n", text))]
        starts = self._starts[path]
        return self.line(path, starts[number - 1]) if 0 < number <= len(starts) else number

    def stages(self, path: str, since: int = 0) -> list[list[Edit]]:
        """The edits of a file, one list a stage, from stage ``since`` on."""
        found: dict[int, list[Edit]] = {}
        for step in self.plan.steps:
            for change in step.changes:
                if change.path == path and step.stage >= since:
                    found.setdefault(step.stage, []).extend(change.edits)
        return [found[stage] for stage in sorted(found)]

    def converted(self, path: str) -> str:
        """The text behind the conversion, before the first stage about masks."""
        if self.first is None or path not in self.final:
            return self.data(path).decode("latin-1")
        text = self.plan.stage_text(path, self.first)
        assert text is not None  # else it would not be there now
        return text

    def calls_before(self, path: str, after: ParsedFile) -> Mapping[int, int] | None:
        """Where the calls of the text now were in the tree as given, by offsets of callees.

        None if the file did not change. A call that a later stage wrote is left out, and so is one
        that cannot be told (`convert.rules.scoped.before`).
        """
        if path not in self.final or not self.base.exists(path):
            return None
        text = self.converted(path)
        names = frozenset(item.name for item in after.functions)
        moved = self._moved(path, text, after)
        if text == self.base.read(path).decode("latin-1"):
            return moved
        old = parse_file(read_source(path, self.base.read(path)), self.dialect(), names)
        new = parse_file(read_source(path, text.encode("latin-1")), self.dialect(), names)
        known = calls_before(old, new)
        return {now: known[then] for now, then in moved.items() if then in known}

    def _moved(self, path: str, text: str, after: ParsedFile) -> dict[int, int]:
        """Callees of the text now, and where they were behind the conversion."""
        later: Sequence[Sequence[Edit]] = ()
        if self.first is not None:
            later = self.stages(path, self.first)
        now, found = after.source.text, {}
        for item in after.functions:
            for variant in item.variants:
                for call in variant.calls:
                    span = call.callee_span
                    then = original_offset(later, span.start)
                    if text.startswith(span.of(now), then):
                        found[span.start] = then
        # What a stage inserted right before a call seems to come from there: the call is the last.
        last = {found[start]: start for start in sorted(found)}
        return {start: then for then, start in last.items()}
