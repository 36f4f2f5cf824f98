# The fuzz targets: test/c/fuzz/fuzz_<target>.c, each linked with the layer named here and the ones below it.
# In build/fuzz (FUZZ=1: clang, sanitizers) they are programs of libFuzzer; in every other flavour they try the inputs
# that are in test/c/fuzz.

fuzz_wire := terms order text frames control handshake names
fuzz_store := replay
fuzz_todo := keys lists node
fuzz_tools := dump csv
FUZZ_LAYERS := wire store todo tools
FUZZ_TARGETS := $(foreach l,$(FUZZ_LAYERS),$(fuzz_$(l)))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)
FUZZ_DIR := test/c/fuzz

ifeq ($(BUILD),build/fuzz)
FUZZ_MAIN :=
FUZZ_LINK := -fsanitize=fuzzer
FUZZ_TRY := -runs=0
fuzz_more_node := $(BUILD)/fuzz/mutate.o
else
FUZZ_MAIN := $(BUILD)/fuzz/run_files.o
FUZZ_LINK :=
FUZZ_TRY :=
endif

# What stands in the place of files of c_src in one target.
fuzz_more_handshake := $(BUILD)/fuzz/fixed_challenge.o
fuzz_more_node += $(BUILD)/fuzz/memory_store.o $(BUILD)/fuzz/fake_clock.o
fuzz_link_node := -Wl,--wrap=uv_now,--wrap=uv_timer_start,--wrap=uv_close

$(BUILD)/fuzz/%.o: $(FUZZ_DIR)/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) -I$(FUZZ_DIR) $(CFLAGS) -MMD -MP -c -o $@ $<

define fuzz_rule
$(BUILD)/fuzz/$(2): $(BUILD)/fuzz/fuzz_$(2).o $(BUILD)/fuzz/fuzz.o $(FUZZ_MAIN) $(fuzz_more_$(2)) $(call libraries,$(below_$(1)))
	@echo "  LD $$@"
	$(Q)$(CC) $(LDFLAGS) $(FUZZ_LINK) $(fuzz_link_$(2)) -o $$@ $$^ $(LDLIBS)
endef
$(foreach l,$(FUZZ_LAYERS),$(foreach t,$(fuzz_$(l)),$(eval $(call fuzz_rule,$(l),$(t)))))

$(BUILD)/fuzz/print_terms: $(BUILD)/fuzz/print_terms.o $(call libraries,$(below_wire))
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

.PHONY: fuzz-regress
fuzz-regress: $(FUZZ_PROGRAMS) ## the fuzz targets over their corpora and over what once was a finding
	@status=0; for t in $(FUZZ_TARGETS); do \
	    timeout 300 $(BUILD)/fuzz/$$t $(FUZZ_TRY) $(FUZZ_DIR)/corpus/$$t $$(ls -d $(FUZZ_DIR)/regressions/$$t 2>/dev/null) || status=1; \
	done; exit $$status

# SECONDS: of all targets together. TARGET: of one of them, or of several.
.PHONY: fuzz
fuzz: ## search for inputs that hurt (SECONDS=600 TARGET=terms JOBS=1)
	@scripts/setup build fuzz </dev/null
	@$(MAKE) --no-print-directory --jobs=$(or $(JOBS),1) FUZZ=1 fuzz-programs
	@scripts/fuzz $(or $(SECONDS),600) $(or $(JOBS),1) $(or $(TARGET),$(FUZZ_TARGETS)) </dev/null

.PHONY: fuzz-corpus
fuzz-corpus: ## what the searches have found becomes the committed corpora, as few inputs as reach all of it
	@scripts/setup build fuzz </dev/null
	@$(MAKE) --no-print-directory FUZZ=1 fuzz-programs
	@scripts/fuzz-corpus $(or $(TARGET),$(FUZZ_TARGETS)) </dev/null
