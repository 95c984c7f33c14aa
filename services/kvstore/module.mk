PURE_SRC += $(patsubst %,services/kvstore/%.c,kvstore)
