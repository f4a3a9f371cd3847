"""Rendering of the texts in templates/ that become commit messages and mails."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

from convert.errors import InputError
from convert.report.display import count, visible
from convert.series.text import functions, listed, mask_table, one_line, reflow, table


def render(name: str, variables: Mapping[str, object]) -> str:
    """Render a template of templates/ and fill its paragraphs (`text.reflow`).

    Raises InputError if there is no such template, and jinja2's UndefinedError for a variable that
    the template uses and nobody gave.
    """
    try:
        return reflow(_environment().get_template(name).render(variables))
    except TemplateNotFound as error:
        raise InputError(f"no template {error.name} in {template_root()}") from error


def template_root() -> Path:
    """The folder templates/: inside the installed package, or beside it in a source tree."""
    package = Path(str(files("convert")))
    packaged = package / "_templates"
    return packaged if packaged.is_dir() else package.parent / "templates"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(template_root()),
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if isinstance(value, str) else value,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # plain text for mails
    )
    environment.filters |= {
        "count": count,
        "functions": functions,
        "listed": listed,
        "mask_table": mask_table,
        "one_line": one_line,
        "table": table,
    }
    return environment
