# Warren.  make run: a node that you can talk to.  make test: everything.
#
# Each folder's module.mk adds its parts to the lists below; a .c file in a
# folder of lib/, services/ or tests/unit/ is found by itself.
#
# VARIANT=asan builds with AddressSanitizer and UBSan into build/asan.

VARIANT ?= release
BUILD   := build/$(VARIANT)
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(V),,@)
say = @$(if $(V),:,echo "  $(1) $@")
PREFIX  ?= /usr/local

PACKAGES := libzmq libprotobuf-c libsodium libsecp256k1 libevent libcrypto jansson libzstd
CSTD     := -std=c17 -D_GNU_SOURCE
WARN     := -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
            -Wformat=2 -Wno-format-nonliteral -Wno-format-zero-length
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIE \
            -fcf-protection
LDHARDEN := -pie -Wl,-z,relro -Wl,-z,now
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
               -fno-omit-frame-pointer
OPT_debug   := -O0 -g
OPT_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT         := $(OPT_$(VARIANT))
# Everything is written so that includes read "module/file.h".
INC      := -Ilib -Iservices -Icli -I$(BUILD)/gen
CFLAGS   := $(CSTD) $(WARN) $(HARDEN) $(OPT) $(INC) -MMD -MP
LDFLAGS  := $(LDHARDEN) $(filter -fsanitize%,$(OPT))
LIBS      = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -llmdb -lwslay -lm -lpthread

.PHONY: all
all:

SERVICES  := $(patsubst services/%/main.c,%,$(sort $(wildcard services/*/main.c)))
MODULES   := $(sort $(wildcard */module.mk lib/*/module.mk services/*/module.mk tests/*/module.mk))
include $(MODULES)

# No built-in rules.
MAKEFLAGS += -r

.PHONY: build
build: all
all: $(BUILD)/bin/warren $(SERVICES:%=$(BUILD)/libexec/warren/%)

# ---- objects ----

$(BUILD)/obj/%.o: %.c | proto
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

# Generated code has its own warning flags.
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(CC) $(CSTD) -w $(HARDEN) $(OPT) -I$(BUILD)/gen -MMD -MP -c $< -o $@

# Objects of cores: they may do no I/O (make lint asks the linker).
PURE = $(PURE_SRC:%.c=$(BUILD)/obj/%.o)

LIB_SRC := $(sort $(wildcard lib/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(PROTO_OBJ)

$(BUILD)/libwarren.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

# ---- programs ----

define service_rules
$(BUILD)/libexec/warren/$(1): $$(patsubst %.c,$(BUILD)/obj/%.o,$$(sort $$(wildcard services/$(1)/*.c))) $(BUILD)/libwarren.a
	@mkdir -p $$(@D)
	@echo "  ld $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rules,$(s))))

$(BUILD)/bin/warren: $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard cli/*.c))) $(BUILD)/libwarren.a
	@mkdir -p $(@D)
	$(call say,ld)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# ---- what people type ----

.PHONY: deps test-deps
deps:
	@tools/deps
test-deps:
	@tools/deps test

# A network to talk to: builds, starts, writes, reads back, verifies.
.PHONY: run
run: deps
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@tools/demo $(BUILD)

# Everything; ends with "N passed, N failed, N skipped".
.PHONY: test
test: test-deps
	@$(MAKE) --no-print-directory -j$$(nproc) build units sim-build
	@tools/run-tests $(UNIT) $(SIM_TEST) $(E2E) $(INTEROP) $(DEPLOY)

.PHONY: check
check: test-deps
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory VARIANT=asan -j$$(nproc) build units
	@tools/run-tests $(UNIT:$(BUILD)/%=build/asan/%)

.PHONY: fmt lint
fmt:
	@clang-format -i $$(git ls-files '*.c' '*.h')
lint: proto
	@clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	@tools/check-deps
	@tools/check-lengths
	@$(MAKE) --no-print-directory $(BUILD)/bin/warren
	@tools/check-docs $(BUILD)/bin/warren
	@$(MAKE) --no-print-directory all
	@tools/check-pure $(BUILD) $(PURE)
	@cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
	    --enable=warning,performance,portability --suppressions-list=tools/cppcheck.txt \
	    '-Dlog_event(l, e, ...)=log_write(l, e, NULL)' -j2 $(INC) lib services cli
	@echo "lint: clean"

compile_commands.json: $(MODULES)
	@tools/compile-commands $(CC) $(CFLAGS) > $@

.PHONY: docs
docs: $(BUILD)/bin/warren
	@tools/gen-links > docs/links.md
	@tools/gen-swap > build/swap.md && mv build/swap.md docs/swap.md
	@tools/gen-metrics > docs/metrics.md
	@tools/gen-dashboards compose/monitoring/grafana/dashboards
	@for page in commands config; do tools/gen-reference $< $$page > docs/$$page.md; done
	@tools/gen-compose 4 compose

# Containers: see compose/README.md.
.PHONY: base-image image up down ps logs
base-image image up down ps logs:
	@tools/compose $@

# Longer campaigns.
.PHONY: kill-campaign
kill-campaign: test-deps build units
	WARREN_KILLS=20 tests/e2e/test_kill.py

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/warren
	install -m 755 $(BUILD)/bin/warren $(DESTDIR)$(PREFIX)/bin/warren
	install -m 755 $(SERVICES:%=$(BUILD)/libexec/warren/%) $(DESTDIR)$(PREFIX)/libexec/warren/

.PHONY: clean
clean:
	rm -rf build compile_commands.json

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# Keep what intermediate rules make.
.SECONDARY:
