"""Pairing what was there before a commit with what is there after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from convert.flow.code import Routine, words_of
from convert.verify.review.sites import Site, SiteKind

_MOST_COMPARED = 2500  # pairs of functions that came and went; more are no renaming
_ALIKE = 0.6  # share of common words from which two functions are taken to be one renamed


@dataclass(frozen=True)
class FunctionPair:
    """A function before and after a commit, all ``#if`` variants; empty where it does not exist."""

    before: tuple[Routine, ...]
    after: tuple[Routine, ...]

    @property
    def any(self) -> Routine:
        """One routine of the pair, the later one if there is one."""
        return (self.after or self.before)[0]


def changed_functions(
    before: Iterable[Routine], after: Iterable[Routine]
) -> tuple[FunctionPair, ...]:
    """The functions whose words changed, by name, then by place, then by likeness.

    A function that moved to another file or was renamed is paired with what it was.
    """
    old, new = _grouped(before), _grouped(after)
    pairs: list[FunctionPair] = []
    for key in [*old]:
        if key in new:
            pairs.append(FunctionPair(old.pop(key), new.pop(key)))
    pairs += _moved(old, new)
    pairs += _renamed(old, new)
    pairs += [FunctionPair(routines, ()) for routines in old.values()]
    pairs += [FunctionPair((), routines) for routines in new.values()]
    return tuple(pair for pair in pairs if _differs(pair))


_Key = tuple[str, str, bool]  # path, name, whether it is a macro
_Groups = dict[_Key, tuple[Routine, ...]]


def _grouped(routines: Iterable[Routine]) -> _Groups:
    found: dict[_Key, list[Routine]] = {}
    for routine in routines:
        key = (routine.path, routine.key.name, routine.is_macro)
        found.setdefault(key, []).append(routine)
    return {key: tuple(group) for key, group in found.items()}


def _moved(old: _Groups, new: _Groups) -> list[FunctionPair]:
    """Functions of one name in different files, where that is not ambiguous."""
    pairs = []
    for key in [*old]:
        there = [other for other in new if other[1:] == key[1:]]
        if len(there) == 1:
            pairs.append(FunctionPair(old.pop(key), new.pop(there[0])))
    return pairs


def _renamed(old: _Groups, new: _Groups) -> list[FunctionPair]:
    """What went and what came, if they are alike enough."""
    scored = []
    if len(old) * len(new) > _MOST_COMPARED:
        return []
    for key, group in old.items():
        words = _words(group[0])
        for other, candidates in new.items():
            if key[2] == other[2]:
                matcher = SequenceMatcher(None, words, _words(candidates[0]), autojunk=False)
                if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
                    continue
                if (share := matcher.ratio()) >= _ALIKE:
                    scored.append((share, key, other))
    pairs = []
    for _, key, other in sorted(scored, key=lambda one: -one[0]):
        if key in old and other in new:
            pairs.append(FunctionPair(old.pop(key), new.pop(other)))
    return pairs


def _words(routine: Routine) -> tuple[str, ...]:
    return words_of(routine.source, routine.item.span)


def _differs(pair: FunctionPair) -> bool:
    if not pair.before or not pair.after:
        return True
    return _words(pair.before[0]) != _words(pair.after[0])


# -- sites -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SitePair:
    """A site before and after; ``certain`` unless they were only paired across functions."""

    before: Site
    after: Site
    certain: bool = True


@dataclass(frozen=True)
class Matched:
    """The pairs of some sites, and those that have no partner."""

    pairs: tuple[SitePair, ...]
    removed: tuple[Site, ...]
    added: tuple[Site, ...]


_KINDS = {SiteKind.ALLOC: 0, SiteKind.FORWARD: 0, SiteKind.FREE: 1, SiteKind.STORE: 2}


def match_sites(before: Sequence[Site], after: Sequence[Site]) -> Matched:
    """Pair the sites of one function: by what they ask for and where it goes, then by order.

    What is left after that is paired in order where both sides have equally many of a kind.
    """
    scored = []
    for i, old in enumerate(before):
        for j, new in enumerate(after):
            score = likeness(old, new)
            if score > 0:
                # Equal ones are told apart by where they stand, as a share of their functions.
                distance = abs(i / len(before) - j / len(after))
                scored.append((-score, distance, i, j))
    pairs: list[SitePair] = []
    gone: set[int] = set()
    come: set[int] = set()
    for _, _, i, j in sorted(scored):
        if i not in gone and j not in come:
            pairs.append(SitePair(before[i], after[j]))
            gone.add(i)
            come.add(j)
    removed = [site for i, site in enumerate(before) if i not in gone]
    added = [site for j, site in enumerate(after) if j not in come]
    for kind in set(_KINDS.values()):
        olds = [site for site in removed if _KINDS[site.kind] == kind]
        news = [site for site in added if _KINDS[site.kind] == kind]
        if len(olds) == len(news) and all(map(_same_shape, olds, news)):
            pairs += [SitePair(old, new) for old, new in zip(olds, news, strict=True)]
            removed = [site for site in removed if site not in olds]
            added = [site for site in added if site not in news]
    return Matched(tuple(pairs), tuple(removed), tuple(added))


def _same_shape(old: Site, new: Site) -> bool:
    """Whether two sites could be one with its variables renamed."""
    if old.kind not in (SiteKind.ALLOC, SiteKind.FORWARD):
        return True
    if old.callee == new.callee and old.kind is SiteKind.FORWARD:
        return True
    shapes = [re.sub(r"[A-Za-z_]\w*", "x", site.size) for site in (old, new)]
    return shapes[0] == shapes[1]


def likeness(old: Site, new: Site) -> int:
    """How much two sites have in common; 0: nothing that tells them from others."""
    if _KINDS[old.kind] != _KINDS[new.kind]:
        return 0
    if old.kind in (SiteKind.FREE, SiteKind.STORE):
        return 5 if old.subject == new.subject else 0
    score = 4 if set(old.targets) & set(new.targets) else 0
    score += 4 if old.size and old.size == new.size else 0
    known = old.target_type.base not in ("?", "void")
    score += 2 if known and old.target_type == new.target_type else 0
    score += 1 if score and old.callee == new.callee else 0
    return score


def match_across(removed: Sequence[Site], added: Sequence[Site]) -> Matched:
    """Pair what left some functions with what came into others: code that was moved.

    One new site may stand for several old ones. Where several fit, the one that promises the same
    is taken, so that only a change that cannot be a mere move is seen as one.
    """
    pairs: list[SitePair] = []
    used: set[int] = set()
    left: list[Site] = []
    for old in removed:
        fitting = [new for new in added if _same_request(old, new)]
        if not fitting:
            left.append(old)
            continue
        new = min(fitting, key=lambda site: (site.promise != old.promise, id(site) in used))
        used.add(id(new))
        pairs.append(SitePair(old, new, certain=False))
    return Matched(tuple(pairs), tuple(left), tuple(site for site in added if id(site) not in used))


def _same_request(old: Site, new: Site) -> bool:
    if old.kind is not SiteKind.ALLOC or new.kind is not SiteKind.ALLOC:
        return False
    return likeness(old, new) >= 4 and (
        old.size == new.size or bool(set(old.targets) & set(new.targets))
    )
