UNIT_OBJ_test_pace := $(BUILD)/obj/services/consensus/pace.o
