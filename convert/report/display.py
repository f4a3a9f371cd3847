"""Text from kernel files and from the tool, made safe to show.

Files are held as latin-1 (a character is a byte), so a UTF-8 comment looks garbled until it is
decoded again, and a file may hold any control character, also one that would drive a terminal.
"""

from __future__ import annotations

_KEPT = "\t\n"


def source_text(text: str) -> str:
    """Text of a file as a reader sees it: UTF-8 where the bytes are UTF-8, else latin-1.

    Always encodable as UTF-8. Text that is no bytes (a character above U+00FF) is left alone.
    """
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text
    except UnicodeEncodeError:
        return encodable(text)


def encodable(text: str) -> str:
    """The text with lone surrogates (undecodable bytes of a path) written as ``\\udcXX``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def visible(text: str) -> str:
    """The text of a file with control characters shown: ``^M`` for CR, ``^[`` for ESC.

    Tabs and newlines stay; C1 controls become ``\\x9b`` and the like.
    """
    return "".join(map(_shown, source_text(text)))


def _shown(char: str) -> str:
    code = ord(char)
    if char in _KEPT or 0x20 <= code < 0x7F or code >= 0xA0:
        return char if code not in _DIRECTION else f"\\u{code:04x}"
    return f"^{chr(code ^ 0x40)}" if code <= 0x7F else f"\\x{code:02x}"


# Characters that reorder the text around them: what is shown would not be what is compiled
# (CVE-2021-42574).
_DIRECTION = frozenset(
    [0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029]
)


def count(number: int, singular: str, plural: str | None = None) -> str:
    """``1 site``, ``2 sites``; ``plural`` where adding an s is wrong."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
