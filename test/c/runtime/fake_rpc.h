/* A node under test that serves rpc: rex is <0.1.0>, the first other process <0.2.0>. The application is
 * todo, its supervisor's name top. */
#ifndef TEST_C_RUNTIME_FAKE_RPC_H
#define TEST_C_RUNTIME_FAKE_RPC_H

#include "runtime/fake_peer.h"

/* fake_set_up and rpc_start; fake_tear_down takes it down. */
int fake_rpc_set_up(void **state);
#define FAKE_RPC_TEST(function) cmocka_unit_test_setup_teardown(function, fake_rpc_set_up, fake_tear_down)

/* What a process that applies the function gets: "return Term", "throw Term", "exit Term", "error Reason
 * Stack", or "begun". arguments: a list as text. The process is gone afterwards. */
void fake_expect_apply(struct fake *f, const char *module, const char *function, const char *arguments,
                       const char *outcome);

/* <a.5.0> spawns a process that runs it, with the id #a.7. mfa: "{m,f,1}"; options and arguments: lists. */
void fake_spawn(struct fake *f, const char *mfa, const char *options, const char *arguments);

/* A server <0.2.0> that knows only system messages, registered as top. */
struct process *fake_top(struct fake *f);

#endif
