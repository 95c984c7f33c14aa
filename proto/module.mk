# The bus's messages, through protobuf-c.
PROTOS    := $(sort $(wildcard proto/*.proto))
PROTO_GEN := $(PROTOS:proto/%.proto=$(BUILD)/gen/proto/%.pb-c.c)
PROTO_OBJ := $(PROTO_GEN:$(BUILD)/gen/%.c=$(BUILD)/obj/gen/%.o)

.PHONY: proto
proto: $(PROTO_GEN)

$(BUILD)/gen/proto/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=. --c_out=$(BUILD)/gen $<
