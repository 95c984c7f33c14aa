# The core, and what is pure around it.
PURE_SRC += $(patsubst %,services/consensus/%.c,consensus rounds commit proposal voting votes exec gossip gossip_hear pool explain pace sync pair)
