"""Booting a commit in User-Mode Linux under a workload, and comparing it with its base."""
