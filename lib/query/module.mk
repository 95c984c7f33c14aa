PURE_SRC += $(patsubst %,lib/query/%.c,gotime letters parse query)
