/* Asks an epmd about names (erts User's Guide, "Distribution Protocol", PORT_PLEASE2_REQ). Blocks, at most as
 * long as it is told: only before the loop runs, or on a thread.
 */
#ifndef RUNTIME_EPMD_CLIENT_H
#define RUNTIME_EPMD_CLIENT_H

#include <stdint.h>
#include <sys/socket.h>

/* The port that epmd listens on: ERL_EPMD_PORT, or 4369. */
uint16_t epmd_client_port(void);

/* The port of the node alive (1..255 bytes, without host) as the epmd at host knows it (an IPv4 or IPv6
 * address; its port is not looked at; NULL: this machine's). Errors: ERR_NOT_FOUND (epmd does not know the
 * name), -ECONNREFUSED (no epmd), ERR_TIMEOUT, ERR_PROTOCOL (not an epmd), ERR_BADARG, negative errno. */
int epmd_client_ask(const struct sockaddr_storage *host, const char *alive, int timeout_ms, uint16_t *port);

#endif
