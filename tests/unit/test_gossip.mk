UNIT_OBJ_test_gossip := $(UNIT_OBJ_test_consensus) $(patsubst %,$(BUILD)/obj/services/consensus/%.o,gossip gossip_hear)
