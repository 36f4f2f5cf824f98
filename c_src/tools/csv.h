/* The to-do lists of the course's CSV files. Pure.
 *
 *   2023-12-19,Dentist
 * One entry per line: a date (YYYY-MM-DD), a comma, the title up to the end of the line, whatever is in it.
 * Lines end with \n or \r\n; empty ones are passed over.
 */
#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include "base/slice.h"
#include "todo/list.h"

/* Adds an entry %{date: ~D[...], title: "..."} per line to the list.
 * Errors: ERR_BADARG; line: the one that is wrong, from 1; error: what is wrong, static. The list may then
 * have some entries. */
int csv_read(struct slice text, struct todo_list *list, unsigned long *line, const char **error);

#endif
