/* What erlang:process_info/1,2 tells of a process of this node. It has no heap and no stack of Erlang's:
 * sizes are those of its struct, its state as far as that is known at once, and its messages; reductions are
 * the messages it was given, and its functions are in C terms ({gen_server, 'receive', 2} is what a
 * gen_server waits in). The dictionary is what proc_lib would have put there. It is its own group leader, as
 * init is on a BEAM.
 */
#ifndef RUNTIME_PROCESS_INFO_H
#define RUNTIME_PROCESS_INFO_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

struct process;

/* process_info(Pid): the list; process NULL, who is dead: undefined. */
void process_info_write(const struct process *process, struct buf *out);

/* process_info(Pid, Item | [Item]). False, out as it was, if an item is none. */
bool process_info_write_items(const struct process *process, struct slice items, struct buf *out);

/* proc_lib:initial_call(Pid), translated: proc_lib:translate_initial_call(Pid). process may be NULL. */
void process_info_write_initial_call(const struct process *process, bool translated, struct buf *out);

/* The value of one item alone. item: a name that process_info/2 knows. */
void process_info_write_value(const struct process *process, const char *item, struct buf *out);

#endif
