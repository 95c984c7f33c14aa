# Black-box tests over real processes.
E2E := $(sort $(wildcard tests/e2e/test_*.py))

# A peer that does what a script tells it.
$(BUILD)/tests/peer: $(BUILD)/obj/tests/e2e/peer.o $(patsubst %,$(BUILD)/obj/services/p2p/%.o,greet mconn budget parcel) $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# Hosts with bad lines between them.
$(BUILD)/tests/tapwire: $(BUILD)/obj/tests/e2e/tapwire.o
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
units: $(BUILD)/tests/peer $(BUILD)/tests/tapwire

# Attacks for longer than make test has time for; SEED= repeats one.
.PHONY: attack
attack: test-deps build units
	WARREN_ATTACKS=long tools/run-tests $(sort $(wildcard tests/e2e/test_attack_*.py)) tests/swap/test_lies.py

# Networks that break, for longer.
.PHONY: partitions
partitions: test-deps build units
	WARREN_LONG=1 tests/e2e/test_partition.py

# Two Byzantine ones of seven; every process of every node killed.
.PHONY: byzantine network-kills
byzantine: test-deps build
	WARREN_LONG=1 tests/e2e/test_byzantine.py
network-kills: test-deps build
	WARREN_KILLS=5 tests/e2e/test_network_kill.py
