/* What tools ask about code and applications: the modules here are those of the tables of functions and those
 * that processes name as theirs; the one application is what rpc_config says.
 */
#ifndef RUNTIME_CODE_FUNCTIONS_H
#define RUNTIME_CODE_FUNCTIONS_H

#include "runtime/function.h"

struct node;

extern const struct function_table code_functions;

/* Appends what module:module_info(item) returns. module: an atom. False, out as it was: no such module here,
 * or it has no such item. */
bool code_module_info(struct node *node, struct slice module, struct slice item, struct buf *out);

/* {Name, Description, Version} of the application, as application:which_applications/0 lists it. There is
 * one.
 */
void code_write_application(const struct node *node, struct buf *out);

#endif
