UNIT_OBJ_test_wire := $(BUILD)/obj/tests/unit/wire_vectors.o $(BUILD)/obj/tests/unit/pbjson.o
