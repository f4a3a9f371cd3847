"""The works by the names that profiles use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convert.verify.boot.guest import attributes, control, files, pressure, stubborn
from convert.verify.boot.guest.place import Place

Work = Callable[[Place], None]

WORKS: Mapping[str, Work] = {
    "small-files": files.small_files,
    "large-files": files.large_files,
    "links": files.links,
    "renames": files.renames,
    "truncates": files.truncates,
    "allocations": files.allocations,
    "fragments": files.fragments,
    "directories": files.directories,
    "drop-caches": files.drop_caches,
    "xattrs": attributes.xattrs,
    "access-lists": attributes.access_lists,
    "owners": attributes.owners,
    "projects": attributes.projects,
    "over-quota": attributes.over_quota,
    "shared-blocks": attributes.shared_blocks,
    "freeze": control.freeze,
    "remount": control.remount,
    "trim": control.trim,
    "full": control.full,
    "settle": control.settle,
    "hog": pressure.hog,
    "stubborn": stubborn.stubborn,
}
