# Speed: ratios measured side by side, never asserted by a test.
$(BUILD)/tests/bench/load: $(BUILD)/obj/tests/bench/load.o $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: bench
bench: test-deps
	@$(MAKE) --no-print-directory build $(BUILD)/tests/bench/load
	@tests/bench/bench.py
