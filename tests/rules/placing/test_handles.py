"""A member for the cookie of a handle, with an opener and a closer."""

from __future__ import annotations

import pytest

from convert.flow.placement.model import Anchor, AnchorKind
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.model import NotPlaced, Placed
from convert.source.edits import apply_edits
from tests.rules.placing.run import around_of, function_of, offsets, read

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
	h->owner = p;
	return h;
}
"""
CLOSER = """\
int stop(struct handle *h)
{
	int err = h->err;

	finish(h);
	free_handle(h);
	return err;
}
"""
SAVE = "	h->saved = memalloc_nofs_save();\n"
RESTORE = "	memalloc_nofs_restore(h->saved);\n"


def place(
    structure: str = STRUCT, opener: str = OPENER, closer: str = CLOSER, frees: str = "free_handle"
) -> tuple[str, Placed | NotPlaced]:
    """All three in one file."""
    text = f"{structure}\n{opener}\n{closer}"
    parsed = read(text)
    start, stop = function_of(parsed, "start"), function_of(parsed, "stop")
    anchor = Anchor(
        AnchorKind.HANDLE,
        parsed.source.path,
        "start",
        start.span.start,
        offsets(start, ("new_handle",)),
        offsets(stop, (frees,)),
        "struct handle",
        "saved",
        (parsed.source.path, "stop", stop.span.start),
    )
    return text, scope_edits({parsed.source.path: parsed}, anchor, around_of(parsed))


def after(text: str, result: Placed | NotPlaced) -> str:
    """The text with the edits made."""
    assert isinstance(result, Placed), str(result)
    (edits,) = result.edits.values()
    return apply_edits(text, edits)


def test_a_handle_carries_the_cookie() -> None:
    text, result = place()
    assert after(text, result) == (
        STRUCT.replace(
            "};\n",
            """\
	unsigned int saved;
};
""",
        )
        + "\n"
        + OPENER.replace("	h->owner", f"{SAVE}	h->owner")
        + "\n"
        + CLOSER.replace("	free_handle", f"{RESTORE}	free_handle")
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
    start, stop = (
        function_of(files["fs/toy/start.c"], "start"),
        function_of(files["fs/toy/stop.c"], "stop"),
    )
    anchor = Anchor(
        AnchorKind.HANDLE,
        "fs/toy/start.c",
        "start",
        start.span.start,
        offsets(start, ("new_handle",)),
        offsets(stop, ("free_handle",)),
        "struct handle",
        "saved",
        ("fs/toy/stop.c", "stop", stop.span.start),
    )
    result = scope_edits(files, anchor, around_of(*files.values()))
    assert isinstance(result, Placed), str(result)
    assert sorted(result.edits) == sorted(files)


MEMBERS = [
    pytest.param(
        """\
struct handle {
	struct s	*owner;
	int		count;
};
""",
        """\
	int		count;
	unsigned int	saved;
};
""",
        id="in-columns",
    ),
    pytest.param(
        """\
struct handle {
	struct s	*owner;	/* who started it */
	int		count;	/* of users */
};
""",
        """\
	unsigned int	saved;	/* allocation context to restore */
};
""",
        id="comments-behind",
    ),
    pytest.param(
        """\
struct handle {
	/* Who started it. */
	struct s *owner;

	/* Users. */
	int count;
};
""",
        """\
	int count;

	/* allocation context to restore */
	unsigned int saved;
};
""",
        id="comments-above",
    ),
    pytest.param(
        """\
struct handle {
	int count;
	u8 data[];
};
""",
        """\
	int count;
	unsigned int saved;
	u8 data[];
};
""",
        id="in-front-of-a-flexible-array",
    ),
    pytest.param(
        """\
/**
 * struct handle - a handle
 * @owner: who started it
 * @count: users
 *
 * More.
 */
struct handle {
	struct s *owner;
	int count;
};
""",
        """\
 * @count: users
 * @saved: allocation context to restore
 *
 * More.
 */
struct handle {
	struct s *owner;
	int count;
	unsigned int saved;
};
""",
        id="documented-above",
    ),
]


@pytest.mark.parametrize(("structure", "part"), MEMBERS)
def test_the_member_is_set_as_its_neighbours_are(structure: str, part: str) -> None:
    text, result = place(structure=structure)
    assert part in after(text, result)


STRUCTURES = [
    pytest.param(
        """\
