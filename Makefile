# Builds and tests the node. `make help` lists what there is.
#
# BUILD names the folder of one flavour (build/release, build/asan, build/tsan, build/fuzz); a flavour is chosen by
# SANITIZE=1, SANITIZE=thread, FUZZ=1.

SHELL := /bin/bash
# make V=1 shows the commands
Q := $(if $(V),,@)
CC ?= cc
ifneq ($(FUZZ),)
BUILD := build/fuzz
CC := clang-14
FLAVOUR := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PROGRAM := $(BUILD)/todo_node
BENCH := $(BUILD)/bench
else ifeq ($(SANITIZE),thread)
BUILD := build/tsan
# What the instrumentation inserts makes gcc see uses of uninitialized variables; the other flavours look for them.
FLAVOUR := -O2 -fsanitize=thread -fno-omit-frame-pointer -Wno-maybe-uninitialized
PROGRAM := $(BUILD)/todo_node
else ifneq ($(SANITIZE),)
BUILD := build/asan
FLAVOUR := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PROGRAM := $(BUILD)/todo_node
else
BUILD := build/release
# A slice is stored as two words. gcc would load it as one vector, which has to wait until both are in the cache.
# What not every compiler, processor or libc has is asked for where it is there. scripts/hardened looks at the result.
taken = $(shell $(CC) -Werror $(1) -fsyntax-only -x c /dev/null 2>/dev/null && echo '$(1)')
FORTIFY := $(shell $(CC) -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -include features.h -dM -E -x c /dev/null 2>/dev/null | \
                   sed -n 's/.*define __USE_FORTIFY_LEVEL //p')
FLAVOUR := -O2 -fno-tree-slp-vectorize -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(or $(FORTIFY),2) -fstack-protector-strong \
           $(call taken,-fstack-clash-protection) $(call taken,-fcf-protection)
PROGRAM := priv/todo_node
endif

# The installed OTP says where libei is. ERL_EI_INCLUDE_DIR and ERL_EI_LIBDIR, as rebar3 and Mix set them, win.
ifeq ($(and $(ERL_EI_INCLUDE_DIR),$(ERL_EI_LIBDIR)),)
EI_DIR := $(shell erl -noinput -boot no_dot_erlang -eval 'io:put_chars(code:lib_dir(erl_interface)), halt().' 2>/dev/null)
ERL_EI_INCLUDE_DIR := $(EI_DIR)/include
ERL_EI_LIBDIR := $(EI_DIR)/lib
endif

VERSION := $(shell sed -n 's/.*{vsn, *"\([^"]*\)"}.*/\1/p' src/todo.app.src)
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-unused-parameter
CPPFLAGS := -D_GNU_SOURCE -DTODO_VERSION='"$(VERSION)"' -Ic_src -isystem $(ERL_EI_INCLUDE_DIR)
CFLAGS := -std=c11 -g -fPIE $(FLAVOUR) $(WARNINGS)
# LINK_OPTIONS: more of them, as scripts/test-ei needs.
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack $(FLAVOUR) $(LINK_OPTIONS)
LDLIBS := -L$(ERL_EI_LIBDIR) -lei -luv -lssl -lcrypto -lz -lpthread

# A layer may use itself and the ones after it.
LAYERS := tools examples todo store runtime wire base
below_base := base
below_wire := wire $(below_base)
below_runtime := runtime $(below_wire)
below_store := store $(below_base)
below_todo := todo store $(below_runtime)
below_tools := tools $(below_todo)
below_examples := examples $(below_runtime)

objects = $(patsubst c_src/%.c,$(BUILD)/%.o,$(wildcard c_src/$(1)/*.c))
libraries = $(foreach l,$(1),$(BUILD)/lib$(l).a)

TEST_SOURCES := $(wildcard test/c/*/test_*.c)
TESTS := $(patsubst test/c/%.c,$(BUILD)/test/%,$(TEST_SOURCES))

.PHONY: all
all: $(PROGRAM) ## build priv/todo_node

define layer_rule
$(BUILD)/lib$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

# A flag that changes here changes every file.
$(BUILD)/%.o: c_src/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(PROGRAM): $(patsubst c_src/%.c,$(BUILD)/%.o,$(wildcard c_src/*.c)) $(call libraries,$(LAYERS))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@.new $^ $(LDLIBS) && mv $@.new $@

# Each test program is linked with its own layer and the ones below it, nothing else. test/c/<layer>/fake_*.c are
# linked into every test program of that layer.
define test_rule
$(BUILD)/test/$(1)/%: test/c/$(1)/%.c $(wildcard test/c/$(1)/fake_*.c test/c/$(1)/fake_*.h) test/c/unit.h $(call libraries,$(below_$(1)))
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$(Q)$(CC) $(CPPFLAGS) -Itest/c $(CFLAGS) $(LDFLAGS) -o $$@ $$< $(wildcard test/c/$(1)/fake_*.c) $(call libraries,$(below_$(1))) -lcmocka $(LDLIBS)
endef
$(foreach l,$(LAYERS),$(eval $(call test_rule,$(l))))

# The files beside main.c are linked into their tests one by one.
$(BUILD)/test/main/test_%: test/c/main/test_%.c $(BUILD)/%.o test/c/unit.h $(call libraries,$(LAYERS))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CPPFLAGS) -Itest/c $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/$*.o $(call libraries,$(LAYERS)) -lcmocka $(LDLIBS)

.PHONY: test-c
test-c: $(TESTS) ## build and run the C tests
	@status=0; printf '%s\n' $(TESTS) | xargs -P $(JOBS) -n 1 scripts/one-test || status=1; \
	$(MAKE) --no-print-directory fuzz-regress || status=1; exit $$status

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build _build priv/todo_node

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

include mk/fuzz.mk
include mk/beam.mk
include mk/checks.mk
include mk/bench-c.mk
include mk/bench.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
