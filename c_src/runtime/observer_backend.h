/* What OTP's observer and etop ask of the node they look at: module observer_backend of runtime_tools, the
 * part that reads. A node without ports, sockets of module socket, ETS or Mnesia answers as a BEAM that has
 * none. Trace (ttb_*) is not there: undef.
 */
#ifndef RUNTIME_OBSERVER_BACKEND_H
#define RUNTIME_OBSERVER_BACKEND_H

#include "runtime/function.h"

extern const struct function_table observer_functions;

#endif
