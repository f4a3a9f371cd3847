"""The parts of `python -m scripts.nofail_boot`."""
