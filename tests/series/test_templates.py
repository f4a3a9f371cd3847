from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from convert.errors import InputError
from convert.series import templates
from convert.series.templates import render, template_root

MAIL_TEMPLATES = sorted(
    path.relative_to(template_root()).as_posix()
    for folder in ("cover-letter.j2", "steps", "recipes")
    for path in (
        [template_root() / folder]
        if folder.endswith(".j2")
        else (template_root() / folder).rglob("*.j2")
    )
)


@pytest.mark.parametrize("name", MAIL_TEMPLATES)
def test_every_template_opens_with_its_variables(name: str) -> None:
    text = (template_root() / name).read_text("utf-8")
    comment = re.match(r"\{#(.*?)#\}", text, re.DOTALL)
    assert comment and re.search(r"Variables", comment[1])


@pytest.mark.parametrize("name", MAIL_TEMPLATES)
def test_no_template_signs_for_anybody(name: str) -> None:
    text = (template_root() / name).read_text("utf-8")
    assert not re.search(r"^\s*(Signed-off|Reviewed|Acked|Tested)-by", text, re.MULTILINE)


def test_recipe_exact_is_complete() -> None:
    steps = {name for name in MAIL_TEMPLATES if name.startswith("steps/exact/")}
    names = {"zalloc", "alloc", "move-helpers", "kvfree", "kfree", "free", "remove", "_masks"}
    assert steps == {f"steps/exact/{name}.j2" for name in names}


def test_a_variable_that_nobody_gave() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("steps/exact/zalloc.j2", {"wrappers": ("kmem_zalloc",)})


def test_an_unknown_template() -> None:
    with pytest.raises(InputError, match=r"no template steps/exact/nothing\.j2"):
        render("steps/exact/nothing.j2", {})


def test_an_installed_package_brings_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyproject.toml puts templates/ into the wheel as convert/_templates."""
    package = tmp_path / "convert"
    package.mkdir()
    monkeypatch.setattr(templates, "files", lambda name: package)
    assert template_root() == tmp_path / "templates"
    (package / "_templates").mkdir()
    (package / "_templates/x.j2").write_text("{{ word }}\nb")
    assert template_root() == package / "_templates"
    assert render("x.j2", {"word": "a\x1b[31m"}) == "a^[[31m b\n"
