"""Flag variables, parameters, results and macros as gfp masks: the edits, or why not.

A group of holders (see `flag_flow`) is written as a whole. Whatever cannot be written makes its
whole group fail, so the drafts of a group are either all conversions or all refusals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from convert.profiles.wrappers import WrapperProfile
from convert.rules.calls import comment_in, directive_in, in_directive, renamed, spelled_flags
from convert.rules.drafts import Draft
from convert.rules.flag_expression import (
    Carrier,
    Constant,
    NotUniformError,
    With,
    Without,
    changed_text,
    check_translation,
    gfp_text,
    mask_change,
    masks_possible,
)
from convert.rules.flag_model import Declared, Failure, FlagFlow
from convert.rules.flag_reading import Holder, LocalFlags, ParameterFlags
from convert.rules.flag_use import Use, UseKind
from convert.rules.layout import Break, advance, column_at
from convert.rules.model import Converted, Decision, Refused
from convert.rules.replacement import Replacement
from convert.semantics.flags import Flags, FlagSemantics, mask_names, mask_text, subsets
from convert.sites.model import SiteKind
from convert.sites.occurrences import occurrences
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile

_RULE = "flags-to-gfp"
_STEP = "alloc"


class CannotWrite(Exception):
    """Why an understood use has no gfp form."""


class FlagWriter:
    """Writes all groups of one run; groups that cannot be written are added to the failures."""

    def __init__(
        self,
        flow: FlagFlow,
        sources: Sources,
        names: frozenset[str],
        profile: WrapperProfile,
        semantics: FlagSemantics,
    ) -> None:
        self.flow = flow
        self.sources = sources
        self.names = names  # every name that a site has to account for
        self.profile = profile
        self.semantics = semantics
        for use in sorted(flow.uses, key=lambda u: (u.path, u.span)):
            self._try(use)
        self.group_failures: Mapping[Holder, Failure] = flow.group_failure()
        self.slots = {(use.path, use.whole): use for use in flow.uses if use.kind is UseKind.SLOT}

    def _try(self, use: Use) -> None:
        source = self._source(use.path)
        try:
            self._obstacles(source, use)
            self._use_text(use, {})
        except (CannotWrite, NotUniformError) as error:
            what = str(error)
            if isinstance(error, NotUniformError):
                what = f"what {error.flag} means depends on other flags"
            failure = Failure(use.path, source.line(use.span.start), what)
            for holder in use.linked:
                self.flow.failures.setdefault(holder, failure)

    def _source(self, path: str) -> SourceFile:
        source = self.sources.source(path)
        assert source is not None  # a use was found in it
        return source

    def _obstacles(self, source: SourceFile, use: Use) -> None:
        if comment_in(source, use.span):
            raise CannotWrite("a comment stands inside the flags")
        if directive_in(source, use.whole):
            raise CannotWrite("a preprocessor line stands inside this place")

    def failure_of(self, use: Use) -> Failure | None:
        """Why the group of a use stays as it is, or None."""
        for holder in sorted(use.linked, key=repr):
            if holder in self.group_failures:
                return self.group_failures[holder]
        return None

    # -- names ------------------------------------------------------------------------------------

    def _new_name(self, declared: Declared) -> str | None:
        """The better name of a variable, where the function does not use that name already."""
        if not isinstance(declared.holder, (LocalFlags, ParameterFlags)) or not declared.name:
            return None
        text = self._source(declared.path).text
        for rule in self.profile.rename:
            if re.search(rule.pattern, declared.name):
                region = self._function_text(text, declared)
                free = not re.search(rf"\b{re.escape(rule.name)}\b", region)
                return rule.name if free else None
        return None

    def _function_text(self, text: str, declared: Declared) -> str:
        parsed = self.sources.parsed(declared.path, frozenset())
        item = parsed.item_at(declared.whole.start) if parsed is not None else None
        return item.span.of(text) if item is not None else text

    def names_for(self, use: Use) -> dict[str, str]:
        """The new names of the carriers in a use's expression."""
        result: dict[str, str] = {}
        for declared in self.flow.declared:
            if declared.path != use.path or declared.function != use.function:
                continue
            new = self._new_name(declared)
            if new is None:
                continue
            for text, _ in use.holders:
                result[text] = re.sub(rf"\b{re.escape(declared.name)}\b", new, text)
        return result

    # -- texts ------------------------------------------------------------------------------------

    def _use_text(self, use: Use, names: Mapping[str, str]) -> str:
        """What stands at ``use.span`` afterwards."""
        if use.kind is UseKind.TEST:
            return self._test_text(use, names)
        if use.kind is UseKind.CHAIN:
            return gfp_text(renamed(use.expression, names), self.semantics)
        check_translation(use.expression, self.semantics)
        if use.kind is UseKind.ASSIGN:
            return self._assignment_text(use, names)
        text = gfp_text(renamed(use.expression, names), self.semantics)
        if use.kind is UseKind.MACRO and " " in text and not self._parenthesised(use):
            return f"({text})"
        return text

    def _parenthesised(self, use: Use) -> bool:
        text = self._source(use.path).text
        before = text[: use.span.start].rstrip()
        after = text[use.span.end :].lstrip(" \t")
        return before.endswith("(") and after.startswith(")")

    def _assignment_text(self, use: Use, names: Mapping[str, str]) -> str:
        source = self._source(use.path)
        head = re.match(r"(\w+)(\s*)([|&]?=)(\s*)", use.span.of(source.text))
        if head is None:
            raise CannotWrite("an assignment of an unknown form")
        old, blank, _, behind = head.groups()
        new = names.get(old, self._target_name(use, old))
        expression = renamed(use.expression, {**names, old: new})
        match expression:
            case With(Carrier(text), flags) | Without(Carrier(text), flags) if text == new:
                given = isinstance(expression, With)
                clears, sets = mask_change(self.semantics, flags, given)
                if not clears:
                    return f"{new}{blank}|={behind}{mask_text(sets)}"
                if not sets:
                    cleared = changed_text("", clears, sets).removeprefix(" & ")
                    return f"{new}{blank}&={behind}{cleared}"
        return f"{new}{blank}={behind}{gfp_text(expression, self.semantics)}"

    def _target_name(self, use: Use, old: str) -> str:
        for declared in self.flow.declared:
            same = declared.path == use.path and declared.function == use.function
            if same and declared.holder == use.target and declared.name == old:
                return self._new_name(declared) or old
        return old

    def _test_text(self, use: Use, names: Mapping[str, str]) -> str:
        carrier = gfp_text(renamed(use.expression, names), self.semantics)
        given, taken = self._telling_bits(use.flags)
        if given:
            text = f"{carrier} & {mask_text(given)}"
            text = f"{carrier} & ({mask_text(given)})" if len(given) > 1 else text
            return f"!({text})" if use.negated else text
        if len(taken) == 1:
            text = f"{carrier} & {mask_text(taken)}"
            if use.negated:
                return text if self._parenthesised(use) else f"({text})"
            return f"!({text})"
        raise CannotWrite(f"no gfp bit tells whether {' | '.join(sorted(use.flags))} was given")

    def _telling_bits(self, flags: Flags) -> tuple[frozenset[str], frozenset[str]]:
        """Bits that are set, or else clear, exactly when a flag was given; one for each flag."""
        given: set[str] = set()
        taken: set[str] = set()
        for flag in sorted(flags):
            rows = [
                (flag in some, self.semantics.mask(some)) for some in subsets(self.semantics.flags)
            ]
            bits = sorted(frozenset[str]().union(*(mask for _, mask in rows)))
            told = [b for b in bits if all((b in mask) == has for has, mask in rows)]
            untold = [b for b in bits if all((b in mask) != has for has, mask in rows)]
            if told:
                given.add(told[0])
            elif untold:
                taken.add(untold[0])
            else:
                return frozenset(), frozenset()
        if given and taken:
            return frozenset(), frozenset()
        return frozenset(given), frozenset(taken)

    # -- drafts -----------------------------------------------------------------------------------

    def drafts(self, path: str) -> Iterator[Draft]:
        """The sites of one file for everything but wrapper calls, each name claimed once."""
        claimed: set[int] = set()
        inits = {(use.path, use.whole): use for use in self.flow.uses if use.kind is UseKind.INIT}
        rows: list[tuple[Span, int, Draft]] = []
        for declared in self.flow.declared:
            if declared.path == path:
                init = inits.pop((path, declared.whole), None)
                rows.append((declared.whole, 0, self._declared_draft(declared, init)))
        for use in self.flow.uses:
            alone = use.kind not in (UseKind.SLOT, UseKind.INIT) or (path, use.whole) in inits
            if use.path == path and use.kind is not UseKind.SLOT and alone:
                rows.append((use.whole, 1, self._use_draft(use)))
        for _, _, draft in sorted(rows, key=lambda row: (row[0], row[1])):
            own = draft.claims - claimed
            claimed |= own
            yield Draft(
                draft.kind,
                draft.path,
                draft.function,
                draft.callee,
                draft.span,
                own,
                draft.decision,
                draft.contract,
                draft.replacement,
            )

    def _claims(self, path: str, spans: tuple[Span, ...]) -> frozenset[int]:
        source = self._source(path)
        return frozenset(
            found.span.start
            for found in occurrences(source, self.names)
            if any(found.span in span for span in spans)
        )

    def _declared_draft(self, declared: Declared, init: Use | None) -> Draft:
        source = self._source(declared.path)
        spans = (declared.type_span, *((init.span,) if init else ()))
        failure = self.group_failures.get(declared.holder)
        decision: Decision
        replacement = None
        if failure is not None:
            decision = Refused(_RULE, str(failure))
        else:
            edits = [*self._type_edits(source, declared)]
            new = self._new_name(declared)
            if new is not None:
                own = [s for s in declared.name_spans if s in declared.whole]
                edits += [Edit(span, new) for span in own[:1]]
            if init is not None:
                edits.append(Edit(init.span, self._use_text(init, self.names_for(init))))
            decision = self._converted(init, "the variable holds a gfp mask")
            replacement = Replacement("", declared.path, tuple(edits), None, _STEP)
        return Draft(
            SiteKind.FLAG_VARIABLE,
            declared.path,
            declared.function,
            declared.name,
            declared.whole,
            self._claims(declared.path, spans),
            decision,
            replacement=replacement,
        )

    def _type_edits(self, source: SourceFile, declared: Declared) -> Iterator[Edit]:
        """``gfp_t`` instead of the old type; a name aligned by tabs stays in its column."""
        span = declared.type_span
        blank = re.compile(r"[ \t]*").match(source.text, span.end)
        behind = blank.group() if blank else ""
        start = column_at(source.text, span.start)
        if len(behind) < 2 and "\t" not in behind:
            yield Edit(span, "gfp_t")
            return
        target = advance(start, span.of(source.text) + behind)
        text = "gfp_t"
        while advance(start, text) < target:
            text += "\t" if "\t" in behind else " "
        yield Edit(Span(span.start, span.end + len(behind)), text)

    def _use_draft(self, use: Use) -> Draft:
        failure = self.failure_of(use)
        kind = SiteKind.MACRO if use.kind is UseKind.MACRO else SiteKind.FLAG_VARIABLE
        decision: Decision
        replacement = None
        if failure is not None:
            decision = Refused(_RULE, str(failure))
        else:
            text = self._use_text(use, self.names_for(use))
            decision = self._converted(use, f"{use.kind.value} of a gfp mask")
            edit = Edit(use.span, text)
            place = self._break_before(use) if use.kind is UseKind.ARGUMENT else None
            replacement = Replacement("", use.path, (edit,), place, _STEP)
        return Draft(
            kind,
            use.path,
            use.function,
            self._subject(use),
            use.whole,
            self._claims(use.path, (use.span,)),
            decision,
            replacement=replacement,
        )

    def _break_before(self, use: Use) -> Break | None:
        """Where a call that takes a longer mask may be broken: before the mask."""
        source = self._source(use.path)
        text = source.text
        comma = text.rfind(",", use.whole.start, use.span.start)
        gap = Span(comma + 1, use.span.start)
        if comma < 0 or gap.of(text).strip():
            return None
        opens = text.index("(", use.whole.start)
        directive = in_directive(source, use.span.start)
        return Break(gap, opens, use.whole.start, in_directive=directive)

    def _converted(self, use: Use | None, reason: str) -> Converted:
        before: tuple[str, ...] = ()
        after: tuple[str, ...] = ()
        if use is not None and isinstance(use.expression, Constant):
            before = spelled_flags(use.expression)
            masks = masks_possible(use.expression, self.semantics)
            after = tuple(name for mask in masks for name in mask_names(mask))
        return Converted(_RULE, _STEP, (), "", reason, before, after)

    def _subject(self, use: Use) -> str:
        match use.target:
            case LocalFlags(_, _, _, name):
                return name
            case ParameterFlags(function, _):
                return function
            case None:
                return use.holders[0][0] if use.holders else use.kind.value
        return str(getattr(use.target, "function", getattr(use.target, "name", "")))
