"""Where lines go and how they look: declarations, names, comments, headers, line ends."""

# ruff: noqa: E101 (kernel text aligns behind tabs)

from __future__ import annotations

import pytest

from convert.flow.placement.model import AnchorKind
from convert.rules.placing.hidden import cookie_names, jumping_macros
from convert.rules.placing.including import files_with_header
from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import edited, place, read, short
from tests.semantics.trees import MemoryTree

BODY = """\
	lock(p);
	g(p);
	unlock(p);
	return 0;
}
"""

DECLARATIONS = [
    pytest.param(
        """\
	struct s *first = p;
	int second;
""",
        """\
	struct s *first = p;
	unsigned int nofs;
	int second;
""",
        id="shorter-from-line-to-line",
    ),
    pytest.param(
        """\
	int second;
	struct s *first = p;
""",
        """\
	int second;
	struct s *first = p;
	unsigned int nofs;
""",
        id="in-no-order",
    ),
    pytest.param(
        "	int a;\n",
        """\
	int a;
	unsigned int nofs;
""",
        id="one",
    ),
    pytest.param(
        """\
	struct s	*first = p;
	int		b;
""",
        """\
	struct s	*first = p;
	unsigned int	nofs;
	int		b;
""",
        id="in-columns-and-shorter",
    ),
    pytest.param(
        """\
	struct a_long_name	*first = p;
	struct a_long_name	*second = p->next;
""",
        """\
	struct a_long_name	*first = p;
	struct a_long_name	*second = p->next;
	unsigned int		nofs;
""",
        id="in-columns",
    ),
    pytest.param(
        "	int	a;\n",
        """\
	int	a;
	unsigned int	nofs;
""",
        id="columns-that-are-too-narrow",
    ),
    pytest.param(
        """\
	struct s *first = p;	/* one */
	int second;		/* two */
""",
        """\
	struct s *first = p;	/* one */
	int second;		/* two */
	unsigned int nofs;
""",
        id="comments-behind",
    ),
    pytest.param(
        """\
	struct s *first =
		p->first;
	int second;
""",
        """\
	struct s *first =
		p->first;
	int second;
	unsigned int nofs;
""",
        id="over-two-lines",
    ),
    pytest.param(
        """\
	int a;
#ifdef CONFIG_X
	int b;
#endif
""",
        """\
	int a;
	unsigned int nofs;
#ifdef CONFIG_X
	int b;
#endif
""",
        id="in-all-variants",
    ),
    pytest.param(
        """\
#ifdef CONFIG_X
	int b;
#endif
""",
        """\
	unsigned int nofs;
#ifdef CONFIG_X
	int b;
#endif
""",
        id="only-in-one-variant",
    ),
]

NAMES = [
    pytest.param("	int a;\n", ("memalloc",), "memalloc", id="the-filesystem-s"),
    pytest.param("	int memalloc;\n", ("memalloc",), "nofs_flags", id="in-use-as-a-variable"),
    pytest.param("	int nofs_flags = p->nofs_flag;\n", (), "nofs_saved", id="in-use-as-a-member"),
    pytest.param("	int a;\n", (), "nofs_flags", id="none-seen"),
]

HEADERS = [
    pytest.param(
        """\
#include <linux/fs.h>
#include <linux/slab.h>
""",
        """\
#include <linux/fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
""",
        id="in-order",
    ),
    pytest.param(
        """\
#include <linux/slab.h>
#include <linux/fs.h>

#include <asm/page.h>
""",
        """\
#include <linux/slab.h>
#include <linux/fs.h>
#include <linux/sched/mm.h>

#include <asm/page.h>
""",
        id="behind-a-group-without-order",
    ),
    pytest.param(
        """\
#include <linux/slab.h>
#include <linux/writeback.h>
""",
        """\
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/writeback.h>
""",
        id="first-in-order",
    ),
    pytest.param(
        """\
#include <linux/fs.h>
#ifdef CONFIG_X
#include <linux/x.h>
#endif
""",
        """\
#include <linux/fs.h>
#include <linux/sched/mm.h>
#ifdef CONFIG_X
#include <linux/x.h>
#endif
""",
        id="not-under-a-condition",
    ),
    pytest.param(
        '#include "a.h"\n',
        """\
#include <linux/sched/mm.h>

#include "a.h"
""",
        id="in-front-of-own-headers",
    ),
    pytest.param(
        "#include <linux/sched/mm.h>\n", "#include <linux/sched/mm.h>\n", id="there-already"
    ),
]


