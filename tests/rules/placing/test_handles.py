"""A member for the cookie of a handle, with openers and closers."""

from __future__ import annotations

import pytest

from convert.flow.placement.model import Anchor, AnchorKind, HandleEnd
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.model import NotPlaced, Placed
from convert.source.edits import apply_edits
from convert.source.parse import ParsedFile
from tests.rules.placing.run import CLOSES, OPENS, around_of, function_of, offsets, read
from tests.rules.placing.table import refusals, rewrites

STRUCT = """\
struct handle {
	struct s *owner;
	int count;
};
"""
OPENER = """\
struct handle *start(struct s *p)
{
	struct handle *h;

	if (p->current)
		return p->current;
	h = new_handle(p);
	if (!h)
		return NULL;
	lock(p);
	if (p->full) {
		unlock(p);
		free_handle(h);
		return NULL;
	}
	h->owner = p;
	return h;
}
"""
CLOSER = """\
int stop(struct handle *h)
{
	int err = h->err;

	if (h->count) {
		h->count--;
		return 0;
	}
	finish(h->owner);
	unlock(h->owner);
	free_handle(h);
	return err;
}
"""
SAVE = "	h->saved = memalloc_nofs_save();\n"
RESTORE = "	memalloc_nofs_restore(h->saved);\n"


def end_of(parsed: ParsedFile, name: str, opens: bool, pointer: str = "h") -> HandleEnd:
    """The end that a function of a file is."""
    item = function_of(parsed, name)
    return HandleEnd(
        parsed.source.path,
        item.span.start,
        name,
        opens,
        pointer,
        offsets(item, OPENS),
        offsets(item, CLOSES),
    )


def anchor_of(*ends: HandleEnd) -> Anchor:
    """The anchor of a handle with some ends."""
    first = ends[0]
    return Anchor(
        AnchorKind.HANDLE,
        first.path,
        first.function,
        first.start,
        structure="struct handle",
        member="saved",
        ends=ends,
    )


def place(
    structure: str = STRUCT, opener: str = OPENER, closer: str = CLOSER, comment: str = ""
) -> tuple[str, Placed | NotPlaced]:
    """All three in one file."""
    text = f"{structure}\n{opener}\n{closer}"
    parsed = read(text)
    anchor = anchor_of(end_of(parsed, "start", True), end_of(parsed, "stop", False))
    return text, scope_edits({parsed.source.path: parsed}, anchor, around_of(parsed), comment)


def after(text: str, result: Placed | NotPlaced) -> str:
    """The text with the edits made."""
    assert isinstance(result, Placed), str(result)
    (edits,) = result.edits.values()
    return apply_edits(text, edits)


def test_a_handle_carries_the_cookie() -> None:
    text, result = place()
    assert after(text, result) == (
        STRUCT.replace("};\n", "	unsigned int saved;\n};\n")
        + "\n"
        + OPENER.replace("	return h;", f"{SAVE}	return h;")
        + "\n"
        + CLOSER.replace("	unlock", f"{RESTORE}	unlock")
    )
    assert isinstance(result, Placed)
    assert (result.cookie, result.restores) == ("saved", 1)


def test_three_files() -> None:
    files = {
        path: read(text, path)
        for path, text in (
            ("fs/toy/h.h", STRUCT),
            ("fs/toy/start.c", OPENER),
            ("fs/toy/stop.c", CLOSER),
        )
    }
    opener = end_of(files["fs/toy/start.c"], "start", True)
    closer = end_of(files["fs/toy/stop.c"], "stop", False)
    result = scope_edits(files, anchor_of(opener, closer), around_of(*files.values()))
    assert isinstance(result, Placed), str(result)
    assert sorted(result.edits) == sorted(files)


