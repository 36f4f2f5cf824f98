# The C programs of the benchmark. They are no part of the node: what they share with it is its lower layers.

BENCH := $(if $(filter build/release,$(BUILD)),build/bench,$(BUILD)/bench)
BENCH_BELOW := $(call libraries,$(below_runtime))
BENCH_OBJECTS := $(patsubst bench/c/%.c,$(BENCH)/%.o,$(wildcard bench/c/*.c))
BENCH_PROGRAMS := $(BENCH)/floor $(BENCH)/batch_client

.PHONY: bench-c
bench-c: $(BENCH_PROGRAMS) ## build the C programs of the benchmark

$(BENCH)/%.o: bench/c/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) -Ibench/c $(CFLAGS) -MMD -MP -c -o $@ $<

$(BENCH)/libbench.a: $(filter-out $(BENCH_PROGRAMS:=.o),$(BENCH_OBJECTS))
	$(Q)rm -f $@ && ar rcs $@ $^

$(BENCH_PROGRAMS): %: %.o $(BENCH)/libbench.a $(BENCH_BELOW)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@.new $^ $(LDLIBS) -lm && mv $@.new $@

$(BUILD)/test/bench/test_%: test/c/bench/test_%.c $(BENCH)/libbench.a test/c/unit.h $(BENCH_BELOW)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CPPFLAGS) -Itest/c -Ibench/c $(CFLAGS) $(LDFLAGS) -o $@ $< $(BENCH)/libbench.a $(BENCH_BELOW) -lcmocka $(LDLIBS) -lm

# PROFILED=build/bench/floor: what the floor spends.
.PHONY: profile
profile: ## instructions per operation by function (WORK=calls or adds, OPERATIONS=50000, WINDOW=1024)
	@scripts/setup profile </dev/null
	@$(MAKE) --no-print-directory all bench-c
	@PROFILED=$(PROFILED) scripts/profile $(or $(WORK),calls) $(or $(OPERATIONS),50000) $(or $(WINDOW),1024) </dev/null

-include $(wildcard $(BENCH)/*.d)
