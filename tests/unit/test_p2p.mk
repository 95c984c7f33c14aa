UNIT_OBJ_test_p2p := $(addprefix $(BUILD)/obj/services/p2p/,p2p.o pex.o book.o bans.o netaddr.o greet.o) $(BUILD)/obj/tests/unit/p2p_rig.o
UNIT_OBJ_test_p2p_dials := $(UNIT_OBJ_test_p2p)
UNIT_OBJ_test_p2p_addresses := $(UNIT_OBJ_test_p2p)
