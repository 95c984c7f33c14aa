# The simulator: the cores of consensus in one process, see docs/simulation.md.
#   make sim SEED=7 RUNS=1000 [LONG=100] [REAL=1]
SIM_CORE := consensus rounds commit proposal votes voting gossip gossip_hear pool \
            journal wal wal_files wal_replay sync pair
SIM_OBJ  := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/sim/*.c))) \
            $(SIM_CORE:%=$(BUILD)/obj/services/consensus/%.o)
SIM_WRAP := -Wl,--wrap=pubkey_verify,--wrap=pubkey_verify_many,--wrap=fallocate
SIM_TEST := tests/sim/run

$(BUILD)/tests/sim: $(SIM_OBJ) $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) $(SIM_WRAP) \
	    -o $@ $^ $(LIBS)

SEED ?= 1
RUNS ?= 1000
LONG ?= 0
.PHONY: sim sim-build
sim-build: $(BUILD)/tests/sim
sim: $(BUILD)/tests/sim
	@$< --seed $(SEED) --runs $(RUNS) --long $(LONG) $(if $(REAL),--real)

# The same in pieces that outlive the command: run it again to go on.
.PHONY: sim-campaign
DIR ?= $(BUILD)/campaign
sim-campaign: $(BUILD)/tests/sim
	@tests/sim/campaign $< $(DIR) $(SEED) $(RUNS) $(LONG)

# Planted bugs, each of which must be found within a minute: MUTANT=name for
# one of them.
.PHONY: sim-mutants
sim-mutants: export CFLAGS  := $(CFLAGS)
sim-mutants: export LDFLAGS := $(LDFLAGS)
sim-mutants: export SIM_OBJ := $(SIM_OBJ)
sim-mutants: export CC      := $(CC)
sim-mutants: export SIM_WRAP := $(SIM_WRAP)
sim-mutants: $(BUILD)/tests/sim
	@LIBS="$(LIBS)" tests/sim/mutants $(BUILD) $(MUTANT)
