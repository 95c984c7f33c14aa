UNIT_OBJ_test_book := $(addprefix $(BUILD)/obj/services/p2p/,book.o book_file.o netaddr.o greet.o bans.o bans_file.o)
