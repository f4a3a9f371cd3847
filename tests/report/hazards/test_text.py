"""The table of hazards as text."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from convert.flow.graph.model import Place, Root
from convert.flow.hazards.model import Missing
from convert.flow.placement.model import PlacedScope, Placement
from convert.flow.scopes.model import Chain, Frame
from convert.flow.scopes.results import SiteUse
from convert.report.console import report_console
from convert.report.hazards.page import hazards_html
from convert.report.hazards.place import place_lines
from convert.report.hazards.text import conclusion, hazards_text
from convert.report.hazards.view import HazardsView, hazards_view
from convert.report.hazards.words import (
    call_text,
    mask_words,
    scope_lines,
    start_words,
    step_lines,
    wait_lines,
)
from tests.report.hazards.values import (
    CREATE,
    EXCUSED,
    FACT,
    HANDLE,
    IN_WORKER,
    LOCK,
    OTHER,
    PHASE,
    QUEUED,
    REFLEX,
    REFUSED,
    SITES,
    UNPLACED,
    WAITS,
    empty_view,
    line_of,
    placement,
    proven_site,
    report,
    told,
    view,
)
from tests.rules.scoped.fakes import PATH


def text_of(one: HazardsView, verbose: bool = False) -> str:
    out = io.StringIO()
    hazards_text(one, report_console(out), verbose)
    return out.getvalue()


GAP = (Missing(Place(PATH, 44), "a lock"),)
TABLE = """\
What reclaim waits for, and what is allocated while it is held
--------------------------------------------------------------
  lock or worker    kind       sites  b  c  refused  other
  toy_inode.i_lock  rwsem          4  1  2        1      1
  toy_push_work()   work item      1  0  1        0      0
  toy_sb.s_sem      semaphore      1  0  1        0      0
"""
SECTION = """\
toy_inode.i_lock (rwsem)
------------------------
  reclaim blocks on toy_inode.i_lock in down_write() at fs/toy/toy.c:110:
    shrinker (toy_shrinker.scan_objects) at fs/toy/toy.c:300:
      toy_scan@100 > toy_evict@110
  held since down_write(&ip->i_lock) at fs/toy/toy.c:209 in toy_grab():
    b: fs/toy/toy.c:2: kmalloc in f(), GFP_NOFS
        toy_grab@210 > f@2
        excused by toy-unreferenced: reclaim locks what nobody refers to
    c: fs/toy/toy.c:3: kmalloc in f(), GFP_NOFS
        toy_grab@210 > f@3
    c: fs/toy/toy.c:5: kmalloc in f(), GFP_NOFS
        toy_grab@210 > f@5
    refused: fs/toy/toy.c:7: kmalloc in f(), GFP_NOFS
        toy_grab@210 > f@7
  1 other allocation under it
"""
BEHIND = """\
  reclaim waits for toy_push_work() in flush_work(&sb->s_push) at fs/toy/toy.c:111:
    shrinker (toy_shrinker.scan_objects) at fs/toy/toy.c:300:
      toy_scan@100 > toy_evict@111
  that blocks on toy_sb.s_sem in down_write() at fs/toy/toy.c:112:
    work item (toy_push_work) at fs/toy/toy.c:302:
      toy_push_work@120 > toy_evict@112
"""
IN_THE_WORKER = """\
  runs in toy_push_work(), started at fs/toy/toy.c:140:
    c: fs/toy/toy.c:4: kmalloc in f(), GFP_NOFS
        toy_push_work@121 > f@4
"""
REFUSALS = """\
Without an answer, something is not known: the flag stays: 1
------------------------------------------------------------
  fs/toy/toy.c:7: kmalloc in f(), GFP_NOFS
      fs/toy/toy.c:7: a lock is not known
      missing: fs/toy/toy.c:77: which lock toy_pick() returns
"""
SCOPE = """\
  1. around toy_inode.i_lock, toy_sb.s_sem in toy_grab() at fs/toy/toy.c:208
      opens behind line 209; closes before lines 215, 220
"""
COVERS = """\
      makes 2 masks needless:
        fs/toy/toy.c:3: kmalloc in f(), GFP_NOFS
        fs/toy/toy.c:2: kmalloc in f(), GFP_NOFS
      cost 4: 2 allocations newly covered, 2 ways out to patch
      newly covered: fs/toy/toy.c:20, 22
      looks at the task's flag inside: fs/toy/toy.c:23
      instead, at cost 9: fs/toy/toy.c:200: around the call in toy_create()