def test_two_closers() -> None:
    """One that finishes and one that gives up; the comment stands at the first opener only."""
    gives_up = CLOSER.replace("int stop", "int give_up")
    text = f"{STRUCT}\n{OPENER}\n{CLOSER}\n{gives_up}"
    parsed = read(text)
    ends = [end_of(parsed, "start", True)]
    ends += [end_of(parsed, name, False) for name in ("stop", "give_up")]
    files = {parsed.source.path: parsed}
    result = scope_edits(files, anchor_of(*ends), around_of(parsed), "Why.")
    edited = after(text, result)
    assert edited.count(f"	/* Why. */\n{SAVE}	return h;\n") == 1
    assert edited.count(f"{RESTORE}	unlock") == 2
    assert edited.count("unsigned int saved;") == 1
    assert isinstance(result, Placed) and result.restores == 2


@pytest.mark.parametrize(("structure", "changed"), rewrites("structures"))
def test_the_member_is_set_as_its_neighbours_are(structure: str, changed: str) -> None:
    text, result = place(structure=structure)
    assert after(text, result).startswith(f"{changed}\nstruct handle *start(")


OPENED = [
    pytest.param(
        """\
void start(struct handle *h)
{
	h->count = 0;
	for (;;) {
		lock(h->owner);
		if (!h->owner->busy)
			break;
		unlock(h->owner);
	}
	trace(h->owner);
}
""",
        f"	trace(h->owner);\n{SAVE}}}",
        id="at-the-end-of-the-body",
    ),
    pytest.param(
        """\
int start(struct handle *h)
{
	lock(h->owner);
	if (!h->count)
		return 0;
	mark(h->owner);
	return 1;
}
""",
        f"	if (!h->count) {{\n	{SAVE}		return 0;\n	}}\n	mark(h->owner);\n{SAVE}	return 1;",
        id="two-ways-out",
    ),
    pytest.param(
        """\
int start(struct handle *h)
{
	lock(h->owner);

	/* Done. */
	return 0;
}
""",
        f"	lock(h->owner);\n\n{SAVE}\n	/* Done. */\n	return 0;",
        id="above-a-comment",
    ),
]


@pytest.mark.parametrize(("opener", "part"), OPENED)
def test_the_scope_opens_where_the_lock_is_handed_out(opener: str, part: str) -> None:
    text, result = place(opener=opener)
    assert part in after(text, result)


CLOSED = [
    pytest.param(
        """\
void stop(struct handle *h)
{
	if (h->count)
		unlock(h->owner);
	else
		unlock(h->other);
}
""",
        f"	if (h->count) {{\n	{RESTORE}		unlock(h->owner);\n	}} else {{\n"
        f"	{RESTORE}		unlock(h->other);\n	}}",
        id="two-releases",
    ),
    pytest.param(
        """\
void stop(struct handle *h)
{
	if (--h->count == 0)
		unlock(h->owner);
	trace(h);
}
""",
        f"	if (--h->count == 0) {{\n	{RESTORE}		unlock(h->owner);\n	}}\n	trace(h);",
        id="ways-that-meet-again",
    ),
    pytest.param(
        """\
void stop(struct handle *h)
{
	struct s *p = h->owner;

	p->current = NULL;
	commit(p, h);
	unlock(p);
}
""",
        """\
	struct s *p = h->owner;
	unsigned int nofs;

	p->current = NULL;
	nofs = h->saved;
	commit(p, h);
	memalloc_nofs_restore(nofs);
	unlock(p);
""",
        id="a-handle-that-is-given-away",
    ),
    pytest.param(
        """\
void stop(struct handle *h)
{
	struct s *p = h->owner;

	if (!h->count) {
		unlock(p);
		free_handle(h);
		return;
	}
	free_handle(h);
	unlock(p);
}
""",
        """\
	nofs = h->saved;
	if (!h->count) {
		memalloc_nofs_restore(nofs);
		unlock(p);
		free_handle(h);
		return;
	}
	free_handle(h);
	memalloc_nofs_restore(nofs);
	unlock(p);
""",
        id="given-away-before-one-of-two-releases",
    ),
]


