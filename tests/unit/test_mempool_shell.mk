UNIT_OBJ_test_mempool_shell := $(patsubst %,$(BUILD)/obj/services/mempool/%.o,keys cache mempool journal segments shell checks submit requests gossip early) $(BUILD)/obj/tests/unit/mempool_rig.o
UNIT_OBJ_test_mempool_commits := $(UNIT_OBJ_test_mempool_shell)
UNIT_OBJ_test_mempool_peers := $(UNIT_OBJ_test_mempool_shell)
