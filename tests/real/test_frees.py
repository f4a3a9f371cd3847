"""Frees of two kernels: what agrees, what is explained, and what nothing explains."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.realkernel.account import Report, read_report
from scripts.realkernel.frees import (
    FACTS,
    Explained,
    Facts,
    choices_of,
    compare_frees,
    compared,
    read_facts,
)

PATH = "fs/toy"
FACT = Facts(
    package="later",
    plain=frozenset({"kfree", "kfree_rcu"}),
    either=frozenset({"kvfree"}),
    vmalloc_capable=frozenset({"kvmalloc"}),
    renamed={"u.data": "data"},
)


def kernel(place: Path, body: str, more: str = "") -> Path:
    """A tree with one function."""
    file = place / PATH / "toy.c"
    file.parent.mkdir(parents=True)
    (place / "include/linux").mkdir(parents=True)
    (place / "include/linux/types.h").write_text("typedef unsigned int gfp_t;\n")
    file.write_text(f"int f(struct toy *x, int n)\n{{\n{body}}}\n{more}")
    return place


def report(*rows: tuple[int, str]) -> Report:
    """A report with these lines' replacements."""
    sites = [
        {
            "file": f"{PATH}/toy.c", "line": line, "kind": "free", "callee": "toy_free",
            "text": "toy_free(p)", "decision": "converted", "replacement": f"{name}(p)",
        }
        for line, name in rows
    ]  # fmt: skip
    return read_report(json.dumps({"sites": sites, "summary": {}, "steps": []}))


def facts_of(
    tmp_path: Path, earlier: str, later: str, chosen: Report, facts: Facts = FACT, more: str = ""
) -> tuple[bool, str]:
    """Whether the comparison holds, and its table."""
    first = kernel(tmp_path / "a", earlier)
    second = kernel(tmp_path / "b", later, more)
    check, _ = compared(chosen, first, second, PATH, ("toy_free",), facts)
    return check.holds, "\n".join(check.facts)


@pytest.mark.parametrize(
    ("earlier", "later", "ours", "part"),
    [
        pytest.param("\ttoy_free(p);\n", "\tkfree(p);\n", ["kfree"], "kfree   kfree", id="same"),
        pytest.param(
            "\ttoy_free(p);\n", "\tkvfree(p);\n", ["kvfree"], "kvfree  kvfree", id="same kvfree"
        ),
        pytest.param(
            "\ttoy_free((void *)x->a);\n", "\tkfree_rcu(x->a);\n", ["kfree"], "kfree   kfree",
            id="casts and RCU do not matter",
        ),
        pytest.param(
            "\ttoy_free(x->u.data);\n", "\tkfree(x->data);\n", ["kfree"], "kfree   kfree",
            id="a member with another name",
        ),
        pytest.param(
            "\ttoy_free(p);\n\ttoy_free(p);\n", "\tkfree(p);\n\tkvfree(p);\n", ["kfree", "kvfree"],
            "kvfree  kvfree", id="two of the same, in order",
        ),
        pytest.param(
            "\ttoy_free(x->a);\n", "\tx->a = kvmalloc(n, g);\n\tkvfree(x->a);\n", ["kfree"],
            "the allocation became kvmalloc() (fs/toy/toy.c:3) since", id="grown since",
        ),
        pytest.param(
            "\tx->a = kvmalloc(n, g);\n\ttoy_free(x->a);\n", "\tkfree(x->a);\n", [None, "kvfree"],
            "the allocation was kvmalloc() (fs/toy/toy.c:3) then", id="smaller since",
        ),
    ],
)  # fmt: skip
def test_explained(
    tmp_path: Path, earlier: str, later: str, ours: list[str | None], part: str
) -> None:
    chosen = report(*((3 + i, name) for i, name in enumerate(ours) if name))
    holds, table = facts_of(tmp_path, earlier, later, chosen)
    assert holds, table
    assert part in table


@pytest.mark.parametrize(
    ("earlier", "later", "ours", "part"),
    [
        pytest.param(
            "\ttoy_free(p);\n", "\tkvfree(p);\n", "kfree", "nothing explains it", id="otherwise"
        ),
        pytest.param(
            "\ttoy_free(p);\n", "\tkfree(p);\n", "kvfree", "nothing explains it", id="more careful"
        ),
        pytest.param(
            "\ttoy_free(p);\n",
            "\tq = kvmalloc(n, g);\n\tkvfree(p);\n", "kfree", "nothing explains it",
            id="another allocation grew",
        ),
        pytest.param(
            "\ttoy_free(p);\n", "\tkfree(q);\n", "kfree", "but does not free it", id="not freed"
        ),
        pytest.param(
            "\ttoy_free(p);\n\ttoy_free(p);\n", "\tkfree(p);\n", "kfree", "no choice for it",
            id="a place that the report forgets",
        ),
    ],
)  # fmt: skip
def test_unexplained(tmp_path: Path, earlier: str, later: str, ours: str, part: str) -> None:
    holds, table = facts_of(tmp_path, earlier, later, report((3, ours)))
    assert not holds
    assert f"UNEXPLAINED: {PATH}/toy.c:" in table
    assert part in table


