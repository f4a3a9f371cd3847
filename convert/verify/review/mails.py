"""Patches as they are sent: from a directory, a mail, an mbox or a plain diff to commits."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from itertools import pairwise
from pathlib import Path

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchedFile, PatchSet

from convert.errors import InputError, InternalCheckError
from convert.series.check import patched_text
from convert.tree.kernel import KernelTree

_MAIL_SUFFIXES = (".patch", ".diff", ".eml", ".mbox", ".mail")
# git format-patch dates its envelope lines like this, and mail readers write the same form.
_ENVELOPE = re.compile(rb"^From \S+ +\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}", re.MULTILINE)
_HEADER = re.compile(rb"(?:From |From:|Subject:|Date:|Message-I[dD]:|Received:|Return-Path:)")
_NUMBER = re.compile(r"\[[^\]]*?\b0*(\d+)/0*(\d+)[^\]]*\]")
_DIFF = re.compile(r"^(?:diff --git |--- \S.*\n\+\+\+ \S|Index: \S)", re.MULTILINE)


@dataclass(frozen=True)
class Change:
    """What a commit does to one file; None: the file does not exist on that side.

    ``old_path`` differs from ``path`` where the file is renamed or copied.
    """

    path: str
    old_path: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Commit:
    """One commit to review. ``name`` is the mail's or the commit's, ``message`` without subject."""

    name: str
    subject: str
    message: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Mail:
    """One mail: ``text`` is its body after transfer encodings, latin-1; ``diff`` starts at an
    offset into it, None if it holds no patch."""

    name: str
    subject: str
    text: str
    diff: int | None

    @property
    def message(self) -> str:
        """What stands above the diff, as UTF-8 where it is such."""
        text = self.text if self.diff is None else self.text[: self.diff]
        return text.encode("latin-1").decode("utf-8", "replace")


@dataclass(frozen=True)
class Mailbox:
    """The mails of a series in the order of its patches; ``others`` hold no patch."""

    patches: tuple[Mail, ...]
    others: tuple[Mail, ...]


def read_mails(path: Path) -> Mailbox:
    """Read a directory of mail files, one mail, an mbox, or a plain diff.

    Raises InputError if there is no patch in it, or if its patches are not those of one series.
    """
    mails: list[Mail] = []
    for file in _files(path):
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        pieces = _split(data)
        for number, piece in enumerate(pieces, 1):
            name = file.name if len(pieces) == 1 else f"{file.name}:{number}"
            mails.append(_mail(name, piece))
    patches = [mail for mail in mails if mail.diff is not None]
    if not patches:
        raise InputError(f"{path}: no patch in there; name mails, an mbox or a range A..B")
    others = tuple(mail for mail in mails if mail.diff is None)
    return Mailbox(_in_order(patches, path), others)


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix in _MAIL_SUFFIXES and p.is_file())
    if not found:
        kinds = ", ".join(f"*{suffix}" for suffix in _MAIL_SUFFIXES)
        raise InputError(f"{path}: no mail file in there ({kinds})")
    return found


def _split(data: bytes) -> list[bytes]:
    """The mails of a file: an mbox has an envelope line before each."""
    starts = [m.start() for m in _ENVELOPE.finditer(data) if _starts_mail(data, m)]
    if len(starts) < 2:
        return [data]
    bounds = [*starts, len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


def _starts_mail(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether an envelope line is one: at the start or after an empty line, headers below it."""
    before = data[: match.start()]
    at = data.find(b"\n", match.end()) + 1
    fits = not before or before.endswith((b"\n\n", b"\r\n\r\n", b"\n"))
    return fits and bool(re.match(rb"[A-Za-z-]+:", data[at : at + 80]))


def _mail(name: str, data: bytes) -> Mail:
    if not _HEADER.match(data):
        return _with_diff(name, "", data.decode("latin-1"))
    try:
        message = message_from_bytes(data)
        body = message.get_payload(decode=True)
        subject = str(make_header(decode_header(message.get("Subject", ""))))
    except (MessageError, LookupError, UnicodeError, ValueError) as error:
        raise InputError(f"{name}: not a mail that can be read: {error}") from error
    if not isinstance(body, bytes):
        raise InputError(f"{name}: the mail has several parts; save the patch as plain text")
    return _with_diff(name, " ".join(subject.split()), body.decode("latin-1"))


def _with_diff(name: str, subject: str, text: str) -> Mail:
    found = _DIFF.search(text)
    return Mail(name, subject, text, found.start() if found else None)


def _in_order(patches: list[Mail], path: Path) -> tuple[Mail, ...]:
    """By the numbers in the subjects, if all have one. Raises InputError for two of a number."""
    numbers = [_NUMBER.search(mail.subject) for mail in patches]
    if not all(numbers):
        return tuple(patches)
    keyed: dict[int, Mail] = {}
    for match, mail in zip(numbers, patches, strict=True):
        assert match is not None
        number = int(match[1])
        if number in keyed:
            raise InputError(
                f"{path}: {keyed[number].name} and {mail.name} are both patch "
                f"{number}; give one version of the series"
            )
        keyed[number] = mail
    return tuple(keyed[number] for number in sorted(keyed))


