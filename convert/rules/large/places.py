"""The text that the stages before left, and where in the tree as given each place of it was."""

from __future__ import annotations

from dataclasses import dataclass, field

from convert.flow.provenance.evidence import Missing
from convert.plan import Plan
from convert.source.edits import Edit, column_of, line_of, origin
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree


@dataclass
class Places:
    """A plan's final text. ``tree`` is the tree as it was given."""

    plan: Plan
    tree: KernelTree
    after: OverlayTree = field(init=False)
    _edits: dict[str, list[list[Edit]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        texts = self.plan.snapshot(len(self.plan.steps))
        data = {p: None if t is None else t.encode("latin-1") for p, t in texts.items()}
        self.after = OverlayTree(self.tree, data)
        for step in self.plan.steps:
            for change in step.changes:
                stages = self._edits.setdefault(change.path, [])
                while len(stages) <= step.stage:
                    stages.append([])
                stages[step.stage].extend(change.edits)

    @property
    def stage(self) -> int:
        """The number of the next stage."""
        return 1 + max((step.stage for step in self.plan.steps), default=-1)

    def given(self, path: str, offset: int) -> int:
        """The offset in the tree as given that an offset of the text comes from."""
        for edits in reversed(self._edits.get(path, [])):
            offset = origin(edits, offset)
        return offset

    def place(self, path: str, offset: int) -> tuple[int, int]:
        """The line and column in the tree as given that an offset comes from."""
        if path not in self._edits or not self.tree.exists(path):
            text = self.after.read(path).decode("latin-1")
        else:
            text, offset = self.tree.read(path).decode("latin-1"), self.given(path, offset)
        return line_of(text, offset), column_of(text, offset)

    def line(self, path: str, line: int) -> int:
        """The line in the tree as given that a line of the text comes from."""
        if path not in self._edits:
            return line
        lines = self.after.read(path).decode("latin-1").split("\n")
        start = sum(len(one) + 1 for one in lines[: line - 1])
        blank = len(lines[line - 1]) - len(lines[line - 1].lstrip())
        return self.place(path, start + blank)[0]

    def sentence(self, missing: Missing) -> str:
        """A missing fact with the place that it has in the tree as given."""
        at = missing.at
        if at is None:
            return missing.text
        return f"{at.path}:{self.line(at.path, at.line)}: {missing.text}"
