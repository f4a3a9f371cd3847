"""Counting what a tree does about memory and reclaim, from tokens alone.

Strings, comments and `#include` lines are not code; the bodies of macros are. Nothing is decided
here: an inventory shows a maintainer what there is before anything is converted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from convert.profiles.kernel import KernelNames, MaskCall
from convert.sites.inventory_model import (
    Access,
    Form,
    Inventory,
    MaskUse,
    Place,
    ScopeAction,
    ScopeUse,
    Storage,
    StoredMask,
    TaskFlagUse,
    Unread,
    WrapperForm,
    WrapperNames,
    WrapperUse,
)
from convert.sites.mask_context import arguments, context_of, is_masked_by
from convert.sites.outline import Code, FunctionFinder, Owners, code_of, functions_of
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.tree.kernel import KernelTree

_SUFFIXES = (".c", ".h")
_MASK = re.compile(r"(?:__)?GFP_[A-Z0-9_]+")
_GUARDS = frozenset(["guard", "scoped_guard"])


@dataclass
class _Found:
    """The lists of an inventory while it is made."""

    wrappers: list[WrapperUse] = field(default_factory=list)
    masks: list[MaskUse] = field(default_factory=list)
    never_fails: list[MaskUse] = field(default_factory=list)
    scopes: list[ScopeUse] = field(default_factory=list)
    stored: list[StoredMask] = field(default_factory=list)
    task_flags: list[TaskFlagUse] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def take_inventory(
    tree: KernelTree,
    paths: Sequence[str],
    wrappers: WrapperNames,
    kernel: KernelNames,
    functions: FunctionFinder = functions_of,
) -> Inventory:
    """Count wrappers, masks, scopes, stored masks and task flags in the C files below ``paths``.

    The wrappers' own files are left out (and listed). A file that cannot be split into tokens is
    listed as unread if it holds any of the names. Raises InputError for a path not in the tree.
    """
    everything = sorted({file for path in paths for file in tree.files(path)})
    c_files = [file for file in everything if file.endswith(_SUFFIXES)]
    wanted = _names_pattern(wrappers, kernel)
    found = _Found()
    for file in c_files:
        data = tree.read(file)
        if file in wrappers.own_files or not wanted.search(data):
            continue
        try:
            source = read_source(file, data)
        except BrokenSource as error:
            found.unread.append(Unread(file, error.line, error.construct))
            continue
        _FileCount(source, wrappers, kernel, functions, found).count()
    return Inventory(
        tree=tree.name,
        revision=tree.revision,
        paths=tuple(paths),
        files_read=len(c_files),
        left_out=tuple(file for file in c_files if file in wrappers.own_files),
        wrappers=_sorted(found.wrappers),
        masks=_sorted(found.masks),
        never_fails=_sorted(found.never_fails),
        scopes=_sorted(found.scopes),
        stored=_sorted(found.stored),
        task_flags=_sorted(found.task_flags),
        unread=tuple(found.unread),
    )


class _Placed(Protocol):
    @property
    def place(self) -> Place: ...


_Use = TypeVar("_Use", bound=_Placed)


def _sorted(uses: Iterable[_Use]) -> tuple[_Use, ...]:
    return tuple(sorted(uses, key=lambda use: (use.place.file, use.place.line, use.place.column)))


def _names_pattern(wrappers: WrapperNames, kernel: KernelNames) -> re.Pattern[bytes]:
    """Finds out quickly whether a file can hold anything of interest."""
    named = (*kernel.guard, *kernel.store, *kernel.preload, *kernel.page_cache_flag)
    names = {fact.name for fact in (*named, *kernel.task_flag)}
    names |= {*wrappers.flag_slots, *kernel.scope_calls}
    words = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf"\b(?:{words}|{_MASK.pattern})\b".encode())


class _FileCount:
    """Counts one file into ``found``."""

    def __init__(
        self,
        source: SourceFile,
        wrappers: WrapperNames,
        kernel: KernelNames,
        functions: FunctionFinder,
        found: _Found,
    ) -> None:
        self._source = source
        self._wrappers = wrappers
        self._kernel = kernel
        self._owners = Owners(functions(source))
        self._found = found
        self._members: set[int] = set()  # assignments already listed, by their operator's offset
        self._masks = {fact.name for fact in kernel.mask}
        self._never_fails = {fact.name for fact in kernel.never_fails}
        self._guards = {fact.name for fact in kernel.guard}
        self._calls = {
            **{fact.name: (Storage.CALL, fact) for fact in kernel.store},
            **{fact.name: (Storage.PRELOAD, fact) for fact in kernel.preload},
        }
        self._page_cache = {fact.name for fact in kernel.page_cache_flag}
        self._task_flags = {fact.name for fact in kernel.task_flag}

    def count(self) -> None:
        """Look at every word of code once."""
        for code in code_of(self._source):
            for index, word in enumerate(code.words):
                if word[0].isalpha() or word[0] == "_":
                    self._word(code, index, word)

    def _word(self, code: Code, index: int, word: str) -> None:
        if word in self._wrappers.flag_slots:
            self._found.wrappers.append(self._wrapper(code, index, word))
        elif word in self._kernel.scope_calls:
            self._found.scopes.extend(self._scope(code, index, word))
        elif word in _GUARDS:
            self._found.scopes.extend(self._guard(code, index, word))
        elif word in self._calls:
            self._found.stored.extend(self._stored_by_call(code, index, word))
        elif word in self._page_cache:
            place = self._place(code, index)
            self._found.stored.append(StoredMask(place, Storage.PAGE_CACHE, word, word))
        elif word in self._task_flags:
            self._found.task_flags.append(self._task_flag(code, index, word))
        elif _MASK.fullmatch(word):
            self._mask(code, index, word)

    def _place(self, code: Code, index: int) -> Place:
        offset, source = code.offsets[index], self._source
        return Place(
            file=source.path,
            line=source.line(offset),
            column=source.column(offset),
            function=code.macro or self._owners.at(offset),
            in_macro=code.macro is not None,
        )

    def _call(self, code: Code, index: int) -> list[tuple[int, int]] | None:
        """The arguments if the word at ``index`` is followed by a parenthesis that closes."""
        opens = code.words[index + 1 : index + 2] == ("(",)
        return arguments(code, index + 1) if opens else None

    def _wrapper(self, code: Code, index: int, word: str) -> WrapperUse:
        place, slots = self._place(code, index), self._call(code, index)
        if slots is None:
            return WrapperUse(place, word, WrapperForm.REFERENCE, (), "")
        if place.function is None:
            return WrapperUse(place, word, WrapperForm.DECLARATION, (), "")
        slot = self._wrappers.flag_slots[word]
        if slot is None:
            return WrapperUse(place, word, WrapperForm.CALL, (), "")
        if slot >= len(slots):  # a macro that passes on what it was given
            return WrapperUse(place, word, WrapperForm.CALL, None, "")
        first, last = slots[slot]
        words = set(code.words[first : last + 1]) - {"(", ")", "|", "0"}
        flags = tuple(sorted(words)) if words <= self._wrappers.flags else None
        argument = code.text(first, last) if last >= first else ""
        return WrapperUse(place, word, WrapperForm.CALL, flags, argument)

    def _scope(self, code: Code, index: int, word: str) -> Iterator[ScopeUse]:
        place, slots = self._place(code, index), self._call(code, index)
        if slots is not None and place.function is not None:
            scope, action = self._kernel.scope_calls[word]
            text = code.text(slots[0][0], slots[-1][1]) if slots[-1][1] >= slots[0][0] else ""
            yield ScopeUse(place, word, scope, ScopeAction(action), text)

    def _guard(self, code: Code, index: int, word: str) -> Iterator[ScopeUse]:
        slots = self._call(code, index)
        if not slots or code.words[slots[0][0]] not in self._guards:
            return
        name = code.words[slots[0][0]]
        closing = slots[-1][1] + 1
        # guard(NAME)(flags) against scoped_guard(NAME, flags)
        given = slots[1:] if word == "scoped_guard" else self._call(code, closing) or []
        text = code.text(given[0][0], given[-1][1]) if given and given[-1][1] >= given[0][0] else ""
        yield ScopeUse(self._place(code, index), name, "flags", ScopeAction.GUARD, text)

    def _stored_by_call(self, code: Code, index: int, word: str) -> Iterator[StoredMask]:
        storage, fact = self._calls[word]
        slots = self._call(code, index)
        if slots is None or len(slots) <= fact.slot or _is_prototype(code, slots[0][0]):
            return
        first, last = slots[fact.slot]
        if last >= first and not _only_other_flags(code, first, last, fact):
            yield StoredMask(self._place(code, index), storage, word, code.text(first, last))

    def _task_flag(self, code: Code, index: int, word: str) -> TaskFlagUse:
        context, place = context_of(code, index), self._place(code, index)
        if is_masked_by(code, index) or context.form is Form.TESTED:
            target = context.target if context.form is Form.ARGUMENT else ""
            return TaskFlagUse(place, word, Access.READ, target)
        if context.form is Form.ASSIGNED and context.target.endswith("->flags"):
            return TaskFlagUse(place, word, Access.WRITTEN, context.target)
        access = Access.PASSED if context.form is Form.ARGUMENT else Access.COMBINED
        return TaskFlagUse(place, word, access, context.target)

    def _mask(self, code: Code, index: int, word: str) -> None:
        context = context_of(code, index)
        if word in self._masks or word in self._never_fails:
            use = MaskUse(self._place(code, index), word, context.form, context.target)
            (self._found.masks if word in self._masks else self._found.never_fails).append(use)
        if context.form is not Form.ASSIGNED or not context.assigns_member(code):
            return
        operator = code.offsets[context.operator]
        if operator not in self._members:
            self._members.add(operator)
            last = _end_of_value(code, context.operator + 1)
            mask = code.text(context.operator + 1, last)
            if code.words[context.operator] != "=":
                mask = f"{code.words[context.operator]} {mask}"
            place = self._place(code, context.first)
            self._found.stored.append(StoredMask(place, Storage.MEMBER, context.target, mask))


def _end_of_value(code: Code, first: int) -> int:
    """The last word of an assigned value that starts at ``first``."""
    depth = 0
    for at in range(first, len(code.words)):
        word = code.words[at]
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
        if depth < 0 or (not depth and word in (",", ";")):
            return at - 1
    return len(code.words) - 1


def _is_prototype(code: Code, first: int) -> bool:
    """Whether the first argument is a parameter declaration: ``struct x *`` or ``gfp_t x``."""
    return code.words[first : first + 1] in (("struct",), ("gfp_t",), ("void",))


def _only_other_flags(code: Code, first: int, last: int, fact: MaskCall) -> bool:
    names = [word for word in code.words[first : last + 1] if word[0].isalpha() or word[0] == "_"]
    return (
        bool(names)
        and fact.unless is not None
        and all(name.startswith(fact.unless) for name in names)
    )
