/* The node connects by itself to where its processes send signals: when, how often and how many at once. */
#ifndef RUNTIME_AUTO_CONNECT_H
#define RUNTIME_AUTO_CONNECT_H

#include "runtime/connector.h"

#include <stddef.h>

struct auto_connect_failure;

struct auto_connect {
    struct connector *connector;           /* connects */
    struct auto_connect_failure *failures; /* nodes not to be tried again yet; uthash, oldest first */
    unsigned attempts;                     /* under way */
};

/* From now on the connector's node connects by itself. waiting_size_max: bytes that may wait for one node. */
void auto_connect_start(struct auto_connect *auto_connect, struct connector *connector,
                        size_t waiting_size_max);

/* It begins no more; what is under way ends as the connector says. */
void auto_connect_stop(struct auto_connect *auto_connect);

/* After connector_idle. */
void auto_connect_release(struct auto_connect *auto_connect);

#endif
