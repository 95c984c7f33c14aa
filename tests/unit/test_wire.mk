UNIT_OBJ_test_wire := $(BUILD)/obj/tests/unit/wire_vectors.o $(BUILD)/obj/tests/unit/pbjson.o
UNIT_OBJ_test_wire_chain := $(UNIT_OBJ_test_wire)
