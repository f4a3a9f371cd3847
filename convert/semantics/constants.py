"""The integer constants of a tree: object-like macros and enumerators, evaluated on demand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from convert.semantics.cint import UINT, ULONG, CInt, CType, exact
from convert.semantics.constexpr import NotConstant, Words, evaluate
from convert.semantics.defines import Definition

# Typedefs of include/linux/types.h and include/uapi/asm-generic/int-ll64.h on 64-bit targets.
KERNEL_TYPEDEFS: Mapping[str, CType] = {
    "gfp_t": UINT,
    "size_t": ULONG,
    "ssize_t": CType(64, True),
    "loff_t": CType(64, True),
    "pgoff_t": ULONG,
    "uintptr_t": ULONG,
    "uint": UINT,
    "ulong": ULONG,
    "bool": CType(1, False),
    **{f"{p}{w}{s}": CType(w, False) for w in (8, 16, 32, 64) for p, s in (("u", ""), ("__u", ""))},
    **{f"{p}{w}{s}": CType(w, True) for w in (8, 16, 32, 64) for p, s in (("s", ""), ("__s", ""))},
    **{f"uint{w}_t": CType(w, False) for w in (8, 16, 32, 64)},
    **{f"int{w}_t": CType(w, True) for w in (8, 16, 32, 64)},
}

_MAX_DEPTH = 64


class Constants:
    """Values by name, from the definitions of some files.

    Where configurations differ, a flag that is 0 in some of them is taken where it exists; any
    other difference leaves the name without a value.
    """

    def __init__(
        self, found: Iterable[Definition], typedefs: Mapping[str, CType] = KERNEL_TYPEDEFS
    ) -> None:
        self.typedefs = typedefs
        by_name: dict[str, list[Definition]] = {}
        for definition in found:
            by_name.setdefault(definition.name, []).append(definition)
        self.by_name: Mapping[str, Sequence[Definition]] = by_name
        self._values: dict[str, CInt] = {}
        self._options: dict[str, frozenset[str]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def definitions(self, name: str) -> tuple[Definition, ...]:
        """All definitions of a name, in the order of the files."""
        return tuple(self.by_name.get(name, ()))

    def value(self, name: str) -> CInt:
        """The value of a macro or enumerator. Raises NotConstant with the reason."""
        if name not in self._values:
            reader = _Reading(self, ())
            self._values[name] = reader.value(name)
            self._options[name] = frozenset(reader.options)
        return self._values[name]

    def assumed(self, name: str) -> frozenset[str]:
        """The CONFIG_ options without which the name's value would differ or not exist."""
        self.value(name)
        return self._options[name]

    def evaluate(self, words: Words) -> CInt:
        """The value of an expression. Raises NotConstant."""
        return evaluate(words, _Reading(self, ()))


class _Reading:
    """The names as one evaluation sees them; ``inside`` guards against definitions in a circle."""

    def __init__(self, constants: Constants, inside: tuple[str, ...]) -> None:
        self.constants = constants
        self.inside = inside
        self.options: set[str] = set()

    def ctype(self, name: str) -> CType | None:
        return self.constants.typedefs.get(name)

    def value(self, name: str) -> CInt:
        candidates = [d for d in self.constants.definitions(name) if d.parameters is None]
        if not candidates:
            raise NotConstant(f"{name} is not defined")
        live = [d for d in candidates if d.live] or candidates
        chosen = self.body(live[0])
        for other in candidates:
            if other is not live[0]:
                self.check_alternative(name, live[0], chosen, other)
        self.options |= live[0].assumed
        return chosen

    def check_alternative(
        self, name: str, chosen: Definition, value: CInt, other: Definition
    ) -> None:
        """Only a flag that does not exist in another configuration (is 0) may differ."""
        alternative = self.body(other)
        if alternative.number == value.number:
            return
        if other.live or alternative.number != 0:
            raise NotConstant(
                f"{name} has different values at {chosen.path}:{chosen.line} "
                f"and {other.path}:{other.line}"
            )

    def body(self, definition: Definition) -> CInt:
        name = definition.name
        if name in self.inside or len(self.inside) > _MAX_DEPTH:
            raise NotConstant(f"{name} is defined by itself")
        inner = _Reading(self.constants, (*self.inside, name))
        try:
            value = evaluate(definition.body, inner)
        except NotConstant as error:
            raise NotConstant(f"{definition.path}:{definition.line}: {name}: {error}") from error
        self.options |= inner.options
        return value

    def call(self, name: str, arguments: Sequence[Words]) -> CInt:
        builtin = self.builtin(name, arguments)
        if builtin is not None:
            return builtin
        macros = [d for d in self.constants.definitions(name) if d.parameters is not None]
        live = [d for d in macros if d.live] or macros
        if not live:
            raise NotConstant(f"{name}() is not defined")
        return self.expanded(live[0], arguments)

    def builtin(self, name: str, arguments: Sequence[Words]) -> CInt | None:
        """The helpers of include/linux/const.h, bits.h and kconfig.h."""
        if name in ("IS_ENABLED", "IS_BUILTIN", "defined") and len(arguments) == 1:
            self.options |= set(arguments[0])
            return exact(1)
        if name in ("BIT", "BIT_ULL", "_BITUL", "_BITULL") and len(arguments) == 1:
            return evaluate(["1UL", "<<", "(", *arguments[0], ")"], self)
        if name in ("_AC", "UL", "ULL", "_UL", "_ULL", "U") and arguments:
            suffix = {"UL": "ul", "ULL": "ull", "_UL": "ul", "_ULL": "ull", "U": "u"}.get(name)
            words = [arguments[0][0] + (suffix or "".join(arguments[1]))]
            return evaluate(words, self)
        return None

    def expanded(self, macro: Definition, arguments: Sequence[Words]) -> CInt:
        parameters = macro.parameters or ()
        if len(parameters) != len(arguments) or {"#", "##"} & set(macro.body):
            raise NotConstant(f"{macro.path}:{macro.line}: {macro.name}() cannot be expanded")
        if macro.name in self.inside or len(self.inside) > _MAX_DEPTH:
            raise NotConstant(f"{macro.name} is defined by itself")
        bound = dict(zip(parameters, arguments, strict=True))
        words: list[str] = []
        for word in macro.body:
            words += ["(", *bound[word], ")"] if word in bound else [word]
        inner = _Reading(self.constants, (*self.inside, macro.name))
        value = evaluate(words, inner)
        self.options |= inner.options
        return value
