# Tests against real peers: each says loudly what it skips where one lacks.
INTEROP := $(sort $(wildcard tests/interop/test_*.py))

# The mixed network for longer than make test has time for; what each gate
# reached is added to FIGURES.
FIGURES ?= build/interop-figures.jsonl
.PHONY: interop-long
interop-long: test-deps build units
	WARREN_LONG=1 JOBS=1 WARREN_FIGURES=$(abspath $(FIGURES)) tools/run-tests $(INTEROP)
