# Black-box tests over real processes.
E2E := $(sort $(wildcard tests/e2e/test_*.py))

# A peer that does what a script tells it.
$(BUILD)/tests/peer: $(BUILD)/obj/tests/e2e/peer.o $(patsubst %,$(BUILD)/obj/services/p2p/%.o,greet mconn budget parcel) $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
units: $(BUILD)/tests/peer

# Attacks for longer than make test has time for; SEED= repeats one.
.PHONY: attack
attack: test-deps build units
	WARREN_ATTACKS=long tools/run-tests $(sort $(wildcard tests/e2e/test_attack_*.py))
