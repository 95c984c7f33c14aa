PURE_SRC += $(patsubst %,services/mempool/%.c,mempool cache keys)
