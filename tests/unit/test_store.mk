STORE_OBJ := $(patsubst services/store/%.c,$(BUILD)/obj/services/store/%.o,$(filter-out %/main.c,$(wildcard services/store/*.c))) $(BUILD)/obj/tests/unit/made_chain.o
UNIT_OBJ_test_store := $(STORE_OBJ)
UNIT_OBJ_test_store_db := $(STORE_OBJ)
UNIT_OBJ_test_store_evidence := $(STORE_OBJ)
UNIT_OBJ_test_store_service := $(BUILD)/obj/tests/unit/made_chain.o
$(BUILD)/tests/test_store_service: | $(BUILD)/libexec/warren/store
