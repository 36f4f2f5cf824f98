/* Keys whose files cannot be written for a reason of their own (a folder of that name, a file that nobody may
 * replace, a value beyond the limit) shall not keep what others have in their worker's journal: their values
 * as they are now become records at its end, and the segments before can go. Loop thread.
 */
#ifndef STORE_CARRY_H
#define STORE_CARRY_H

#include "store/checkpoint.h"

#include <stdbool.h>

/* At the end of a pass, again and again until it says true: nothing (more) is to be carried over. False: the
 * journal has to make what was carried over durable first. */
bool carry_over(struct checkpoint *checkpoint);

#endif
