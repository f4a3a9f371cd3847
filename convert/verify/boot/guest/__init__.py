"""The workload: what runs inside the booted kernel, as its first process.

The guest's root file system is the host's, read-only, so the host's Python runs it: everything in
here uses the standard library alone. It knows no filesystem; what differs between filesystems
(options of mkfs and mount, commands, which works make sense) comes from profiles.
"""
