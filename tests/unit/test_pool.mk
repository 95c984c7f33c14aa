UNIT_OBJ_test_pool := $(UNIT_OBJ_test_consensus) $(BUILD)/obj/services/consensus/pool.o
