# What operators watch: status ports, metrics, alerts, dashboards.
E2E += $(sort $(wildcard tests/monitoring/test_*.py))
