LEDGER_OBJ = $(patsubst %,$(BUILD)/obj/services/ledger/%.o,$(1))
UNIT_OBJ_test_ledger_value   := $(call LEDGER_OBJ,value)
UNIT_OBJ_test_ledger_changes := $(call LEDGER_OBJ,changes)
UNIT_OBJ_test_ledger_genesis := $(call LEDGER_OBJ,genesis view messages changes)
