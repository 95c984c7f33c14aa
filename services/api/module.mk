PURE_SRC += $(patsubst %,services/api/%.c,args gojson jsonrpc)
