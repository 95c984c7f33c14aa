UNIT_OBJ_test_mempool := $(patsubst %,$(BUILD)/obj/services/mempool/%.o,keys cache mempool)
