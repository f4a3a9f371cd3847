"""A member for the cookie of a handle, with an opener and a closer."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from convert.flow.placement.model import Anchor, AnchorKind
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.model import NotPlaced, Placed
from convert.source.edits import apply_edits
from convert.source.parse import ParsedFile
from tests.rules.placing.run import PATH, around_of, function_of, offsets, read
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


def anchor(files: Mapping[str, ParsedFile], opener: str, closer: str) -> Anchor:
    """From ``start()`` to ``stop()``, by the paths of their files."""
    start, stop = function_of(files[opener], "start"), function_of(files[closer], "stop")
    return Anchor(
        AnchorKind.HANDLE,
        opener,
        "start",
        start.span.start,
        offsets(start, ("new_handle",)),
        offsets(stop, ("free_handle",)),
        "struct handle",
        "saved",
        (closer, "stop", stop.span.start),
    )


def place(
    structure: str = STRUCT, opener: str = OPENER, closer: str = CLOSER
) -> tuple[str, Placed | NotPlaced]:
    """All three in one file."""
    text = f"{structure}\n{opener}\n{closer}"
    files = {PATH: read(text)}
    return text, scope_edits(files, anchor(files, PATH, PATH), around_of(files[PATH]))


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
    wanted = anchor(files, "fs/toy/start.c", "fs/toy/stop.c")
    result = scope_edits(files, wanted, around_of(*files.values()))
    assert isinstance(result, Placed), str(result)
    assert sorted(result.edits) == sorted(files)


@pytest.mark.parametrize(("structure", "changed"), rewrites("structures"))
def test_the_member_is_set_as_its_neighbours_are(structure: str, changed: str) -> None:
    text, result = place(structure=structure)
    assert after(text, result).startswith(f"{changed}\nstruct handle *start(")


# What is changed in the opener or the closer, and why no scope is placed then.
CHANGES = [
    pytest.param(
        OPENER,
        "	return h;",
        "	if (attach(h)) {\n		free_handle(h);\n		return NULL;\n	}\n	return h;",
        "free_handle(h) frees the handle while its scope is open",
        id="freed-on-an-error",
    ),
    pytest.param(
        OPENER,
        "	return h;",
        "	if (attach(h))\n		return NULL;\n	return h;",
        "this way out loses the handle",
        id="lost-on-an-error",
    ),
    pytest.param(
        OPENER,
        "	if (!h)\n		return NULL;\n",
        "",
        "whether h is a valid handle is not tested",
        id="not-tested",
    ),
    pytest.param(
        OPENER,
        "	h = new_handle(p);",
        "	p->h = new_handle(p);",
        "the handle is not put into a variable",
        id="into-a-member",
    ),
    pytest.param(OPENER, "h->owner = p;", "h = wrap(h);", "h is assigned anew", id="assigned-anew"),
    pytest.param(
        OPENER,
        "	struct handle *h;",
        "	struct other *h;",
        "h points to struct other",
        id="another-type",
    ),
    pytest.param(
        CLOSER,
        "	return err;",
        "	finish(NULL);\n	return err;",
        "the handle is freed before the closer's last statement",
        id="freed-early",
    ),
    pytest.param(
        CLOSER,
        "finish(h);",
        "if (!h->count)\n		return 0;",
        "is reached inside and outside of the scope",
        id="a-way-without-the-free",
    ),
    pytest.param(
        CLOSER,
        "	free_handle(h);",
        "	if (err)\n		free_handle(h);",
        "is no plain statement",
        id="freed-on-a-condition",
    ),
    pytest.param(
        CLOSER, "finish(h);", "h = h->outer;", "h is assigned in the closer", id="assigned"
    ),
    pytest.param(
        CLOSER,
        "	free_handle(h);",
        "	free_handle(h);\n	free_handle(h);",
        "not one call makes the handle and one frees it",
        id="freed-twice",
    ),
    pytest.param(
        CLOSER,
        "free_handle(h)",
        "free_handle(h->owner)",
        "which argument is the struct handle is not known",
        id="something-else-is-freed",
    ),
    pytest.param(
        CLOSER,
        "stop(struct handle *h)\n{\n",
        "stop(struct s *p)\n{\n	struct handle *h = p->h;\n",
        "h is no parameter of the closer",
        id="not-a-parameter",
    ),
]


@pytest.mark.parametrize(("structure", "reason"), refusals("structures-refused"))
def test_other_structures_are_refused(structure: str, reason: str) -> None:
    _, result = place(structure=structure)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


@pytest.mark.parametrize(("function", "old", "new", "reason"), CHANGES)
def test_other_openers_and_closers_are_refused(
    function: str, old: str, new: str, reason: str
) -> None:
    assert function.count(old) == 1
    changed = {function: function.replace(old, new)}
    _, result = place(opener=changed.get(OPENER, OPENER), closer=changed.get(CLOSER, CLOSER))
    assert isinstance(result, NotPlaced)
    assert reason in str(result)
