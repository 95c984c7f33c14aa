# Speed: ratios measured side by side, never asserted by a test.
$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# The kill campaign writes with it.
units: $(BUILD)/tests/bench/sign

.PHONY: bench
bench: test-deps
	@$(MAKE) --no-print-directory build $(BUILD)/tests/bench/load $(BUILD)/tests/bench/sign
	@tests/bench/bench.py

# Four validators each of Warren and of CometBFT v0.38.25, in turn.
.PHONY: bench-network
bench-network: test-deps
	@$(MAKE) --no-print-directory build $(BUILD)/tests/bench/load
	@tests/bench/network.py
