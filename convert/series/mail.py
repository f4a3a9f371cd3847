"""Mail files that come through ``git am`` byte for byte, whatever the kernel files hold."""

from __future__ import annotations

import binascii
import re
from email import message_from_bytes

from convert.errors import InternalCheckError
from convert.series.model import CoverLetter

# RFC 5322, 2.1.1: a line of a mail has at most 998 octets.
_LONGEST_LINE = 998
_SUBJECT = b"*** SUBJECT HERE ***"
_BLURB = b"*** BLURB HERE ***"
_IDS = re.compile(
    rb"^((?:Message-I[dD]|In-Reply-To|References): <[^>\n]*)\.\d+\.git\.", re.MULTILINE
)


def with_cover(mail: bytes, cover: CoverLetter) -> bytes:
    """Put subject and text in place of the placeholders that git left in its cover letter."""
    if mail.count(_SUBJECT) != 1 or mail.count(_BLURB) != 1:
        raise InternalCheckError("git format-patch left no placeholders in its cover letter")
    mail = mail.replace(_SUBJECT, cover.subject.encode("ascii"))
    body = cover.body.rstrip("\n").encode("utf-8")
    head, _, rest = mail.partition(b"\n\n")
    if not body.isascii():
        head = _declare(head, b"8bit")
    return head + b"\n\n" + rest.replace(_BLURB, body)


def with_fixed_ids(mail: bytes, seconds: str) -> bytes:
    """Date the message ids by the series, not by the clock: a rerun gives the same mails."""
    head, blank, body = mail.partition(b"\n\n")
    return _IDS.sub(rb"\1.%b.git." % seconds.encode("ascii"), head) + blank + body


def transportable(mail: bytes) -> bytes:
    """The mail, its body in quoted-printable if mail or plain ``git am`` would change it as it is.

    ``git mailsplit`` drops a CR at the end of a line (which is why ``git am`` knows --keep-cr), but
    not one that the transfer encoding hides. Bytes that are no UTF-8, NUL bytes and overlong lines
    do not survive mail servers.
    """
    head, blank, body = mail.partition(b"\n\n")
    if not _needs_encoding(body):
        return mail
    lines = [_quoted(line) for line in body.split(b"\n")]
    return _declare(head, b"quoted-printable") + blank + b"\n".join(lines)


def undeclared(head: bytes, body: bytes) -> bytes:
    """The head for a body that stands in it as it is, whatever encoding it declared before."""
    if b"\nContent-Transfer-Encoding: " not in head and body.isascii():
        return head
    return _declare(head, b"7bit" if body.isascii() else b"8bit")


def decoded_body(mail: bytes) -> bytes:
    """The text of a mail file after its transfer encoding is undone."""
    body = message_from_bytes(mail).get_payload(decode=True)
    if not isinstance(body, bytes):
        raise InternalCheckError("a mail file has more than one part")
    return body


def _needs_encoding(body: bytes) -> bool:
    if b"\r" in body or b"\0" in body or max(map(len, body.split(b"\n"))) > _LONGEST_LINE:
        return True
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _quoted(line: bytes) -> bytes:
    """One line in quoted-printable; ``From `` could be taken for the start of another mail."""
    encoded = binascii.b2a_qp(line, quotetabs=False, istext=False, header=False)
    return b"=46" + encoded[1:] if encoded.startswith(b"From ") else encoded


def _declare(head: bytes, encoding: bytes) -> bytes:
    """The head with the body's transfer encoding declared, as UTF-8 text."""
    name = b"Content-Transfer-Encoding: "
    if b"\n" + name in head:
        return re.sub(rb"(?m)^" + name + rb".*$", name + encoding, head)
    return (
        head + b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n" + name + encoding
    )
