"""What the kernel's C adds to C: the words that mean something else than an identifier.

All of it is data. `Dialect` joins the fixed words below with the tables that `convert.source.tables`
reads from the tree's own headers.
"""

from __future__ import annotations

from dataclasses import dataclass

# Dropped from the token list wherever they stand: they say something about a declaration to the
# compiler, to sparse or to the linker, and have no part in the grammar.
# Sources: include/linux/compiler_types.h, compiler_attributes.h, compiler.h, init.h, linkage.h,
# cache.h, export.h, module.h.
ANNOTATIONS = frozenset(
    [
        "__user",
        "__kernel",
        "__iomem",
        "__percpu",
        "__rcu",
        "__force",
        "__safe",
        "__nocast",
        "__private",
        "__bitwise",
        "__bitwise__",
        "__chk_user_ptr",
        "__init",
        "__exit",
        "__initdata",
        "__exitdata",
        "__initconst",
        "__exitconst",
        "__exit_call",
        "__ref",
        "__refdata",
        "__refconst",
        "__meminit",
        "__memexit",
        "__meminitdata",
        "__meminitconst",
        "__memexitdata",
        "__init_or_module",
        "__initdata_or_module",
        "__initdata_or_meminfo",
        "__initconst_or_module",
        "__net_init",
        "__net_exit",
        "__net_initdata",
        "__net_initconst",
        "__init_memblock",
        "__initdata_memblock",
        "__sched",
        "__lockfunc",
        "__kprobes",
        "__cpuidle",
        "__irq_entry",
        "__softirq_entry",
        "__exception_irq_entry",
        "__hot",
        "__cold",
        "__weak",
        "__pure",
        "__attribute_const__",
        "__maybe_unused",
        "__always_unused",
        "__used",
        "__unused",
        "__packed",
        "__aligned_largest",
        "__must_check",
        "__deprecated",
        "__malloc",
        "__noreturn",
        "__naked",
        "__no_profile",
        "__noclone",
        "__noscs",
        "__nocfi",
        "__noendbr",
        "__no_kmsan_checks",
        "__no_sanitize_memory",
        "__no_sanitize_address",
        "__no_sanitize_thread",
        "__no_sanitize_undefined",
        "__no_sanitize_coverage",
        "__no_stack_protector",
        "__no_caller_saved_registers",
        "__latent_entropy",
        "__randomize_layout",
        "__no_randomize_layout",
        "__designated_init",
        "__visible",
        "__read_mostly",
        "__ro_after_init",
        "__cacheline_aligned",
        "__cacheline_aligned_in_smp",
        "____cacheline_aligned",
        "____cacheline_aligned_in_smp",
        "____cacheline_internodealigned_in_smp",
        "__page_aligned_data",
        "__page_aligned_bss",
        "__bpf_kfunc",
        "__nonstring",
        "__flatten",
        "__nosavedata",
        "__extension__",
        "__no_kasan_or_inline",
        "__no_kcsan_or_inline",
        "__no_sanitize_or_inline",
        "__no_kcsan",
        "asmlinkage",
        "noinline",
        "noinline_for_stack",
        "noinline_for_tracing",
        "__noinline",
        "noinstr",
        "notrace",
        "randomized_struct_fields_start",
        "randomized_struct_fields_end",
    ]
)

# The same with arguments, which are dropped too.
ANNOTATIONS_WITH_ARGUMENTS = frozenset(
    [
        "__attribute__",
        "__attribute",
        "__aligned",
        "__section",
        "__printf",
        "__scanf",
        "__releases",
        "__acquires",
        "__must_hold",
        "__cond_acquires",
        "__cond_releases",
        "__releases_shared",
        "__acquires_shared",
        "__must_hold_shared",
        "__guarded_by",
        "__pt_guarded_by",
        "__alloc_size",
        "__realloc_size",
        "__assume_aligned",
        "__no_sanitize",
        "__nonnull",
        "__counted_by",
        "__counted_by_le",
        "__counted_by_be",
        "__counted_by_ptr",
        "__compiletime_error",
        "__compiletime_warning",
        "__diagnose_as",
        "__pass_object_size",
        "__cleanup",
    ]
)

# Another spelling of a C keyword: token type as pycparser's grammar names it.
KEYWORDS = {
    **{
        word: word.upper()
        for word in [
            "auto",
            "break",
            "case",
            "char",
            "const",
            "continue",
            "default",
            "do",
            "double",
            "else",
            "enum",
            "extern",
            "float",
            "for",
            "goto",
            "if",
            "inline",
            "int",
            "long",
            "register",
            "restrict",
            "return",
            "short",
            "signed",
            "sizeof",
            "static",
            "struct",
            "switch",
            "typedef",
            "union",
            "unsigned",
            "void",
            "volatile",
            "while",
            "typeof",
        ]
    },
    "_Bool": "_BOOL",
    "_Complex": "_COMPLEX",
    "_Alignas": "_ALIGNAS",
    "_Alignof": "_ALIGNOF",
    "__alignof__": "_ALIGNOF",
    "__alignof": "_ALIGNOF",
    "_Atomic": "_ATOMIC",
    "_Noreturn": "_NORETURN",
    "_Static_assert": "_STATIC_ASSERT",
    "_Thread_local": "_THREAD_LOCAL",
    "__thread": "_THREAD_LOCAL",
    "_Generic": "_GENERIC",
    "__int128": "__INT128",
    "__int128_t": "__INT128",
    "__uint128_t": "__INT128",
    "__auto_type": "__INT128",  # a type of its own, like any simple one
    "__builtin_va_list": "__INT128",
    "STATIC": "STATIC",  # XFS, JFS: static, or nothing when debugging
    "__inline": "INLINE",
    "__inline__": "INLINE",
    "__always_inline": "INLINE",
    "nokprobe_inline": "INLINE",
    "__const": "CONST",
    "__const__": "CONST",
    "__volatile__": "VOLATILE",
    "__volatile": "VOLATILE",
    "__signed__": "SIGNED",
    "__signed": "SIGNED",
    "__restrict": "RESTRICT",
    "__restrict__": "RESTRICT",
    "__typeof__": "TYPEOF",
    "__typeof": "TYPEOF",
    "typeof_unqual": "TYPEOF_UNQUAL",
    "__typeof_unqual__": "TYPEOF_UNQUAL",
    "__unqual_scalar_typeof": "TYPEOF",
    "typeof_member": "TYPEOF_MEMBER",
    "asm": "ASM",
    "__asm__": "ASM",
    "__asm": "ASM",
    "__label__": "LOCAL_LABEL",
}


@dataclass(frozen=True)
class Dialect:
    """The words of one tree.

    ``typedefs``: names of types (typedefs, and object-like macros that spell a type).
    ``loop_macros``: macros that a statement must follow (``for_each_x(…) stmt``).
    ``block_openers`` and ``block_closers``: macros whose bodies open, or close, braces.
    ``specifiers``: object-like macros that spell storage classes, qualifiers or ``inline``.
    ``annotations`` are dropped, ``annotations_with_arguments`` together with their arguments.
    """

    typedefs: frozenset[str] = frozenset()
    loop_macros: frozenset[str] = frozenset()
    block_openers: frozenset[str] = frozenset()
    block_closers: frozenset[str] = frozenset()
    specifiers: frozenset[str] = frozenset()
    annotations: frozenset[str] = ANNOTATIONS
    annotations_with_arguments: frozenset[str] = ANNOTATIONS_WITH_ARGUMENTS
