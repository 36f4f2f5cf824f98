# The benchmark. Its programs in C are built by the Makefile's rules.

.PHONY: bench
bench: all $(BENCH_PROGRAMS) ## measure the node beside a BEAM program and a floor (WORK="calls casts", SECONDS_EACH=0.4, ROUNDS=5, FLOOD=1000000)
	@scripts/setup build bench </dev/null
	@WORK="$(WORK)" SECONDS_EACH="$(SECONDS_EACH)" ROUNDS="$(ROUNDS)" FLOOD="$(FLOOD)" \
	TODO_NODE_PROGRAM=$(or $(TODO_NODE_PROGRAM),$(CURDIR)/$(PROGRAM)) scripts/bench
