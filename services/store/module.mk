PURE_SRC += $(patsubst %,services/store/%.c,store index)
