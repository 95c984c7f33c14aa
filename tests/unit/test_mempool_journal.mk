UNIT_OBJ_test_mempool_journal := $(patsubst %,$(BUILD)/obj/services/mempool/%.o,journal segments)
