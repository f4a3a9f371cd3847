"""What HTML pages share: the environment that renders their templates."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from convert.report.display import visible
from convert.series.templates import template_root


def page_environment() -> Environment:
    """Jinja2 on templates/: all values are escaped, and their control characters shown."""
    return Environment(
        loader=FileSystemLoader(template_root()),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: object) -> object:
    """Show control characters in everything that the template prints; escaping comes after."""
    return value if isinstance(value, Markup) else visible(str(value))