"""
LEFT = """\
Hazards without a scope: 1
--------------------------
  fs/toy/toy.c:5: kmalloc in f(), GFP_NOFS
      the lock is released in toy_drop()
"""
METHODS = """\
  method (of the witnesses; others may lead there)  a  b  c  e  refused  sites
  toy_operations.create                             0  1  2  1        1      5
  toy_push_work(), toy_push_work                    0  0  1  0        0      1
"""
TOTALS = """\
  class    meaning                                                sites
  a        a scope is open on every path                              1
  b        reclaim only takes the lock of what nobody holds           1
  c        reclaim waits for what is held: a scope belongs there      3
  e        nothing is held that reclaim waits for                     1
  refused  something is not known: the flag stays                     1
  all                                                                 7

sites: 7 = 1 a + 1 b + 3 c + 1 e + 1 refused; 3 c = 2 under 2 scopes to place + 1 without
"""
PARTS = [
    pytest.param(TABLE, id="table"),
    pytest.param(SECTION, id="lock"),
    pytest.param(BEHIND, id="wait-behind-a-worker"),
    pytest.param(IN_THE_WORKER, id="worker"),
    pytest.param("nothing allocates while they are held\n", id="idle-heading"),
    pytest.param("  toy_sb.s_idle (mutex)\n", id="idle"),
    pytest.param("Class (e), nothing is held that reclaim waits for: 1\n", id="reflex-heading"),
    pytest.param(
        "fs/toy/toy.c:6: kmalloc in f(), GFP_NOFS\n      fs/toy/toy.c:6: nothing is held\n",
        id="reflex",
    ),
    pytest.param("Class (a), a scope is open on every path: 1\n", id="in-scope"),
    pytest.param(REFUSALS, id="refused"),
    pytest.param(SCOPE, id="scope"),
    pytest.param(COVERS, id="scope-covers"),
    pytest.param(
        "  2. the whole worker toy_push_work() at fs/toy/toy.c:119\n"
        "      opens at the top of the body; closes at every way out\n",
        id="worker-scope",
    ),
    pytest.param(LEFT, id="unplaced"),
    pytest.param("  fs/toy/toy.c:90: an empty transaction around the walk\n", id="class-d"),
    pytest.param(METHODS, id="methods"),
    pytest.param(
        "toy-unreferenced: reclaim locks what nobody refers to\n"
        "      Source: fs/toy/README, line 4\n",
        id="fact",
    ),
    pytest.param("toy-roll: rolling keeps the scope", id="axiom"),
    pytest.param("7 indirect calls not resolved", id="limits"),
    pytest.param("  - something to know\n", id="note"),
    pytest.param("  - the search for the cheapest scopes was cut short\n", id="search-note"),
    pytest.param(TOTALS, id="totals"),
]


@pytest.mark.parametrize("part", PARTS)
def test_the_text_tells(part: str) -> None:
    assert part in text_of(view())


def test_a_note_is_told_once() -> None:
    assert text_of(view()).count("known to the proofs") == 1


VERBOSE = [
    pytest.param("fs/toy/toy.c:20: kmalloc in f(), GFP_KERNEL\n", id="plain-under-the-lock"),
    pytest.param("fs/toy/toy.c:1: kmalloc in f(), GFP_NOFS\n", id="in-scope"),
    pytest.param("toy_create@200 > toy_grab@210 > f@3\n", id="whole-chain"),
    pytest.param("toy_scan@100 > toy_evict@113\n", id="idle-wait"),
    pytest.param("Time: reading 1.2 s, judging 2.5 s\n", id="time"),
]


@pytest.mark.parametrize("part", VERBOSE)
def test_the_rest_is_told_on_demand(part: str) -> None:
    assert part not in text_of(view())
    assert part in text_of(view(), verbose=True)


def test_what_is_under_no_lock_is_not_told_as_under_one() -> None:
    assert f"{PATH}:21" not in text_of(view(), verbose=True)


def test_the_lines_fit_a_terminal() -> None:
    lines = text_of(view()).split("What the proofs rest on")[0].split("\n")
    assert max(map(len, lines)) <= 100


def test_an_empty_result_is_said() -> None:
    text = text_of(empty_view())
    assert "Nothing is allocated while anything is held that reclaim waits for." in text
    assert text.endswith("\nsites: 0 = 0 a + 0 b + 0 c + 0 e + 0 refused\n")
    for absent in ("Class (", "Without an answer", "Scopes that", "Methods", "Hazards without"):
        assert absent not in text


def test_several_paths_have_a_table() -> None:
    text = text_of(view(paths=("fs/toy", "fs/other")))
    assert "  fs/toy    1  1  3  1        1      7\n" in text
    assert "  fs/other  0  0  0  0        0      0\n" in text
    assert "\nPaths\n" not in text_of(view())


def test_the_conclusion_counts_hazards_only_where_there_are_some() -> None:
    assert conclusion(view()).endswith("; 3 c = 2 under 2 scopes to place + 1 without")
    none = view(SITES[5:], Placement((), ()))
    assert conclusion(none) == "sites: 2 = 0 a + 0 b + 0 c + 1 e + 1 refused"


def test_a_hazard_on_other_ways_to_which_something_is_missing() -> None:
    sites = tuple(replace(one, missing=GAP) if one is IN_WORKER else one for one in SITES)
    given = view(sites)
    assert conclusion(given).endswith(
        "; 3 c = 1 under 2 scopes to place + 1 under them, but something is not known + 1 without"
    )
    assert IN_THE_WORKER + f"        missing: {PATH}:44: a lock\n" in text_of(given)
    assert not given.complete


# -- words ----------------------------------------------------------------------------------------


ANCHORS = [
    pytest.param(
        PHASE,
        ["1. the whole function toy_mount() at fs/toy/toy.c:160"],
        id="phase",
    ),
    pytest.param(
        HANDLE,
        [
            "1. from the handle's opener toy_begin() at fs/toy/toy.c:150 to its closer "
            "toy_end() at fs/toy/toy.c:170; the cookie in struct toy_trans, new member t_pflags"
        ],
        id="handle",
    ),
]


@pytest.mark.parametrize(("scope", "expected"), ANCHORS)
def test_anchors(scope: PlacedScope, expected: list[str]) -> None:
    given = replace(placement(), scopes=(scope, *placement().scopes))
    assert list(scope_lines(view(scopes=given).scopes[0]))[:1] == expected


def test_verbose_scopes_tell_every_hazard_whole() -> None:
    first = placement().scopes[0]
    twice = replace(first, hazards=(*first.hazards, *UNPLACED.hazards))
    placed = view(scopes=replace(placement(), scopes=(twice, placement().scopes[1]))).scopes[0]
    brief, full = "\n".join(scope_lines(placed)), "\n".join(scope_lines(placed, verbose=True))
    assert brief.count("ends the hazard toy_inode.i_lock") == 1
    assert full.count("ends the hazard toy_inode.i_lock") == 2
    assert "toy_create@200" in full and "toy_create@200" not in brief


STEPS = [
    pytest.param(40, ["aaaaaaaa@1 > aaaaaaaa@2 > aaaaaaaa@3", "> aaaaaaaa@4"], id="wraps"),
    pytest.param(100, ["aaaaaaaa@1 > aaaaaaaa@2 > aaaaaaaa@3 > aaaaaaaa@4"], id="fits"),
    pytest.param(1, ["aaaaaaaa@1", "> aaaaaaaa@2", "> aaaaaaaa@3", "> aaaaaaaa@4"], id="narrow"),
]


@pytest.mark.parametrize(("width", "expected"), STEPS)
def test_chains_break_between_steps(width: int, expected: list[str]) -> None:
    frames = tuple(Frame("a" * 8, Place(PATH, line)) for line in range(1, 5))
    assert list(step_lines(frames, width)) == expected


@pytest.mark.parametrize(
    ("reason", "told_each"),
    [
        pytest.param(REFLEX.reason, False, id="one-for-all"),
        pytest.param("another reason", True, id="two"),
    ],
)
def test_a_reason_that_all_reflexes_share_is_not_repeated(reason: str, told_each: bool) -> None:
    text = text_of(view((*SITES, told(8, REFLEX.answer, reason=reason))))
    assert (reason in text) is told_each
    assert (REFLEX.reason in text) is told_each


def test_a_hazard_with_a_wait_of_its_own_tells_it() -> None:
    wait = replace(WAITS[LOCK], call="mutex_lock")
    own = replace(UNPLACED, hazards=(replace(UNPLACED.hazards[0], wait=wait),))
    given = view(tuple(own if one is UNPLACED else one for one in SITES))
    assert "reclaim blocks on toy_inode.i_lock in mutex_lock()" not in text_of(view())
    assert "        reclaim blocks on toy_inode.i_lock in mutex_lock()" in text_of(given)


def test_a_lock_that_is_excused_everywhere_is_so_in_the_table() -> None:
    under = tuple(
        replace(one, hazards=tuple(replace(h, excused=FACT) for h in one.hazards))
        for one in (EXCUSED, REFUSED)
    )
    given = report(under)
    given = replace(given, plain=(), proofs=replace(given.proofs, sites=given.proofs.sites[:2]))
    one = hazards_view("toys", None, ("fs/toy",), given, Placement((), ()), line_of)
    text = text_of(one)
    assert "  toy_inode.i_lock  rwsem, excused      2  1  0        1      0\n" in text
    assert "  excused by toy-unreferenced: reclaim locks what nobody refers to\n  held" in text
    assert text.count("excused by") == 1
    assert "rwsem, excused" in hazards_html(one)
    assert ", excused" not in text_of(view())


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(f"{PATH}:7: which lock is held", id="same"),
        pytest.param(f"{PATH}:7: not known: which lock is held", id="longer"),
    ],
)
def test_the_missing_fact_is_not_repeated(reason: str) -> None:
    one = replace(REFUSED, reason=reason, missing=(Missing(Place(PATH, 7), "which lock is held"),))
    text = text_of(view((*SITES[:-1], one)))
    assert text.count("which lock is held") == 1


def test_what_is_missing_is_told_once() -> None:
    reason = f"{PATH}:7: which lock is held there"
    one = replace(REFUSED, reason=reason, missing=(Missing(Place(PATH, 7), reason),))
    text = text_of(view((*SITES[:-1], one)))
    assert f"      missing: {reason}\n" in text and text.count(reason) == 1


STARTS = [
    pytest.param(CREATE, "toy_operations.create at fs/toy/toy.c:301", id="table"),
    pytest.param(
        replace(CREATE, detail=""),
        "member of a structure that is handed outside at fs/toy/toy.c:301",
        id="table-without-name",
    ),
    pytest.param(QUEUED, "work item (toy_push_work) at fs/toy/toy.c:302", id="work"),
]


@pytest.mark.parametrize(("root", "expected"), STARTS)
def test_starts(root: Root, expected: str) -> None:
    assert start_words(Chain(root, (), False)) == expected


def test_no_steps_no_lines() -> None:
    assert list(step_lines(())) == []
    nowhere = replace(WAITS[OTHER], chain=Chain(CREATE, (), False), behind=())
    assert next(wait_lines(nowhere)) == "reclaim blocks on toy_sb.s_sem in down_write():"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("down_write", "down_write()", id="name"),
        pytest.param("lock(ip,\n\t\tEXCL)", "lock(ip, EXCL)", id="lines"),
    ],
)
def test_calls(text: str, expected: str) -> None:
    assert call_text(text) == expected


def test_masks() -> None:
    site = proven_site(1)
    assert mask_words(replace(site, mask=("GFP_NOFS", "__GFP_ZERO"))) == "GFP_NOFS | __GFP_ZERO"
    assert mask_words(replace(site, mask=())) == "a mask that is not known"
    assert mask_words(replace(site, use=SiteUse.STORES)) == "GFP_NOFS, stored for others"


# -- one line -------------------------------------------------------------------------------------


def test_one_line_with_the_scope_for_it() -> None:
    lines = list(place_lines(view(), PATH, IN_WORKER.site.line))
    assert lines[:3] == [
        "hazards:",
        "  c: fs/toy/toy.c:4: kmalloc in f(), GFP_NOFS",
        "    c: reclaim waits for what is held: a scope belongs there",
    ]
    assert "  a scope that would be placed for it:" in lines
    assert "    2. the whole worker toy_push_work() at fs/toy/toy.c:119" in lines


@pytest.mark.parametrize(
    ("line", "part"),
    [
        pytest.param(2, "    rests on toy-unreferenced: reclaim locks", id="fact"),
        pytest.param(5, "  no scope is placed for it: the lock", id="unplaced"),
        pytest.param(7, "    missing: fs/toy/toy.c:77: which lock", id="missing"),
        pytest.param(20, "  fs/toy/toy.c:20: kmalloc in f(), GFP_KERNEL", id="plain"),
        pytest.param(99, "hazards: no allocation is known in fs/toy/toy.c:99", id="nothing"),
    ],
)
def test_one_line_tells(line: int, part: str) -> None:
    assert any(row.startswith(part) for row in place_lines(view(), PATH, line))
