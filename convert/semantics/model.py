"""What a call promises, independent of how it is spelled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contract:
    """The promises of one allocation; ``None`` means that the text does not decide it.

    zeroed: the memory is zero; may_fail: NULL can come back; fs_reclaim: direct reclaim may enter
    the filesystem; nowarn: no page-allocation failure report; nolockdep: lockdep does not record
    the reclaim context; sleeps: the call may block.
    """

    zeroed: bool | None = None
    may_fail: bool | None = None
    fs_reclaim: bool | None = None
    nowarn: bool | None = None
    nolockdep: bool | None = None
    sleeps: bool | None = None
