/* The OTP release of another node, for the few answers that depend on it: a release or one that behaves the
 * same. Nothing in the handshake tells 24 to 27 apart, so a node is asked (erlang:system_info(otp_release)),
 * once for each connection and only when it matters.
 */
#ifndef RUNTIME_PEER_RELEASE_H
#define RUNTIME_PEER_RELEASE_H

#include "base/slice.h"

struct node;

enum {
    RELEASE_UNKNOWN = 0,
    RELEASE_WITHOUT_ALIAS = 23, /* and before */
    RELEASE_OURS = 25,          /* whose behaviour this node has */
    RELEASE_WITH_OK_STATE = 26, /* sys:get_state is told {ok, State}; 26.0 was not yet */
    RELEASE_WITH_ALTACT = 28    /* and later */
};

/* The release of the node that a pid (any term) lives on; ours if it is no pid of a connected node. UNKNOWN:
 * it has been asked for, and all processes are offered again what they left unread (gen_server_postpone) when
 * it is known. A node that cannot tell is as ours. */
unsigned release_of_pid(struct node *node, struct slice pid);

#endif
