"""The parameters of a wrapper, and which of them holds its flags."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.cint import CType
from convert.semantics.execution import Executor
from convert.semantics.interpreter.values import CannotExecute, Kind, Type, Where

_FLAG_TYPE = re.compile(r"gfp_t\Z|\w*flags?_t\Z")
_FLAG_NAME = re.compile(r"(?:\w*_)?(?:km_?|gfp_?|vm_?)?(?:flags?|fl|gfp|gfp_mask)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Signature:
    """Parameters by name and type, in order; ``slot`` is the position of the flags, if it has any.

    The parameters of a macro have the type `Kind.ANY`. unclear: why no slot could be chosen.
    """

    where: Where
    parameters: tuple[tuple[str, Type], ...]
    slot: int | None
    unclear: str = ""


def signature_of(executor: Executor, name: str, slot: int | None = None) -> Signature:
    """The signature of a function or function-like macro of the program.

    slot: the position of the flags where the caller knows it. Raises CannotExecute for a name that
    the program does not define or could not read, and for a slot that it lacks.
    """
    where, described = _parameters(executor, name)
    if slot is not None and slot >= len(described):
        raise CannotExecute(where, f"{name}() has no argument number {slot}")
    parameters = tuple((label, ctype) for label, ctype, _ in described)
    candidates = [slot] if slot is not None else _flag_slots(described)
    if len(candidates) > 1:
        labels = " or ".join(parameters[index][0] for index in candidates)
        return Signature(where, parameters, None, f"its flags may be {labels}")
    return Signature(where, parameters, candidates[0] if candidates else None)


def _parameters(executor: Executor, name: str) -> tuple[Where, list[tuple[str, Type, str]]]:
    """Name, type and type's own name of each parameter."""
    program = executor.program
    if name in program.unreadable:
        where, what = program.unreadable[name]
        raise CannotExecute(where, what)
    if name in program.functions:
        body = program.functions[name][0]
        declared = body.node.decl.type.args.params if body.node.decl.type.args else []
        return body.where, [
            (p.name, _adjusted(program.type_of(p.type)), _type_name(p.type))
            for p in declared
            if getattr(p, "name", None)
        ]
    for macro in program.macros.get(name, ()):
        if macro.parameters is not None:
            return macro.where, [(label, Kind.ANY, "") for label in macro.parameters]
    raise CannotExecute(Where("", 0), f"{name}() is not defined in the files read")


def _adjusted(ctype: Type) -> Type:
    return Kind.POINTER if ctype is Kind.ARRAY else ctype


def _type_name(node: c_ast.Node) -> str:
    while isinstance(node, (c_ast.TypeDecl, c_ast.Typename)):
        node = node.type
    return node.names[0] if isinstance(node, c_ast.IdentifierType) else ""


def _flag_slots(described: list[tuple[str, Type, str]]) -> list[int]:
    """The parameters with a type of flags, or else with a name of flags."""
    integers = [
        (slot, label, type_name)
        for slot, (label, ctype, type_name) in enumerate(described)
        if isinstance(ctype, CType) or ctype is Kind.ANY
    ]
    by_type = [slot for slot, _, type_name in integers if _FLAG_TYPE.match(type_name)]
    return by_type or [slot for slot, label, _ in integers if _FLAG_NAME.match(label)]
