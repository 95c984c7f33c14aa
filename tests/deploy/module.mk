# Organisations in containers, in a Docker engine of the tests' own.
DEPLOY := $(sort $(wildcard tests/deploy/test_*.py))

# Every fault five times over; then more and fewer organisations.
.PHONY: deploy-campaign
deploy-campaign: test-deps build units
	@tools/deps deploy
	WARREN_DEPLOY=5 tests/deploy/test_compose.py
	for n in 3 7; do WARREN_ORGS=$$n WARREN_DEPLOY=0 tests/deploy/test_compose.py || exit; done
