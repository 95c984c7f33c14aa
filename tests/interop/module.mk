# Tests against real peers: each says loudly what it skips where one lacks.
INTEROP := $(sort $(wildcard tests/interop/test_*.py))
