"""Tree nodes for what pycparser's own node classes have no word for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pycparser import c_ast

Children = tuple[tuple[str, Any], ...]


def nodes_of(
    root: c_ast.Node | None, below: Callable[[c_ast.Node], Iterable[c_ast.Node]] = iter
) -> Iterator[c_ast.Node]:
    """All nodes of a tree, outer ones first, in the order of the text.

    below: the nodes right below one that are to be seen; None of them counts as nothing.
    """
    waiting = [root] if root is not None else []
    while waiting:
        node = waiting.pop()
        yield node
        children = [child for child in below(node) if child is not None]
        children.reverse()
        waiting += children


def has_effects(node: c_ast.Node) -> bool:
    """Whether an expression calls or assigns, so that it may not be evaluated twice."""
    return any(
        isinstance(one, (c_ast.FuncCall, c_ast.Assignment, c_ast.Compound))
        or (isinstance(one, c_ast.UnaryOp) and one.op in ("++", "--", "p++", "p--"))
        for one in nodes_of(node)
    )


class MacroLoop(c_ast.Node):  # type: ignore[misc]
    """A macro call that heads a statement: ``list_for_each_entry(a, b, c) stmt``."""

    __slots__ = ("__weakref__", "call", "coord", "stmt")
    attr_names = ()

    def __init__(self, call: Any, stmt: Any, coord: Any = None) -> None:
        self.call = call
        self.stmt = stmt
        self.coord = coord

    def children(self) -> Children:
        """The call and the statement it governs."""
        return (("call", self.call), ("stmt", self.stmt))

    def __iter__(self) -> Any:
        yield self.call
        yield self.stmt


class MacroBlock(c_ast.Node):  # type: ignore[misc]
    """``do_each_x(…) … while_each_x(…);``: statements between two macros that share a brace."""

    __slots__ = ("__weakref__", "block_items", "closer", "coord", "opener")
    attr_names = ()

    def __init__(self, opener: Any, block_items: list[Any], closer: Any, coord: Any = None) -> None:
        self.opener = opener
        self.block_items = block_items
        self.closer = closer
        self.coord = coord

    def children(self) -> Children:
        """The opening call, the statements, the closing call."""
        items = [(f"block_items[{number}]", item) for number, item in enumerate(self.block_items)]
        return (("opener", self.opener), *items, ("closer", self.closer))

    def __iter__(self) -> Any:
        for _, child in self.children():
            yield child


class _ListNode(c_ast.Node):  # type: ignore[misc]
    __slots__ = ("__weakref__", "coord", "parts")
    attr_names = ()

    def __init__(self, parts: list[Any], coord: Any = None) -> None:
        self.parts = parts
        self.coord = coord

    def children(self) -> Children:
        """The parts in order."""
        return tuple((f"parts[{number}]", part) for number, part in enumerate(self.parts))

    def __iter__(self) -> Any:
        yield from self.parts


class StringConcat(_ListNode):
    """Adjacent string literals and macros that stand for strings: ``KERN_ERR "x" FMT``."""

    __slots__ = ()


class CodeArgument(_ListNode):
    """A macro argument made of statements: ``wait_event_cmd(q, c, { a(); }, b(); c())``."""

    __slots__ = ()


class Asm(_ListNode):
    """An assembler statement; the parts are templates and operand expressions in order."""

    __slots__ = ()


class ComputedGoto(_ListNode):
    """``goto *target;``: the only part is the target with its star."""

    __slots__ = ()


class LocalLabels(c_ast.Node):  # type: ignore[misc]
    """``__label__ a, b;``"""

    __slots__ = ("__weakref__", "coord", "names")
    attr_names = ("names",)

    def __init__(self, names: list[str], coord: Any = None) -> None:
        self.names = names
        self.coord = coord

    def children(self) -> Children:
        """None."""
        return ()

    def __iter__(self) -> Any:
        return iter(())


class Range(c_ast.Node):  # type: ignore[misc]
    """``first ... last`` of a case label or an array designator."""

    __slots__ = ("__weakref__", "coord", "first", "last")
    attr_names = ()

    def __init__(self, first: Any, last: Any, coord: Any = None) -> None:
        self.first = first
        self.last = last
        self.coord = coord

    def children(self) -> Children:
        """Both ends."""
        return (("first", self.first), ("last", self.last))

    def __iter__(self) -> Any:
        yield self.first
        yield self.last


class Opaque(c_ast.Node):  # type: ignore[misc]
    """Tokens that are kept as they are and never edited: an empty or unreadable argument."""

    __slots__ = ("__weakref__", "coord", "text")
    attr_names = ("text",)

    def __init__(self, text: str, coord: Any = None) -> None:
        self.text = text
        self.coord = coord

    def children(self) -> Children:
        """None."""
        return ()

    def __iter__(self) -> Any:
        return iter(())
