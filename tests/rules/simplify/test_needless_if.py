"""`if (p) kfree(p);` and what only looks like it."""

from __future__ import annotations

import pytest

from convert.rules.model import Kept, Refused
from tests.rules.simplify.table import check_left, check_rewrite, file_with, outcome

NAME = "needless-if"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("\tif (p)\n\t\tkfree(p);\n", "\tkfree(p);\n", id="two lines"),
        pytest.param("\tif (p)\n\t\tkvfree(p);\n", "\tkvfree(p);\n", id="kvfree"),
        pytest.param("\tif (p) kfree(p);\n", "\tkfree(p);\n", id="one line"),
        pytest.param("\tif (p) {\n\t\tkfree(p);\n\t}\n", "\tkfree(p);\n", id="braces"),
        pytest.param("\tif (p != NULL)\n\t\tkfree(p);\n", "\tkfree(p);\n", id="not NULL"),
        pytest.param("\tif (NULL != p)\n\t\tkfree(p);\n", "\tkfree(p);\n", id="NULL first"),
        pytest.param("\tif ((p))\n\t\tkfree(p);\n", "\tkfree(p);\n", id="two parentheses"),
        pytest.param("\tif (x->data)\n\t\tkfree(x->data);\n", "\tkfree(x->data);\n", id="a member"),
        pytest.param(
            "\tif (x->items[n])\n\t\tkfree(x->items[n]);\n",
            "\tkfree(x->items[n]);\n",
            id="an element",
        ),
        pytest.param("\tif (p)\n\t\tkfree((void *)p);\n", "\tkfree((void *)p);\n", id="a cast"),
        pytest.param(
            "out:\n\tif (p)\n\t\tkfree(p);\n".replace("out:", "\tgoto out;\nout:"),
            "\tgoto out;\nout:\n\tkfree(p);\n",
            id="behind a label",
        ),
        pytest.param(
            "\tif (n)\n\t\tg();\n\telse if (p)\n\t\tkfree(p);\n",
            "\tif (n)\n\t\tg();\n\telse\n\t\tkfree(p);\n",
            id="else if",
        ),
        pytest.param(
            "\tif (n) {\n\t\tg();\n\t} else if (p) {\n\t\tkfree(p);\n\t}\n",
            "\tif (n) {\n\t\tg();\n\t} else {\n\t\tkfree(p);\n\t}\n",
            id="else if with braces",
        ),
        pytest.param(
            "\twhile (n--)\n\t\tif (p[n])\n\t\t\tkfree(p[n]);\n",
            "\twhile (n--)\n\t\tkfree(p[n]);\n",
            id="in a loop",
        ),
        pytest.param(
            "\tif (x->items[n]) {\n\t\tkfree(\n\t\t\tx->items[n]);\n\t}\n",
            "\tkfree(\n\t\tx->items[n]);\n",
            id="a free over two lines",
        ),
        pytest.param(
            "\tif (p)\n\t\tkfree(p);\t/* all of it */\n",
            "\tkfree(p);\t/* all of it */\n",
            id="a comment behind",
        ),
        pytest.param(
            "\tif (p)\n\t\tkfree(p);\n\tif (q)\n\t\tkfree(q);\n\tkfree(r);\n",
            "\tkfree(p);\n\tkfree(q);\n\tkfree(r);\n",
            id="several",
        ),
    ],
)
def test_rewrites(before: str, after: str) -> None:
    check_rewrite(NAME, before, after)


@pytest.mark.parametrize(
    ("body", "keyword", "kind"),
    [
        pytest.param("\tif (p)\n\t\tkfree(p);\n\telse\n\t\tg();\n", "else", Kept, id="else"),
        pytest.param(
            "\tif (p)\n\t\tkfree(p);\n\telse if (q)\n\t\tg();\n", "else", Kept, id="else if behind"
        ),
        pytest.param("\tif (p)\n\t\tkfree(q);\n", "another one", Kept, id="another pointer"),
        pytest.param("\tif (!p)\n\t\tkfree(p);\n", "another one", Kept, id="NULL only"),
        pytest.param("\tif (p == NULL)\n\t\tkfree(p);\n", "another one", Kept, id="equals NULL"),
        pytest.param("\tif (p && n)\n\t\tkfree(p);\n", "another one", Kept, id="and more"),
        pytest.param("\tif (p || n)\n\t\tkfree(p);\n", "another one", Kept, id="or more"),
        pytest.param("\tif (x)\n\t\tkfree(x->data);\n", "another one", Kept, id="its holder"),
        pytest.param("\tif (x->data)\n\t\tkfree(x);\n", "another one", Kept, id="its member"),
        pytest.param("\tif (p != q)\n\t\tkfree(p);\n", "another one", Kept, id="another value"),
        pytest.param("\tif (n)\n\t\tkfree(p);\n", "another one", Kept, id="a flag"),
        pytest.param("\tif (p++)\n\t\tkfree(p);\n", "more than look", Kept, id="increment"),
        pytest.param("\tif ((p = q))\n\t\tkfree(p);\n", "more than look", Kept, id="assignment"),
        pytest.param("\tif (likely(p))\n\t\tkfree(p);\n", "more than look", Kept, id="a hint"),
        pytest.param("\tif (g(p))\n\t\tkfree(p);\n", "more than look", Kept, id="call"),
        pytest.param("\tif (*g())\n\t\tkfree(*g());\n", "more than look", Kept, id="call inside"),
        pytest.param(
            "\tif (p) /* from g() */\n\t\tkfree(p);\n", "comment", Refused, id="comment at the test"
        ),
        pytest.param(
            "\tif (p) {\n\t\t/* from g() */\n\t\tkfree(p);\n\t}\n",
            "comment",
            Refused,
            id="comment before the free",
        ),
        pytest.param(
            "\tif (p) {\n\t\tkfree(p); /* from g() */\n\t}\n",
            "comment",
            Refused,
            id="comment inside the braces",
        ),
        pytest.param(
            "\tif (p)\n#ifdef A\n\t\tkfree(p);\n#else\n\t\tkfree(p);\n#endif\n",
            "variants",
            Refused,
            id="#if between",
        ),
        pytest.param(
            "#define FREE(p)	do { if (p) kfree(p); } while (0)\n", "macro", Refused, id="macro"
        ),
        pytest.param(
            "\tif (p)\n\t\tif (p)\n\t\t\tkfree(p);\n", "same test", Kept, id="twice the same"
        ),
    ],
)
def test_refusals(body: str, keyword: str, kind: type[Kept] | type[Refused]) -> None:
    check_left(NAME, body, keyword, kind)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("\tif (p) {\n\t\tkfree(p);\n\t\tp = NULL;\n\t}\n", id="more than a free"),
        pytest.param("\tif (p)\n\t\tvfree(p);\n", id="vfree may complain about its caller"),
        pytest.param("\tif (p)\n\t\tq = kfree(p);\n", id="no statement"),
        pytest.param("\tkfree(p);\n", id="no test"),
        pytest.param('\tg("if (p) kfree(p);");\n', id="in a string"),
        pytest.param("\t/* if (p) kfree(p); */\n", id="in a comment"),
    ],
)
def test_what_is_no_candidate_has_no_site(body: str) -> None:
    result = outcome(file_with(body), NAME)
    assert result.after == result.before
    assert not result.plan.sites
    assert not result.plan.steps


def test_bytes_outside_stay() -> None:
    text = file_with('\tif (p)\r\n\t\tkfree(p);\r\n\tg("\xe9");   \r\n')
    assert outcome(text, NAME).after == file_with('\tkfree(p);\r\n\tg("\xe9");   \r\n')
