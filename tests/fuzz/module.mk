# One target per tests/fuzz/fuzz_*.c, built by clang with all sanitizers into
# build/fuzz.  make fuzz runs each for FUZZ_SECONDS from seeds made of the
# vectors; FUZZ=fuzz_vote runs one.  What is found stays in build/fuzz/corpus.
FUZZ_SECONDS ?= 10
FUZZ         ?= $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.PHONY: fuzz fuzz-run
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz CC="$(or $(FUZZ_CC),clang)" \
	    FUZZ="$(FUZZ)" fuzz-run

FUZZ_OBJ_fuzz_canonical       := $(BUILD)/obj/cli/canonical.o $(BUILD)/obj/services/ledger/value.o
FUZZ_OBJ_fuzz_consensus       := $(patsubst %,$(BUILD)/obj/services/consensus/%.o,consensus rounds commit proposal voting votes) $(BUILD)/obj/tests/unit/rig.o
FUZZ_OBJ_fuzz_store           := $(BUILD)/obj/services/store/store.o
FUZZ_OBJ_fuzz_kvstore         := $(BUILD)/obj/services/kvstore/kvstore.o
FUZZ_OBJ_fuzz_mempool_journal := $(patsubst %,$(BUILD)/obj/services/mempool/%.o,journal segments)
LEDGER_FUZZ := $(patsubst %,$(BUILD)/obj/services/ledger/%.o,\
    value changes genesis view messages verdicts outcome records run query)
FUZZ_OBJ_fuzz_ledger_value   := $(LEDGER_FUZZ)
FUZZ_OBJ_fuzz_ledger_genesis := $(LEDGER_FUZZ)
FUZZ_OBJ_fuzz_ledger_tx      := $(LEDGER_FUZZ)
FUZZ_OBJ_fuzz_ledger_query   := $(LEDGER_FUZZ)
P2P_FUZZ := $(patsubst %,$(BUILD)/obj/services/p2p/%.o,\
    mconn budget parcel greet book book_file netaddr p2p pex bans)
FUZZ_OBJ_fuzz_mconn    := $(P2P_FUZZ)
FUZZ_OBJ_fuzz_greet    := $(P2P_FUZZ)
FUZZ_OBJ_fuzz_addrbook := $(P2P_FUZZ)
FUZZ_OBJ_fuzz_p2p_core := $(P2P_FUZZ)

ifeq ($(VARIANT),fuzz)
FUZZ_BIN := $(FUZZ:%=$(BUILD)/fuzz/%)

.SECONDEXPANSION:
$(BUILD)/fuzz/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/fuzz.o $$(FUZZ_OBJ_fuzz_%) $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(BUILD)/fuzz/seeds: $(BUILD)/obj/tests/fuzz/seeds.o $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/seeds.done: $(BUILD)/fuzz/seeds tests/fuzz/seeds.txt
	$(call say,seeds)
	$(Q)rm -rf $(BUILD)/seeds
	$(Q)$< tests/fuzz/seeds.txt $(BUILD)/seeds
	@touch $@

fuzz-run: $(FUZZ_BIN) $(BUILD)/seeds.done
	@tools/run-fuzz $(BUILD) $(FUZZ_SECONDS) $(FUZZ)
endif
