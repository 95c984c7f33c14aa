# The units: what can be said of them without systemd as process 1, and, as a
# target of its own (a minute, a container engine), with it.
E2E += tests/systemd/test_units.py
.PHONY: systemd-test
systemd-test: test-deps build
	tests/systemd/test_systemd.py
