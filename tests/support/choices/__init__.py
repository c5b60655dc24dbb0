"""A toy of each kind of choice, as a user would add it; `tests/test_registries.py` gives them their rooms."""
