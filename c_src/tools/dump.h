/* todo_node dump DIR [NAME]: prints what is in a folder as text that file:consult/1 reads back.
 *
 *   {value, Key, Value}.          of a value file
 *   {record, Lsn, Key, Change}.   of a journal (docs/disk-format.md), behind the values, by ascending Lsn
 * Records of a key whose value file had to be left out are comments: made of nothing they would be another
 * value. How terms look: wire/etf_text.h.
 */
#ifndef TOOLS_DUMP_H
#define TOOLS_DUMP_H

#include "tools/status.h"

/* name: of a file; NULL: all. On stdout; what cannot be printed is told on stderr. */
enum tool_status dump_run(const char *path, const char *name);

#endif
