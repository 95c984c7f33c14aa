# Parts of a node swapped for somebody else's: docs/swap.md.
E2E += $(sort $(wildcard tests/swap/test_*.py))
