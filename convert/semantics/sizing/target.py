"""What is the same in every x86-64 build: the data model, and conditions that it decides.

Sources: System V psABI for x86-64; include/asm-generic/bitsperlong.h, arch/x86/include/asm/
page_types.h, include/uapi/linux/byteorder/little_endian.h, scripts/sparse and C++ conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from convert.semantics.cint import INT, ULONG, CInt, CType, exact, unknown
from convert.semantics.constexpr import NotConstant, Words, evaluate
from convert.source.tokens import Kind, lex_body

PAGE_SIZE = 4096

# Macros of one value, whatever the headers' #if branches say.
CONSTANTS: Mapping[str, CInt] = MappingProxyType(
    {
        "BITS_PER_LONG": exact(64),
        "__BITS_PER_LONG": exact(64),
        "BITS_PER_LONG_LONG": exact(64),
        "BITS_PER_BYTE": exact(8),
        "PAGE_SHIFT": exact(12),
        "PAGE_SIZE": exact(PAGE_SIZE, ULONG),
        "true": exact(1),
        "false": exact(0),
        "NULL": exact(0, ULONG),
    }
)
_DEFINED = frozenset(
    {
        "__KERNEL__", "CONFIG_64BIT", "CONFIG_X86_64", "CONFIG_X86", "CONFIG_MMU", "__x86_64__",
        "__LP64__", "__LITTLE_ENDIAN", "__LITTLE_ENDIAN_BITFIELD", "__GNUC__",
    }
)  # fmt: skip
_UNDEFINED = frozenset(
    {
        "CONFIG_X86_32", "CONFIG_32BIT", "CONFIG_CPU_BIG_ENDIAN", "__BIG_ENDIAN",
        "__BIG_ENDIAN_BITFIELD", "__i386__", "__ILP32__", "__CHECKER__", "__GENKSYMS__",
        "__ASSEMBLY__", "__ASSEMBLER__", "__cplusplus", "__arch_um__",
    }
)  # fmt: skip


class _Facts:
    """The names of an ``#if`` condition."""

    def value(self, name: str) -> CInt:
        if name in CONSTANTS:
            return CONSTANTS[name]
        return unknown(INT)

    def call(self, name: str, arguments: Sequence[Words]) -> CInt:
        if name in ("defined", "IS_ENABLED", "IS_BUILTIN") and len(arguments) == 1:
            symbol = arguments[0][0] if len(arguments[0]) == 1 else ""
            if symbol in _DEFINED:
                return exact(1)
            if symbol in _UNDEFINED:
                return exact(0)
        return unknown(INT)

    def ctype(self, name: str) -> CType | None:
        return None


def known_truth(condition: str) -> bool | None:
    """Whether a preprocessor condition holds on x86-64; None if that depends on more."""
    tokens = lex_body(condition)
    words = [
        tokens.text(i)
        for i in range(len(tokens))
        if tokens.kinds[i] not in (Kind.SPACE, Kind.COMMENT)
    ]
    try:
        return evaluate(words, _Facts()).truth
    except NotConstant:
        return None
