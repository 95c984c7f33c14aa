UNIT_OBJ_test_votes := $(BUILD)/obj/services/consensus/votes.o
UNIT_OBJ_test_wal := $(patsubst %,$(BUILD)/obj/services/consensus/%.o,wal wal_files wal_replay)
UNIT_OBJ_test_consensus := $(patsubst %,$(BUILD)/obj/services/consensus/%.o,consensus rounds commit proposal voting votes) $(BUILD)/obj/tests/unit/rig.o $(BUILD)/obj/tests/unit/rig_scenes.o
UNIT_OBJ_test_consensus_locks := $(UNIT_OBJ_test_consensus)
UNIT_OBJ_test_consensus_chain := $(UNIT_OBJ_test_consensus)
UNIT_OBJ_test_shell := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/main.c,$(wildcard services/consensus/*.c))) $(BUILD)/obj/tests/unit/fakes.o
