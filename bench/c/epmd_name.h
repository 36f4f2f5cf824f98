/* A hidden node's name at the local epmd (erts User's Guide, "Distribution Protocol", ALIVE2_REQ). */
#ifndef EPMD_NAME_H
#define EPMD_NAME_H

#include <stdint.h>

/* Registers node (alive@host) with its port. fd: keeps the name until it is closed. Blocks shortly.
 * Errors: ERR_EXISTS (the name is taken), ERR_PROTOCOL, negative errno (ECONNREFUSED: no epmd runs). */
int epmd_name_register(const char *node, uint16_t port, int *fd);

#endif
