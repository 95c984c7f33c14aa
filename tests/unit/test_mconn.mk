UNIT_OBJ_test_mconn := $(addprefix $(BUILD)/obj/services/p2p/,mconn.o budget.o parcel.o)
