UNIT_OBJ_test_gossip_extremes := $(patsubst %,$(BUILD)/obj/services/consensus/%.o,consensus rounds commit proposal voting votes gossip gossip_hear)
