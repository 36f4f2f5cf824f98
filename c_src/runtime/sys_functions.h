/* sys:get_state, get_status, suspend and resume run here for another node: the calling process asks the
 * server as any process would, and waits.
 */
#ifndef RUNTIME_SYS_FUNCTIONS_H
#define RUNTIME_SYS_FUNCTIONS_H

#include "runtime/function.h"

extern const struct function_table sys_functions;

#endif
