# Black-box tests over real processes.
E2E := $(sort $(wildcard tests/e2e/test_*.py))