@pytest.mark.parametrize(("closer", "part"), CLOSED)
def test_the_scope_closes_where_the_lock_is_released(closer: str, part: str) -> None:
    text, result = place(closer=closer)
    assert part in after(text, result)


OPENERS = [
    pytest.param(
        OPENER.replace("	h->owner = p;", "	if (p->half)\n		unlock(p);"),
        "this way out is reached with the lock held and without it",
        id="held-or-not",
    ),
    pytest.param(
        OPENER.replace("	lock(p);", "	if (lock_killable(p))\n		return NULL;"),
        "whether lock_killable() took the lock depends on its result",
        id="a-lock-that-may-fail",
    ),
    pytest.param(
        OPENER.replace("	return h;", "	return begun(h);"),
        "this way out calls something before it hands the lock out",
        id="a-call-in-the-return",
    ),
    pytest.param(
        OPENER.replace("	h->owner = p;", "	unlock(p);"),
        "no way out of this function hands the lock out",
        id="handed-out-nowhere",
    ),
    pytest.param(
        OPENER.replace("	struct handle *h;", "	struct other *h;"),
        "h points to struct other",
        id="another-type",
    ),
    pytest.param(
        OPENER.replace("	struct handle *h;", "	struct handle **h;"),
        "h is not known to be a pointer",
        id="a-pointer-to-a-pointer",
    ),
    pytest.param(
        OPENER.replace("	lock(p);", "	lock(p);\n	p->nofs = memalloc_nofs_save();"),
        "a scope is open here already",
        id="a-scope-of-its-own",
    ),
]

CLOSERS = [
    pytest.param(
        CLOSER.replace("	free_handle(h);", "	unlock(h->other);"),
        "behind this line, the lock may be released once more",
        id="released-twice",
    ),
    pytest.param(
        CLOSER.replace("	finish(h->owner);", "	lock(h->owner);"),
        "the function takes the lock itself",
        id="its-own-lock",
    ),
    pytest.param(
        CLOSER.replace("	unlock(h->owner);\n", ""),
        "this function releases no lock of its caller",
        id="nothing-is-released",
    ),
    pytest.param(
        CLOSER.replace("	unlock(h->owner);", "	err = err ?: unlock(h->owner);"),
        "releases the lock inside of a larger expression",
        id="in-an-expression",
    ),
    pytest.param(
        CLOSER.replace(
            "	finish(h->owner);", "	if (err)\n		goto out;\n	finish(h);\nout:"
        ),
        "the cookie cannot be copied before the handle is given away",
        id="a-jump-past-the-copy",
    ),
    pytest.param(
        CLOSER.replace("stop(struct handle *h)", "stop(struct other *h)"),
        "h points to struct other",
        id="another-type",
    ),
    pytest.param(
        CLOSER.replace("	free_handle", "	memalloc_nofs_restore(err);\n	free_handle"),
        "a scope is open here already",
        id="a-scope-of-its-own",
    ),
]


@pytest.mark.parametrize(("structure", "reason"), refusals("structures-refused"))
def test_other_structures_are_refused(structure: str, reason: str) -> None:
    _, result = place(structure=structure)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


@pytest.mark.parametrize(("opener", "reason"), OPENERS)
def test_other_openers_are_refused(opener: str, reason: str) -> None:
    assert opener != OPENER
    _, result = place(opener=opener)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


@pytest.mark.parametrize(("closer", "reason"), CLOSERS)
def test_other_closers_are_refused(closer: str, reason: str) -> None:
    assert closer != CLOSER
    _, result = place(closer=closer)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


def test_an_anchor_without_ends_is_refused() -> None:
    parsed = read(f"{STRUCT}\n{OPENER}\n{CLOSER}")
    anchor = anchor_of(end_of(parsed, "start", True))
    result = scope_edits({parsed.source.path: parsed}, anchor, around_of(parsed))
    assert isinstance(result, NotPlaced) and "ends are not given" in str(result)