# -- applying ----------------------------------------------------------------------------------


@dataclass
class Applier:
    """Applies patches to the files of a tree, one after the other, in memory.

    files: what the patches have changed so far. notes: what could not be looked into.
    """

    tree: KernelTree
    prefix: str = ""
    files: dict[str, bytes | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def commit(self, mail: Mail) -> Commit:
        """Apply one mail's patch. Raises InputError if it does not fit exactly."""
        changes = tuple(self._changes(mail))
        for change in changes:
            if change.old_path != change.path and change.before is not None:
                self.files.setdefault(change.old_path, change.before)
            self.files[change.path] = change.after
        return Commit(mail.name, clean_subject(mail.subject), mail.message, changes)

    def _changes(self, mail: Mail) -> Iterator[Change]:
        assert mail.diff is not None
        try:
            patch = PatchSet(io.StringIO(_unsigned(mail.text[mail.diff :]), newline="\n"))
        except UnidiffParseError as error:
            raise InputError(f"{mail.name}: {error}") from error
        seen: set[str] = set()
        for patched in patch:
            for change in self._change(mail.name, patched):
                if change.path in seen:
                    raise InputError(f"{mail.name}: changes {change.path} twice")
                seen.add(change.path)
                yield change

    def _change(self, name: str, patched: PatchedFile) -> Iterator[Change]:
        old, new = _side(patched.source_file), _side(patched.target_file)
        old_path = self._own(name, old) if old else None
        new_path = self._own(name, new) if new else None
        path = new_path or old_path
        if path is None:
            raise InputError(f"{name}: a file without a name")
        before = self._read(name, old_path) if old_path and not patched.is_added_file else None
        if patched.is_added_file and self._exists(path):
            raise InputError(f"{name}: {path} is new in the patch, but the tree has it")
        if patched.is_binary_file:
            self.notes.append(f"{name}: {path}: a binary change, which was not looked into")
            return
        text = (before or b"").decode("latin-1")
        try:
            after = patched_text(text, patched).encode("latin-1")
        except InternalCheckError as error:
            raise InputError(f"{name}: does not apply: {error}") from error
        deleted = patched.is_removed_file or new_path is None
        if deleted and after:
            raise InputError(f"{name}: {path} is deleted, but not all of its lines are")
        yield Change(path, old_path or path, before, None if deleted else after)
        copied = "copy from " in str(patched.patch_info or "")
        if old_path and new_path and old_path != new_path and not copied:
            yield Change(old_path, old_path, before, None)

    def _own(self, name: str, path: str) -> str:
        """The path as the tree knows it."""
        if self.prefix and not path.startswith(self.prefix):
            raise InputError(
                f"{name}: changes {path}, which is outside of {self.prefix} in the repository"
            )
        return path[len(self.prefix) :]

    def _exists(self, path: str) -> bool:
        if path in self.files:
            return self.files[path] is not None
        return self.tree.exists(path)

    def _read(self, name: str, path: str) -> bytes:
        if not self._exists(path):
            raise InputError(f"{name}: changes {path}, which {self.tree.name} does not have")
        data = self.files.get(path)
        return data if data is not None else self.tree.read(path)


def _side(file: str) -> str | None:
    """The path of one side of a diff, without git's ``a/`` and ``b/``; None for ``/dev/null``."""
    if file == "/dev/null":
        return None
    return file[2:] if file.startswith(("a/", "b/")) else file


def _unsigned(diff: str) -> str:
    """A diff without the mail signature below it."""
    return re.sub(r"\n-- \n[^\n]*\n*\Z", "\n", diff)


def clean_subject(subject: str) -> str:
    """A subject without ``[PATCH n/m]`` and ``Re:``."""
    return re.sub(r"^(?:\s*(?:re|fwd?):\s*|\s*\[[^\]]*\]\s*)*", "", subject, flags=re.IGNORECASE)


def whole_prefix(mails: Sequence[Mail], prefix: str) -> str:
    """The prefix that the paths of all patches have: the tree's place in its repository, or none.

    A series made in a repository of which the tree is a subdirectory names paths from its top.
    """
    if not prefix:
        return ""
    paths = [
        match[1]
        for mail in mails
        if mail.diff is not None
        for match in re.finditer(r"^(?:---|\+\+\+) [ab]/(\S+)", mail.text[mail.diff :], re.M)
    ]
    return prefix if paths and all(path.startswith(prefix) for path in paths) else ""


def messages_of(box: Mailbox) -> Mapping[str, str]:
    """The texts of all mails above their diffs, by name."""
    return {mail.name: mail.message for mail in (*box.others, *box.patches)}