struct other {
	int a;
};
""",
        "not declared once",
        id="another-structure",
    ),
    pytest.param(
        """\
struct handle {
	int a;
#ifdef X
	int b;
#endif
};
""",
        "struct handle",
        id="a-member-under-a-condition",
    ),
    pytest.param(
        """\
struct handle {
	__le32 a;
};
""",
        "layout",
        id="on-disk",
    ),
    pytest.param(
        """\
struct handle {
	int saved;
};
""",
        "a scope is open",
        id="the-member-is-there",
    ),
    pytest.param(
        """\
struct handle {
	u8 data[];
};
""",
        "flexible",
        id="nothing-but-an-array",
    ),
    pytest.param(
        """\
struct handle {
	int a;
	union {
		int b;
		int c;
	};
};
""",
        "without a name",
        id="a-nameless-union",
    ),
    pytest.param(
        """\
struct handle {
	int a, b; };
""",
        "more than one",
        id="a-brace-in-the-line",
    ),
]

OPENERS = [
    pytest.param(
        OPENER.replace(
            "	return h;",
            """\
	if (attach(h)) {
		free_handle(h);
		return NULL;
	}
	return h;""",
        ),
        "free_handle(h) frees the handle while its scope is open",
        id="freed-on-an-error",
    ),
    pytest.param(
        OPENER.replace(
            "	return h;",
            """\
	if (attach(h))
		return NULL;
	return h;""",
        ),
        "this way out loses the handle",
        id="lost-on-an-error",
    ),
    pytest.param(
        OPENER.replace(
            """\
	if (!h)
		return NULL;
""",
            "",
        ),
        "whether h is a valid handle is not tested",
        id="not-tested",
    ),
    pytest.param(
        OPENER.replace("	h = new_handle(p);", "	p->h = new_handle(p);"),
        "the handle is not put into a variable",
        id="into-a-member",
    ),
    pytest.param(
        OPENER.replace("	h->owner = p;", "	h = wrap(h);"),
        "h is assigned anew",
        id="assigned-anew",
    ),
    pytest.param(
        OPENER.replace("	struct handle *h;", "	struct other *h;"),
        "h points to struct other",
        id="another-type",
    ),
]

CLOSERS = [
    pytest.param(
        CLOSER.replace("	return err;", "	finish(NULL);\n	return err;"),
        "the handle is freed before the closer's last statement",
        id="freed-early",
    ),
    pytest.param(
        CLOSER.replace("	finish(h);", "	if (!h->count)\n		return 0;"),
        "is reached inside and outside of the scope",
        id="a-way-without-the-free",
    ),
    pytest.param(
        CLOSER.replace("	free_handle(h);", "	if (err)\n		free_handle(h);"),
        "is no plain statement",
        id="freed-on-a-condition",
    ),
    pytest.param(
        CLOSER.replace("	finish(h);", "	h = h->outer;"),
        "h is assigned in the closer",
        id="assigned",
    ),
    pytest.param(
        CLOSER.replace("	free_handle(h);", "	free_handle(h);\n	free_handle(h);"),
        "not one call makes the handle and one frees it",
        id="freed-twice",
    ),
    pytest.param(
        CLOSER.replace("free_handle(h)", "free_handle(h->owner)"),
        "which argument is the struct handle is not known",
        id="something-else-is-freed",
    ),
    pytest.param(
        CLOSER.replace("stop(struct handle *h)", "stop(struct s *p)").replace(
            "	int err = h->err;", "	struct handle *h = p->h;\n	int err = h->err;"
        ),
        "h is no parameter of the closer",
        id="not-a-parameter",
    ),
]


@pytest.mark.parametrize(("structure", "reason"), STRUCTURES)
def test_other_structures_are_refused(structure: str, reason: str) -> None:
    _, result = place(structure=structure)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


@pytest.mark.parametrize(("opener", "reason"), OPENERS)
def test_other_openers_are_refused(opener: str, reason: str) -> None:
    _, result = place(opener=opener)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


@pytest.mark.parametrize(("closer", "reason"), CLOSERS)
def test_other_closers_are_refused(closer: str, reason: str) -> None:
    _, result = place(closer=closer)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)
