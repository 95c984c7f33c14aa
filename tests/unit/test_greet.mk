UNIT_OBJ_test_greet := $(BUILD)/obj/services/p2p/greet.o
