"""Twins of the statements that move a nofs scope's cookie."""

from __future__ import annotations

import pytest

from convert.nofail.api import nofail_api, texts_after
from convert.nofail.twins import TwinFinder, Twins
from convert.semantics.scopes import scope_table
from convert.sites.sources import Sources
from convert.source.edits import apply_edits
from convert.tree.overlay import OverlayTree
from tests.nofail.trees import DIALECT, kernel

HEADER = """\
struct trans {
	int			t_id;
	unsigned long		t_pflags;	/* saved state */
};

static inline void set_context(struct trans *tp)
{
	tp->t_pflags = memalloc_nofs_save();
}

static inline void clear_context(struct trans *tp)
{
	if (tp) {
		memalloc_nofs_restore(tp->t_pflags);
	}
}

static inline void switch_context(struct trans *old, struct trans *new)
{
	new->t_pflags = old->t_pflags;
	old->t_pflags = 0;
}
"""
TWINNED = """\
struct trans {
	int			t_id;
	unsigned long		t_pflags;	/* saved state */
	unsigned long		t_nofail;	/* saved nofail scope */
};

static inline void set_context(struct trans *tp)
{
	tp->t_pflags = memalloc_nofs_save();
	tp->t_nofail = memalloc_nofail_save();
}

static inline void clear_context(struct trans *tp)
{
	if (tp) {
		memalloc_nofail_restore(tp->t_nofail);
		memalloc_nofs_restore(tp->t_pflags);
	}
}

static inline void switch_context(struct trans *old, struct trans *new)
{
	new->t_pflags = old->t_pflags;
	new->t_nofail = old->t_nofail;
	old->t_pflags = 0;
	old->t_nofail = 0;
}
"""
PATH = "fs/toy/trans.h"


def found(text: str, more: str = "") -> Twins:
    tree = kernel({PATH: text, "fs/toy/more.c": more})
    api = nofail_api(tree, DIALECT)
    after = OverlayTree(tree, texts_after(api, len(api.patches)))
    scopes = scope_table(after, DIALECT).scopes
    sources = Sources(after, ("fs/toy",), lambda: DIALECT)
    return TwinFinder(sources, scopes["nofs"], scopes["nofail"]).find()


def test_every_statement_gets_its_twin() -> None:
    twins = found(HEADER)
    assert twins.names == {"t_pflags": "t_nofail"}
    assert [move.what for move in twins.moves] == [
        "member", "save", "restore", "hand over", "reset",
    ]  # fmt: skip
    assert apply_edits(HEADER, twins.edits()[PATH]) == TWINNED


@pytest.mark.parametrize(
    ("member", "twin"),
    [
        pytest.param("t_pflags", "t_nofail", id="prefix"),
        pytest.param("nofs_cookie", "nofail_cookie", id="names-the-scope"),
        pytest.param("savedcontext", "savedcontext_nofail", id="no-prefix"),
    ],
)
def test_names(member: str, twin: str) -> None:
    assert found(HEADER.replace("t_pflags", member)).names == {member: twin}


def test_a_member_that_only_gets_copies_is_a_cookie_as_well() -> None:
    more = """\
struct other {
	unsigned long o_kept;
};
void keep(struct other *o, struct trans *tp)
{
	o->o_kept = tp->t_pflags;
}
"""
    twins = found(HEADER, more)
    assert twins.names == {"o_kept": "o_nofail", "t_pflags": "t_nofail"}
    assert "\to->o_nofail = tp->t_nofail;\n" in apply_edits(more, twins.edits()["fs/toy/more.c"])


def test_scopes_of_local_variables_are_told_and_left() -> None:
    more = """\
void section(void)
{
	unsigned int flags = memalloc_nofs_save();

	work();
	memalloc_nofs_restore(flags);
}
"""
    twins = found(more)
    assert (twins.moves, twins.names) == ((), {})
    assert [(scope.function, scope.variable) for scope in twins.locals] == [("section", "flags")]


def test_a_variable_of_the_same_name_is_no_cookie() -> None:
    twins = found(HEADER, "int f(int t_pflags)\n{\n\treturn t_pflags;\n}\n")
    assert not twins.refused


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        pytest.param(
            "\told->t_pflags = 0;",
            "\tif (old)\n\t\told->t_pflags = 0;",
            "stands alone under a condition, without braces",
            id="no-braces",
        ),
        pytest.param(
            "old->t_pflags = 0;", "old->t_pflags |= 1;", "neither saved, restored", id="bits"
        ),
        pytest.param(
            "old->t_pflags = 0;", "use(old->t_pflags);", "neither saved, restored", id="handed-on"
        ),
        pytest.param(
            "old->t_pflags = 0;", "use(&old->t_pflags);", "neither saved, restored", id="address"
        ),
        pytest.param(
            "memalloc_nofs_restore(tp->t_pflags);",
            "memalloc_nofs_restore(next(tp)->t_pflags);",
            "neither saved, restored",
            id="computed-by-a-call",
        ),
        pytest.param(
            "old->t_pflags = 0;",
            "old->t_pflags = 0; done();",
            "something else stands in the lines",
            id="two-statements-in-a-line",
        ),
        pytest.param(
            "\told->t_pflags = 0;",
            "#ifdef CONFIG_A\n\told->t_pflags = 0;\n#endif",
            "it stands under an #if",
            id="under-if",
        ),
        pytest.param(
            "unsigned long		t_pflags;",
            "unsigned long		t_pflags, t_more;",
            "its declaration does not stand alone",
            id="two-members-in-a-line",
        ),
        pytest.param(
            "\tunsigned long		t_pflags;	/* saved state */\n",
            "",
            "declared in none of the files",
            id="declared-elsewhere",
        ),
        pytest.param(
            "struct trans {",
            "struct other {\n\tunsigned long t_pflags;\n};\nstruct trans {",
            "members of more than one structure",
            id="two-structures",
        ),
        pytest.param(
            "int			t_id;",
            "int			t_nofail;",
            "is the name of something else",
            id="clash",
        ),
    ],
)
def test_what_is_not_understood_refuses_the_member(before: str, after: str, why: str) -> None:
    assert before in HEADER
    twins = found(HEADER.replace(before, after))
    assert twins.refused == {"t_pflags"}
    assert twins.edits() == {}
    reasons = [move.refused for move in twins.moves if move.edit is None]
    assert any(why in reason and reason.startswith(f"{PATH}:") for reason in reasons), reasons


def test_a_use_in_a_macro_refuses_the_member() -> None:
    twins = found(HEADER, "#define cookie_of(tp) ((tp)->t_pflags)\n")
    assert twins.refused == {"t_pflags"}
