"""Places and ways in words."""

from __future__ import annotations

from collections.abc import Iterable

from convert.flow.provenance.evidence import Reached
from convert.flow.provenance.places import (
    Alloc,
    Assigned,
    Cell,
    Field,
    Global,
    Heap,
    Inside,
    Loaded,
    Opaque,
    Origin,
    Out,
    Param,
    Part,
    Ref,
    Result,
    Ret,
    Slot,
)
from convert.flow.terms import TypeRef

_KINDS = {
    "kvmalloc": "kmalloc or vmalloc memory",
    "vmalloc": "vmalloc memory",
    "kmalloc": "kmalloc memory",
    "cache": "memory of a slab cache",
    "pages": "pages",
}


def kind_text(family: str) -> str:
    """What memory of a family is called."""
    return _KINDS.get(family, f"{family} memory")


def alloc_text(alloc: Alloc) -> str:
    """An allocation with its place."""
    return f"{alloc.callee}() at {alloc.path}:{alloc.line} in {alloc.function}()"


def way_text(way: Iterable[Origin]) -> str:
    """The places that memory went through, in words."""
    return ", ".join(dict.fromkeys(filter(None, map(place_text, way))))


def steps_text(reached: Reached) -> tuple[str, ...]:
    """The way of memory from the allocation on, a step each, with file and line."""
    steps = []
    for hop in reversed(reached.hops):
        text = place_text(hop.place)
        if text:
            steps.append(f"{text} ({hop.at})" if hop.at is not None else text)
    return tuple(dict.fromkeys(steps))


def place_text(place: Origin) -> str:
    """A place in words; empty for one that a reader need not hear of."""
    match place:
        case Field(root=root, chain=chain):
            owner = str(root) if isinstance(root, TypeRef) else f"the result of {root.name}()"
            return f"{chain[-1]} of {owner}" if owner != "?" else f"a member {chain[-1]}"
        case Loaded(place=inner):
            return place_text(inner)
        case Param(key=key, index=index):
            return f"argument {index + 1} of {key.name}()"
        case Out(key=key, index=index):
            return f"what {key.name}() stores through argument {index + 1}"
        case Assigned(key=key):
            return f"what the macro {key.name}() assigns"
        case Result(key=key):
            return f"the result of {key.name}()"
        case Global(name=name):
            return name
        case Cell(name=name, function=function):
            return f"{name} of {function}()"
        case Heap(base=base):
            return f"objects of type {base}"
        case Slot(place=inner, index=index):
            return f"argument {index + 1} of calls through {place_text(inner)}"
        case Ret(place=inner):
            return f"what calls through {place_text(inner)} return"
        case Inside(place=inner):
            return f"what {place_text(inner)} points to"
        case Part(place=inner):
            return f"a pointer computed from {place_text(inner)}"
        case Ref(place=inner):
            return f"the address of {place_text(inner)}"
        case Opaque(text=text):
            return text
    return ""
