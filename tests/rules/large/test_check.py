"""What is written is read again: a free that was forgotten, or another function, stops the run."""

from __future__ import annotations

import pytest

from convert.errors import InternalCheckError
from convert.flow.provenance.handling import FreeTwin, Handling, load_handling
from convert.rules.large import stage
from tests.rules.large.small import plan_of
from tests.rules.large.test_ways import LIST, LOCAL, MEMBER, OUT, RESULT

WAYS = [
    pytest.param(LOCAL, id="local-variable"),
    pytest.param(RESULT, id="result"),
    pytest.param(OUT, id="out-parameter"),
    pytest.param(MEMBER, id="member"),
    pytest.param(LIST, id="list-entry"),
]


@pytest.mark.parametrize("code", WAYS)
def test_a_free_that_was_left_out(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_frees", lambda done: [])
    with pytest.raises(InternalCheckError, match=r"kfree\(\) can get memory of kvmalloc\(\)") as e:
        plan_of(code)
    assert e.value.exit_code == 3


def other_twins() -> Handling:
    """The facts with a wrong twin for kfree()."""
    facts = load_handling()
    wrong = FreeTwin(name="kfree", twin="vfree", source="made up")
    rest = tuple(one for one in facts.free if one.name != "kfree")
    return facts.model_copy(update={"free": (wrong, *rest)})


def test_a_function_that_does_not_take_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "load_handling", other_twins)
    code = "#include <linux/vmalloc.h>\n" + LOCAL
    with pytest.raises(InternalCheckError, match=r"vfree\(\) can get memory of kvmalloc\(\)"):
        plan_of(code)


def test_an_allocation_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = load_handling()
    other = [one.model_copy(update={"twin": "large_alloc"}) for one in facts.allocator]
    changed = facts.model_copy(update={"allocator": tuple(other)})
    monkeypatch.setattr(stage, "load_handling", lambda: changed)
    monkeypatch.setattr(stage._Stage, "_declared", lambda self, names: dict.fromkeys(
        names, "include/linux/slab.h"))  # fmt: skip
    with pytest.raises(InternalCheckError, match="a converted allocation is not found"):
        plan_of(LOCAL)
