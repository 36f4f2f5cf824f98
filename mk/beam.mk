# The goals around the C side: setting up, running, the suites, layers and format.

comma := ,
space := $(subst ,, )
JOBS ?= $(shell nproc)
C_FILES = $(shell find c_src bench/c test/c -name '*.[ch]')

.PHONY: setup
setup: ## install the Debian packages that are missing
	@scripts/setup build test

.PHONY: run
run: ## build, start the node and open iex connected to it (PERSIST=folder SNAME=name)
	@scripts/setup build </dev/null
	@scripts/run

.PHONY: test
test: ## build and run every test
	@scripts/setup build test </dev/null
	@status=0; $(MAKE) --jobs=$(JOBS) test-c || status=1; $(MAKE) test-ct || status=1; exit $$status

.PHONY: screenshot
screenshot: ## make docs/observer.png again: observer looking at the node, under Xvfb
	@scripts/setup screenshot </dev/null
	@$(MAKE) all
	@scripts/screenshot

# rebar3 builds the program and the Erlang modules. The Elixir modules are built beside them for suites that use them.
.PHONY: test-ct
test-ct: ## build and run the common_test suites (SUITES="disk_SUITE tls_SUITE": only these)
	MIX_ENV=dev mix compile </dev/null
	rebar3 ct $(if $(SUITES),--suite $(subst $(space),$(comma),$(SUITES:%=test/%))) </dev/null

.PHONY: test-otp
test-otp: all ## the oracle suite, operation by operation (OTP=23, 25, 27 or 29: with the BEAM of that release)
	@scripts/test-otp $(OTP) </dev/null

.PHONY: test-ei
test-ei: ## the node with the libei of OTP 23, 25, 27 and 29 (OTP=27: of that one): C tests and a few calls
	@scripts/setup build test </dev/null
	@scripts/test-ei $(or $(OTP),23 25 27 29) </dev/null

.PHONY: torture
torture: all ## kill -9 under load, ROUNDS=50 times, and compare with what was acknowledged
	@ROUNDS=$(ROUNDS) TODO_NODE_PROGRAM=$(or $(TODO_NODE_PROGRAM),$(CURDIR)/$(PROGRAM)) scripts/torture

.PHONY: hostile
hostile: all ## attack the node at random for SECONDS=60 (SEED=: of an earlier run, ATTACKS="floods ...": only these)
	@SECONDS=$(or $(SECONDS),60) SEED=$(SEED) ATTACKS="$(ATTACKS)" \
	TODO_NODE_PROGRAM=$(or $(TODO_NODE_PROGRAM),$(CURDIR)/$(PROGRAM)) scripts/hostile </dev/null

.PHONY: layers
layers: ## check the direction of includes and the fences
	@scripts/layers

.PHONY: format-check
format-check: ## check the format of the C and Elixir files
	@clang-format --dry-run -Werror $(C_FILES)
	@mix format --check-formatted </dev/null

.PHONY: format
format: ## format the C and Elixir files
	@clang-format -i $(C_FILES)
	@mix format </dev/null

# Elixir's own modules are added to the table that rebar3 has made of OTP's, for the modules in src/todo.
ELIXIR_PLT := build/elixir.plt
.PHONY: dialyzer
dialyzer: ## dialyzer and xref over the Erlang and Elixir modules
	@scripts/setup build test </dev/null
	rebar3 dialyzer </dev/null
	rebar3 xref </dev/null
	MIX_ENV=dev mix compile </dev/null
	@mkdir -p build; lib=$$(elixir -e 'IO.puts(:code.lib_dir(:elixir))') || exit 1; \
	export ERL_LIBS=$$(dirname $$lib); \
	if [ ! -f $(ELIXIR_PLT) ]; then \
	    cp $$(ls _build/default/rebar3_*_plt) $(ELIXIR_PLT).new; \
	    dialyzer --add_to_plt --plt $(ELIXIR_PLT).new -r $$lib/ebin && mv $(ELIXIR_PLT).new $(ELIXIR_PLT) || exit 1; \
	fi; \
	dialyzer --plt $(ELIXIR_PLT) -Wunmatched_returns -Wextra_return -Wmissing_return _build/mix/dev/lib/todo/ebin/*.beam
