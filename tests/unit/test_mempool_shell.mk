UNIT_OBJ_test_mempool_shell := $(patsubst %,$(BUILD)/obj/services/mempool/%.o,keys cache mempool journal segments shell checks submit requests gossip early)
