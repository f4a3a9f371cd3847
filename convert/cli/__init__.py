"""The command line: the only package that parses arguments, prints and decides the exit code.

Exit codes: 0 done; 1 done, with refusals; 2 wrong usage or input; 3 an internal check failed
(nothing was written); 130 interrupted (nothing was written). Results go to stdout, the rest to
stderr.
"""

from __future__ import annotations

import atexit
import gc
import sys
from importlib import import_module

import click

from convert import __version__
from convert.errors import KmemConvertError
from convert.source.collection import without_collections

_MODULES = {
    "apply": "committing",
    "assert": "scoping",
    "contracts": "facts",
    "explain": "explaining",
    "inventory": "facts",
    "report": "reporting",
    "review": "checking",
    "scopes": "scoping",
    "series": "committing",
    "verify": "verifying",
}


class _Commands(click.Group):
    """Imports the module of a command when it is called: none needs what all of them need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        found = vars(import_module(f"convert.cli.{_MODULES[cmd_name]}")).values()
        return next(one for one in found if isinstance(one, click.Command) and one.name == cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kmem-convert")
def cli() -> None:
    """Convert kmem wrappers in Linux filesystem code to plain allocations, as patches.

    TREE is a kernel tree: a directory, or DIR@REV for a revision of a git repository. Nothing in it
    is ever written to; `apply` only adds a branch.
    """


def main() -> None:
    """Run the command line; every failure is one line and an exit code."""
    atexit.register(gc.freeze)  # the last search for cycles would take seconds for nothing
    try:
        with without_collections():
            cli.main(prog_name="kmem-convert", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("kmem-convert: interrupted; nothing was written", err=True)
        sys.exit(130)
    except KmemConvertError as error:
        click.echo(f"kmem-convert: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"kmem-convert: {where}{error.strerror or error}", err=True)
        sys.exit(2)
