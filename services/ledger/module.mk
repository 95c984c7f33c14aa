PURE_SRC += $(patsubst %,services/ledger/%.c,ledger run records query view changes genesis value messages outcome verdicts)