@pytest.mark.parametrize(("before", "after"), DECLARATIONS)
def test_the_cookie_is_declared_as_others_are(before: str, after: str) -> None:
    text = f"int f(struct s *p)\n{{\n{before}\n{BODY}"
    result = edited(text, place(text))
    assert result.startswith(f"int f(struct s *p)\n{{\n{after}\n	lock(p);\n")


def test_a_missing_empty_line_is_added() -> None:
    text = f"int f(struct s *p)\n{{\n	int a;\n{BODY}"
    assert """\
	int a;
	unsigned int nofs;

	lock(p);
""" in edited(text, place(text))


@pytest.mark.parametrize(("declared", "seen", "name"), NAMES)
def test_the_cookie_s_name_is_free(declared: str, seen: tuple[str, ...], name: str) -> None:
    result = place(f"int f(struct s *p)\n{{\n{declared}\n{BODY}", cookies=seen)
    assert isinstance(result, Placed)
    assert result.cookie == name


def test_without_a_free_name_it_is_refused() -> None:
    text = f"int f(struct s *p)\n{{\n	int nofs, nofs_flag, nofs_flags, nofs_saved;\n\n{BODY}"
    result = place(text)
    assert isinstance(result, NotPlaced)
    assert result.missing == "every name for the cookie is in use"


def test_a_macro_s_name_is_not_taken() -> None:
    result = place(f"#define nofs 1\nint f(struct s *p)\n{{\n{BODY}")
    assert isinstance(result, Placed)
    assert result.cookie == "nofs_flags"


@pytest.mark.parametrize(("before", "after"), HEADERS)
def test_the_header_is_included(before: str, after: str) -> None:
    text = f"{before}\nint f(struct s *p)\n{{\n{BODY}"
    result = place(text, with_header=False)
    assert edited(text, result).startswith(f"{after}\nint f")
    assert isinstance(result, Placed)
    assert result.include == (before != after)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="no-line-at-all"),
        pytest.param(
            """\
#ifdef X
#include <linux/fs.h>
#endif
""",
            id="only-under-a-condition",
        ),
        pytest.param(
            """\
#include <linux/fs.h> /* one
two */
""",
            id="a-comment-that-goes-on",
        ),
    ],
)
def test_without_a_plain_place_for_the_header_it_is_refused(before: str) -> None:
    result = place(f"{before}int f(struct s *p)\n{{\n{BODY}", with_header=False)
    assert str(result) == "fs/toy/a.c:1: no plain place for #include <linux/sched/mm.h>"


def test_headers_of_the_own_directory_bring_it() -> None:
    tree = MemoryTree(
        {
            "fs/toy/a.c": '#include "a.h"\n',
            "fs/toy/a.h": """\
#ifndef A_H
#define A_H
#include "b.h"
#endif
""",
            "fs/toy/b.h": "#include <linux/sched/mm.h>\n",
            "fs/toy/c.c": "#include <linux/fs.h>\n",
            "fs/toy/d.c": """\
#ifdef X
#include "b.h"
#endif
""",
            "fs/toy/lib/e.c": '#include "b.h"\n',
            "include/linux/fs.h": "#include <linux/sched/mm.h>\n",
        }
    )
    paths = [path for path in tree.files("fs/toy") if path.endswith(".c")]
    found = files_with_header(tree, paths, "linux/sched/mm.h", ("fs/toy",))
    assert found == {"fs/toy/a.c", "fs/toy/lib/e.c"}


