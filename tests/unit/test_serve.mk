UNIT_OBJ_test_serve := $(BUILD)/obj/services/consensus/reactor_serve.o
