"""The C and other texts that a tree receives, rendered from templates/nofail/."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from convert.series.templates import template_root


def rendered(name: str, **variables: object) -> str:
    """A template of templates/nofail/ as it stands, tabs and blank lines included.

    Raises jinja2's UndefinedError for a variable that the template uses and nobody gave.
    """
    environment = Environment(
        loader=FileSystemLoader(template_root() / "nofail"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C and plain text
    )
    return environment.get_template(name).render(variables)
