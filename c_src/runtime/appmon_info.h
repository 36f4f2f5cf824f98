/* The registered process appmon_info of OTP's runtime_tools, which observer's page "Applications" asks: which
 * applications run (app_ctrl), and the tree of an application's processes (app). An answer is sent to the
 * client when it differs from the last one, looked at again every two seconds.
 *
 *   {delivery, Self, app_ctrl, Aux, [{Supervisor, Name, {Name, Description, Version}}]}
 *   {delivery, Self, app, Name, {Root, [{Pid, Text}], [{Parent, Child}], [{From, To}]}}
 */
#ifndef RUNTIME_APPMON_INFO_H
#define RUNTIME_APPMON_INFO_H

#include "runtime/function.h"

#define APPMON_NAME "appmon_info"

extern const struct function_table appmon_functions;

#endif
