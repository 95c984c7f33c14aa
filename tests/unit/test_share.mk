UNIT_OBJ_test_share := $(BUILD)/obj/services/api/share.o
