UNIT_OBJ_test_p2p := $(addprefix $(BUILD)/obj/services/p2p/,p2p.o pex.o book.o bans.o netaddr.o greet.o)
