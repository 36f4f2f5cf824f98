/* Starting the machine's epmd, where none runs. Blocks shortly: only before the loop runs, or on a thread. */
#ifndef RUNTIME_EPMD_DAEMON_H
#define RUNTIME_EPMD_DAEMON_H

/* Runs `epmd -daemon` and waits until it has gone to the background. Looked for in PATH, then beside the
 * Erlang that `erl` in PATH belongs to. Errors: ERR_NOT_FOUND (no epmd installed), ERR_TIMEOUT, negative
 * errno. */
int epmd_daemon_start(void);

#endif
