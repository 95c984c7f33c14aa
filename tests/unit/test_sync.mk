UNIT_OBJ_test_sync := $(BUILD)/obj/services/consensus/sync.o