def test_line_ends_stay_as_they_are() -> None:
    text = f"#include <linux/fs.h>\n\nint f(struct s *p)\n{{\n	int a;\n\n{BODY}".replace(
        "\n", "\r\n"
    )
    after = edited(text, place(text, with_header=False))
    assert after.count("\n") == after.count("\r\n") == text.count("\n") + 4


def test_all_other_bytes_stay() -> None:
    text = f"/* \xe4\xf6 \x0c */\nint  f (struct s*p)\n{{\n{BODY}\n\n\n \t\nint x ;"
    after = edited(text, place(text))
    lines = after.split("\n")
    added = [line for line in lines if "nofs" in line]
    assert len(added) == 3
    kept = after
    for line in added:
        kept = kept.replace(f"{line}\n", "", 1)
    assert kept == text.replace(
        "{\n",
        """\
{

""",
        1,
    )


COMMENTS = [
    pytest.param("Reclaim takes it.", "	/* Reclaim takes it. */\n", id="one-line"),
    pytest.param(
        "Reclaim takes this lock to write what it evicts, so nothing that is allocated while it is "
        "held may enter the filesystem.",
        """\

	/*
	 * Reclaim takes this lock to write what it evicts, so nothing that is
	 * allocated while it is held may enter the filesystem.
	 */
""",
        id="several-lines",
    ),
]


@pytest.mark.parametrize(("words", "lines"), COMMENTS)
def test_a_comment_stands_above_the_save(words: str, lines: str) -> None:
    text = f"int f(struct s *p)\n{{\n{BODY}"
    after = edited(text, place(text, comment=words))
    assert after == short(
        """\
int f(struct s *p)
{
	unsigned int nofs;

	lock(p);
"""
        + lines
        + """\
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return 0;
}
"""
    )


def test_a_comment_stands_above_the_first_save_only() -> None:
    twice = (
        """\
	lock(p);
	g(p);
	unlock(p);
"""
        * 2
    )
    after = place(f"int f(struct s *p)\n{{\n{twice}	return 0;\n}}\n", comment="Once.")
    assert edited(f"int f(struct s *p)\n{{\n{twice}	return 0;\n}}\n", after).count("Once.") == 1


def test_a_whole_function_with_a_comment() -> None:
    text = """\
void f(struct s *p)
{
	int a;

	g(p);
}
"""
    after = edited(text, place(text, AnchorKind.WORKER, comment="Reclaim waits for this."))
    assert (
        """\


	/* Reclaim waits for this. */
	nofs = memalloc_nofs_save();
	g(p);
"""
        in after
    )


def test_labels_are_set_as_the_file_sets_them() -> None:
    text = """\
int g(int a)
{
	if (a)
		goto bad;
	a = 1;

 bad:
	return a;
}

int f(struct s *p)
{
	int err;

	err = g(p);
	if (err)
		return err;
	err = h(p);
	return err;
}
"""
    after = edited(text, place(text, AnchorKind.PHASE))
    assert (
        """\
	err = h(p);

 out_restore:
	memalloc_nofs_restore(nofs);
	return err;
"""
        in after
    )


def test_macros_that_jump_and_those_that_use_them() -> None:
    parsed = read(
        """\
#define A(x) do { if (x) return; } while (0)
#define B(x) A(x)
#define C(x) (x)
#define D(x) printk("return %d", x) /* goto */
#define E(x) \\
	goto x
"""
    )
    assert jumping_macros([parsed.source]) == {"A", "B", "E"}


def test_names_of_cookies_by_how_often_they_are_used() -> None:
    text = """\
a = save();
	nofs_b = save ();
x->nofs_c = save();
nofs_d = save();
nofs_d = save();
"""
    assert cookie_names([text], "save") == ("nofs_d", "nofs_b")