@pytest.mark.parametrize(
    ("later", "facts"),
    [
        pytest.param(
            "\tkvfree(p);\n",
            replace(FACT, differences=(Explained("f", "ours is right", "p"),)),
            id="who is right",
        ),
        pytest.param(
            "\tg(p);\n", replace(FACT, gone=(Explained("f", "code that changed"),)), id="gone"
        ),
        pytest.param("\tg(p);\n", replace(FACT, moved={("f", "p"): ("h", "q")}), id="moved"),
    ],
)
def test_explained_by_facts(tmp_path: Path, later: str, facts: Facts) -> None:
    more = "int h(int n)\n{\n\tkfree(q);\n}\n"
    for known, wanted in ((FACT, False), (facts, True)):
        place = tmp_path / str(wanted)
        holds, table = facts_of(place, "\ttoy_free(p);\n", later, report((3, "kfree")), known, more)
        assert holds is wanted, table


def test_a_fact_excuses_only_the_choice_that_it_is_about(tmp_path: Path) -> None:
    facts = replace(FACT, differences=(Explained("f", "ours is safe", "p", "kvfree"),))
    for ours, theirs, wanted in (("kvfree", "kfree", True), ("kfree", "kvfree", False)):
        place = tmp_path / ours
        chosen = report((3, ours))
        holds, table = facts_of(place, "\ttoy_free(p);\n", f"\t{theirs}(p);\n", chosen, facts)
        assert holds is wanted, table


def test_a_variable_of_another_function_explains_nothing(tmp_path: Path) -> None:
    more = "int h(int n)\n{\n\tp = kvmalloc(n, g);\n}\n"
    chosen = report((3, "kfree"))
    holds, table = facts_of(tmp_path, "\ttoy_free(p);\n", "\tkvfree(p);\n", chosen, more=more)
    assert not holds, table


def test_a_function_that_is_gone(tmp_path: Path) -> None:
    first = kernel(tmp_path / "a", "\ttoy_free(p);\n")
    second = kernel(tmp_path / "b", "\tkfree(p);\n")
    file = second / PATH / "toy.c"
    file.write_text(file.read_text().replace("int f(", "int other("))
    check, _ = compared(report((3, "kfree")), first, second, PATH, ("toy_free",), FACT)
    assert check.holds
    assert "the function is gone" in "\n".join(check.facts)


@pytest.mark.parametrize(
    ("ours", "holds"), [pytest.param("kvfree", True, id="right"), pytest.param("kfree", False)]
)
def test_upstreams_defects(tmp_path: Path, ours: str, holds: bool) -> None:
    facts = replace(FACT, defects=(Explained("f", "a commit", "p"),))
    first = kernel(tmp_path / "a", "\ttoy_free(p);\n")
    second = kernel(tmp_path / "b", "\tkvfree(p);\n")
    _, check = compared(report((3, ours)), first, second, PATH, ("toy_free",), facts)
    assert check.holds is holds
    assert "a commit" in "\n".join(check.facts)


def test_defects_that_are_not_found_are_no_proof(tmp_path: Path) -> None:
    facts = replace(FACT, defects=(Explained("g", "a commit", "p"),))
    first = kernel(tmp_path / "a", "\ttoy_free(p);\n")
    second = kernel(tmp_path / "b", "\tkvfree(p);\n")
    _, check = compared(report((3, "kvfree")), first, second, PATH, ("toy_free",), facts)
    assert not check.holds


def test_without_a_later_kernel_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no apt-get there
    (check,) = compare_frees(
        report((3, "kfree")), tmp_path, PATH, ("toy_free",), tmp_path / "cache", lambda _: None
    )
    assert check.holds
    assert "not compared" in check.statement
    assert "apt-get" in check.facts[0]


def test_choices_are_read_from_the_report() -> None:
    assert choices_of(report((3, "kfree")), ("toy_free",)) == {(f"{PATH}/toy.c", 3): "kfree"}
    assert choices_of(report((3, "kfree")), ("other",)) == {}


def test_the_facts_can_be_read() -> None:
    facts = read_facts(FACTS)
    assert len(facts.defects) == 4 + 1  # defects 2 to 5, the last of which is at two places
    assert not facts.plain & facts.either
