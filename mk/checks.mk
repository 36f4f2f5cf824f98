# What tools find out about the C side: memory and threads while the tests run, the sources, the program's hardening.

# The C tests and the suites in one flavour. What the sanitizers find in the node goes to files: the suites start and
# stop it in many ways and places. SUITES="store_SUITE tls_SUITE": only these of the suites.
define sanitized_tests
	@scripts/setup build test </dev/null
	rm -rf $(CURDIR)/build/$(1)/reports && mkdir -p $(CURDIR)/build/$(1)/reports
	@status=0; \
	$(MAKE) --jobs=$(JOBS) SANITIZE=$(2) all test-c || status=1; \
	export TODO_NODE_PROGRAM=$(CURDIR)/build/$(1)/todo_node; \
	export ASAN_OPTIONS=quarantine_size_mb=2:thread_local_quarantine_size_kb=64:log_path=$(CURDIR)/build/$(1)/reports/node:$$ASAN_OPTIONS; \
	export UBSAN_OPTIONS=print_stacktrace=1:log_path=$(CURDIR)/build/$(1)/reports/node:$$UBSAN_OPTIONS; \
	export TSAN_OPTIONS=suppressions=$(CURDIR)/scripts/tsan.exceptions:log_path=$(CURDIR)/build/$(1)/reports/node:$$TSAN_OPTIONS; \
	$(MAKE) test-ct SUITES="$(SUITES)" || status=1; \
	for report in $$(find $(CURDIR)/build/$(1)/reports -type f); do echo "== $$report"; cat $$report; status=1; done; \
	exit $$status
endef

.PHONY: asan
asan: ## the C tests and the suites with AddressSanitizer, LeakSanitizer and UBSan (SUITES="disk_SUITE": only these)
	$(call sanitized_tests,asan,1)

.PHONY: tsan
tsan: ## the C tests and the suites with ThreadSanitizer (SUITES="disk_SUITE": only these)
	$(call sanitized_tests,tsan,thread)

# One test program after another. What is lost counts, not what a child that a test has forked still holds when it ends,
# nor what only a pointer into its middle leads to (the tables of uthash, the stack of a thread).
VALGRIND := valgrind --quiet --error-exitcode=99 --num-callers=30 \
            --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect
# test_connection, test_listener: set RLIMIT_NOFILE, which valgrind plays itself, so that descriptors do not run out.
# test_epmd_daemon: valgrind makes of the vfork of posix_spawn a fork, and what exec says does not come back.
# test_checkpoint: a timer of a second fires before the test is where it has to be.
# test_store_faults: histories by the hundred, minutes of them; `make asan` has them.
NOT_UNDER_VALGRIND := %/runtime/test_connection %/runtime/test_listener %/runtime/test_epmd_daemon \
                      %/store/test_checkpoint %/store/test_store_faults
UNDER_VALGRIND := $(filter-out $(NOT_UNDER_VALGRIND),$(TESTS))

.PHONY: valgrind
valgrind: $(UNDER_VALGRIND) ## the C tests under valgrind: memory used wrongly or lost (TESTS=build/release/test/base/test_buf)
	@scripts/setup test valgrind </dev/null
	@status=0; for t in $(UNDER_VALGRIND); do \
	    echo "== $$t"; timeout 1200 $(VALGRIND) $$t || { echo "== $$t ended with status $$?"; status=1; }; \
	done; exit $$status

.PHONY: hardened
hardened: all ## check that the program was built with the flags that harden it
	@CC="$(CC)" scripts/hardened $(PROGRAM)

.PHONY: analyze
analyze: cppcheck gcc-analyzer tidy ## cppcheck, gcc's analyzer and clang-tidy over the C files

.PHONY: cppcheck
cppcheck: ## cppcheck over the C files
	@scripts/setup cppcheck </dev/null
	cppcheck --quiet --error-exitcode=1 -j $(JOBS) --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --library=scripts/cppcheck.cfg --suppressions-list=scripts/cppcheck.exceptions \
	    $(filter -D%,$(CPPFLAGS)) -Ic_src -Ibench/c -Itest/c -I$(FUZZ_DIR) c_src bench/c test/c

# The analyzer speaks as warnings, which are errors here: a file with a finding has no object.
# Not asked for: leaks, because what a table of uthash holds is reached by a pointer into its middle, which gcc 12 takes
# for lost: LeakSanitizer and valgrind look for them; uses of uninitialized variables, which the release build sees better.
GCC_ANALYZER := -O1 -fanalyzer -Wno-analyzer-malloc-leak -Wno-maybe-uninitialized
ANALYZED := $(patsubst c_src/%.c,$(BUILD)/%.o,$(wildcard c_src/*.c c_src/*/*.c)) $(BENCH_OBJECTS)

# gcc 12 forgets from one line to the next what a bit field held.
ifeq ($(BUILD),build/analyzer)
$(BUILD)/runtime/monitors.o: CFLAGS += -Wno-analyzer-null-dereference
# It cannot know that there is a segment while there is a descriptor.
$(BUILD)/store/journal.o: CFLAGS += -Wno-analyzer-null-dereference
endif

.PHONY: analyzed
analyzed: $(ANALYZED)

.PHONY: gcc-analyzer
gcc-analyzer: ## gcc -fanalyzer over the C files
	@scripts/setup build </dev/null
	@$(MAKE) --no-print-directory --keep-going --jobs=$(JOBS) BUILD=build/analyzer FLAVOUR="$(GCC_ANALYZER)" CC=gcc analyzed

.PHONY: tidy
tidy: ## clang-tidy over the C files
	@scripts/setup tidy </dev/null
	clang-tidy --quiet $(filter c_src/%.c,$(C_FILES)) -- $(CPPFLAGS) -std=c11
