"""Nofail scopes beside the nofs scopes of workers, whose cookies are local variables."""

from __future__ import annotations

import pytest

from convert.nofail.api import nofail_api, texts_after
from convert.nofail.sections import Runners
from convert.nofail.twins import TwinFinder, Twins
from convert.semantics.scopes import scope_table
from convert.sites.sources import Sources
from convert.source.edits import apply_edits
from convert.tree.overlay import OverlayTree
from tests.nofail.trees import DIALECT, kernel

PATH = "fs/toy/work.c"
DECLARED = """\
static void worker(struct work_struct *work)
{
	struct toy *toy = toy_of(work);
	unsigned int	nofs_flags;
	int error;

	nofs_flags = memalloc_nofs_save();
	error = run(toy);
	if (error) {
		memalloc_nofs_restore(nofs_flags);
		return;
	}
	finish(toy);
	memalloc_nofs_restore(nofs_flags);
}
"""
DECLARED_AFTER = """\
static void worker(struct work_struct *work)
{
	struct toy *toy = toy_of(work);
	unsigned int	nofs_flags;
	unsigned int	nofail_flags;
	int error;

	nofs_flags = memalloc_nofs_save();
	nofail_flags = memalloc_nofail_save();
	error = run(toy);
	if (error) {
		memalloc_nofail_restore(nofail_flags);
		memalloc_nofs_restore(nofs_flags);
		return;
	}
	finish(toy);
	memalloc_nofail_restore(nofail_flags);
	memalloc_nofs_restore(nofs_flags);
}
"""
SAVED = """\
static void worker(struct work_struct *work)
{
	unsigned int flags = memalloc_nofs_save();
	int error;

	error = run(toy_of(work));
	memalloc_nofs_restore(flags);
}
"""
SAVED_AFTER = """\
static void worker(struct work_struct *work)
{
	unsigned int flags = memalloc_nofs_save();
	unsigned int nofail_flags = memalloc_nofail_save();
	int error;

	error = run(toy_of(work));
	memalloc_nofail_restore(nofail_flags);
	memalloc_nofs_restore(flags);
}
"""
LABELLED = SAVED.replace(
    "	error = run", "	if (stop)\n\t\tgoto out;\n	error = run"
).replace("	memalloc_nofs_restore", "out:\n	memalloc_nofs_restore")
LABELLED_AFTER = SAVED_AFTER.replace(
    "	error = run", "	if (stop)\n\t\tgoto out;\n	error = run"
).replace("	memalloc_nofail_restore", "out:\n	memalloc_nofail_restore")
SETUP = """
void setup(struct toy *toy)
{
	INIT_WORK(&toy->work, worker);
}
"""


def found(text: str, named: frozenset[str] = frozenset()) -> Twins:
    tree = kernel({PATH: text})
    api = nofail_api(tree, DIALECT)
    after = OverlayTree(tree, texts_after(api, len(api.patches)))
    scopes = scope_table(after, DIALECT).scopes
    sources = Sources(after, ("fs/toy",), lambda: DIALECT)
    runners = Runners(frozenset({"INIT_WORK", "kthread_run"}), named)
    return TwinFinder(sources, scopes["nofs"], scopes["nofail"], runners).find()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(DECLARED, DECLARED_AFTER, id="saved-later"),
        pytest.param(SAVED, SAVED_AFTER, id="saved-where-declared"),
        pytest.param(LABELLED, LABELLED_AFTER, id="restored-behind-a-label"),
    ],
)
def test_the_section_of_a_worker_gets_its_twin(before: str, after: str) -> None:
    twins = found(before + SETUP)
    assert not twins.refused
    assert twins.locals == ()
    assert apply_edits(before + SETUP, twins.edits()[PATH]) == after + SETUP
    assert all(move.local for move in twins.moves)


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("t = kthread_run(worker, toy, name);", id="thread"),
        pytest.param("INIT_WORK(&toy->work, &worker);", id="address-of"),
    ],
)
def test_what_runs_a_function(setup: str) -> None:
    twins = found(SAVED + SETUP.replace("INIT_WORK(&toy->work, worker);", setup))
    assert [move.what for move in twins.moves] == ["save", "restore"]


def test_a_function_that_a_profile_names() -> None:
    twins = found(SAVED, frozenset({"worker"}))
    assert apply_edits(SAVED, twins.edits()[PATH]) == SAVED_AFTER
    assert twins.names == {"flags of worker()": "nofail_flags"}


def test_other_sections_are_left() -> None:
    other = SETUP.replace("worker", "another")
    twins = found(SAVED + other)
    assert twins.moves == ()
    assert [scope.function for scope in twins.locals] == ["worker"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        pytest.param(
            "\tif (error) {\n\t\tmemalloc_nofs_restore(nofs_flags);\n\t\treturn;\n\t}\n",
            "\tif (error)\n\t\tmemalloc_nofs_restore(nofs_flags);\n",
            "without braces",
            id="no-braces",
        ),
        pytest.param(
            "nofs_flags = memalloc_nofs_save();",
            "nofs_flags |= memalloc_nofs_save();",
            "an assignment that is not understood",
            id="or-assigned",
        ),
        pytest.param(
            "\tfinish(toy);\n\tmemalloc_nofs_restore(nofs_flags);",
            "\tfinish(toy);\nout: memalloc_nofs_restore(nofs_flags);",
            "something else stands in the lines",
            id="label-in-the-line",
        ),
        pytest.param("finish(toy);", "finish(nofs_flags);", "line 13 does", id="handed-on"),
        pytest.param("finish(toy);", "finish(&nofs_flags);", "line 13 does", id="address"),
        pytest.param(
            "finish(toy);", "nofs_flags = memalloc_nofs_save();", "not saved once", id="saved-twice"
        ),
        pytest.param(
            "unsigned int	nofs_flags;",
            "unsigned int	nofs_flags, more;",
            "does not stand alone in its line",
            id="two-in-a-line",
        ),
        pytest.param(
            "unsigned int	nofs_flags;",
            "unsigned int	nofs_flags = 0;",
            "does not stand alone in its line",
            id="another-start",
        ),
        pytest.param("int error;", "int nofail_flags;", "the name of something else", id="clash"),
        pytest.param("	unsigned int	nofs_flags;\n", "", "not declared once", id="global"),
        pytest.param(
            "\tfinish(toy);\n",
            "#ifdef CONFIG_A\n\tfinish(toy);\n#endif\n",
            "#if variants",
            id="configuration",
        ),
    ],
)
def test_a_section_that_is_not_understood_is_refused(before: str, after: str, why: str) -> None:
    assert before in DECLARED
    twins = found(DECLARED.replace(before, after) + SETUP)
    assert twins.edits() == {}
    assert twins.moves
    assert all(move.edit is None for move in twins.moves)
    assert all(move.refused.startswith(f"{PATH}:") for move in twins.moves)
    assert all(why in move.refused for move in twins.moves)


def test_a_member_of_the_same_name_is_no_use() -> None:
    text = SAVED.replace("int error;", "int error = toy->flags;") + SETUP
    assert not found(text).refused
