# One program per tests/unit/test_*.c.  UNIT_OBJ_test_x names objects of a
# service that the test needs besides libwarren.
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))

UNIT_OBJ_test_rpc_args := $(patsubst %,$(BUILD)/obj/services/api/%.o,args gojson jsonrpc)

.SECONDEXPANSION:
$(BUILD)/tests/test_%: $(addprefix $(BUILD)/obj/tests/unit/,test_%.o test.o loops.o) $$(UNIT_OBJ_test_%) $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: units unit
units: $(UNIT)
unit: $(UNIT)
	@tools/run-tests $(UNIT)

# A test's own line is in a file beside it.
include $(wildcard tests/unit/test_*.mk)

UNIT_OBJ_test_abci_frames := $(BUILD)/obj/tests/unit/pbjson.o
UNIT_OBJ_test_kvstore := $(BUILD)/obj/services/kvstore/kvstore.o
UNIT_OBJ_test_supervisor := $(BUILD)/obj/cli/supervisor.o
UNIT_OBJ_test_canonical := $(BUILD)/obj/cli/canonical.o $(BUILD)/obj/services/ledger/value.o
