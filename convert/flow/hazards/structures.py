"""The structures that a handle may be, and what a member for a cookie is called there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.graph.model import Place
from convert.flow.scopes.setup import Program
from convert.source.nodes import nodes_of

# What the member for the cookie is called; the name that include/linux/jbd2.h gave to its own.
COOKIE_MEMBER = "saved_alloc_context"


@dataclass(frozen=True)
class Structures:
    """Structures that the files declare."""

    program: Program

    def declared(self, base: str) -> list[tuple[Place, c_ast.Struct]]:
        """The places that declare the members of a structure."""
        name = base.removeprefix("struct ")
        found: dict[Place, c_ast.Struct] = {}
        for path, parsed in self.program.graph.program.files.items():
            if name not in parsed.source.text:
                continue
            for item in parsed.declarations:
                for variant in item.variants:
                    for node in nodes_of(variant.root):
                        if isinstance(node, c_ast.Struct) and node.name == name and node.decls:
                            found.setdefault(Place(path, item.line), node)
        return list(found.items())

    def refusals(self, base: str, where: str) -> Iterator[str]:
        """Why a structure can get no member."""
        found = self.declared(base)
        if not found:
            yield f"{where}: the handle is {base}, which the files that were read do not declare"
        for place, _ in found[1:]:
            yield f"{place}: {base}, which handles are, is declared twice"

    def member(self, base: str) -> str:
        """The name of the member, with the prefix that most other members have."""
        names = [
            str(one.name)
            for _, node in self.declared(base)
            for one in node.decls
            if isinstance(one, c_ast.Decl) and one.name
        ]
        prefixes = Counter(name.partition("_")[0] for name in names if "_" in name)
        if not prefixes:
            return COOKIE_MEMBER
        prefix, number = prefixes.most_common(1)[0]
        return f"{prefix}_{COOKIE_MEMBER}" if 3 * number > 2 * len(names) else COOKIE_MEMBER
