UNIT_OBJ_test_link := $(addprefix $(BUILD)/obj/services/p2p/,link.o mconn.o budget.o parcel.o greet.o netaddr.o)
