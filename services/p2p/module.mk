# The parts of p2p that know no socket and no clock (make lint).
PURE_SRC += $(patsubst %,services/p2p/%.c,p2p pex book bans netaddr greet mconn budget)
