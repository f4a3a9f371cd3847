"""Whether what an allocation asks for is within the orders that the nofail scope covers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.semantics.sizes import Fits, SizeReader, never_fail_consequence
from convert.semantics.stubs import Primitive
from convert.sites.sources import Sources
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.variants import Call

_CREATES = {"kmem_cache_create": 1, "kmem_cache_create_usercopy": 1}  # the argument of the size
_ANY = frozenset({"kvmalloc", "vmalloc"})  # families of which every size is covered


@dataclass
class ObjectSizes:
    """Answers by the allocator's family, the size that is written, or the cache's objects."""

    sources: Sources
    sizes: SizeReader
    _caches: dict[str, str | None] = field(default_factory=dict)

    def beyond(self, source: SourceFile, item: Item, call: Call, known: Primitive) -> str | None:
        """Why a size may be beyond; None if it is shown to be covered."""
        if known.family in _ANY:
            return None
        if known.cache is not None:
            node = call.slots[known.cache].node
            if not isinstance(node, c_ast.ID):
                return "which slab cache it is is not known"
            return self.cache(node.name)
        if not known.size:
            return "how much it asks for is not known"
        answer = never_fail_consequence(self.sizes.size_class(source, item, call, known.size))
        return None if isinstance(answer, Fits) else answer.text

    def cache(self, name: str) -> str | None:
        """Why the objects of a cache may be too large; None if each cache of that name is small."""
        if name not in self._caches:
            self._caches[name] = self._cache(name)
        return self._caches[name]

    def _cache(self, name: str) -> str | None:
        found = list(self._created(name))
        if not found:
            return f"no creation of the slab cache {name} was found"
        for source, item, call in found:
            size = self.sizes.size_class(source, item, call, (_CREATES[call.callee or ""],))
            answer = never_fail_consequence(size)
            if not isinstance(answer, Fits):
                return f"objects of {name}: {answer.text}"
        return None

    def _created(self, name: str) -> Iterator[tuple[SourceFile, Item, Call]]:
        for path in self.sources.holding(frozenset(_CREATES)):
            parsed = self.sources.parsed(path, frozenset(_CREATES))
            for item in parsed.functions if parsed is not None else ():
                for variant in item.variants:
                    for call in variant.calls:
                        parent = variant.parent_of(call.node)
                        if (
                            call.callee in _CREATES
                            and isinstance(parent, c_ast.Assignment)
                            and isinstance(parent.lvalue, c_ast.ID)
                            and parent.lvalue.name == name
                        ):
                            assert parsed is not None
                            yield parsed.source, item, call
