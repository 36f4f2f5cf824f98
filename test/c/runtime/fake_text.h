/* Terms as text, in both directions, so that a test reads like the conversation it plays. Erlang's syntax for
 * atoms, integers, tuples, lists (with a tail), "strings" and <<"binaries">>, without spaces; and
 *
 *   <0.2.1>  pid of the node under test: id 2, serial 1
 *   <a.5.0>  pid of the node a@host
 *   #a.7     reference of a@host with the words 7, 0, 0; #0.1 one of the node under test
 *   #a.7.8   reference with exactly these words
 *
 * A ! behind the numbers of a pid or reference gives it another creation than its node has. Words in capitals
 * are the operations of control messages (MONITOR_P is 19); the atoms of that name are quoted.
 */
#ifndef TEST_C_RUNTIME_FAKE_TEXT_H
#define TEST_C_RUNTIME_FAKE_TEXT_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

#define FAKE_NODE "us@host"

/* The creation of the node under test ('0') or of another one (its letter). */
uint32_t fake_creation(char node);

/* Appends the term that text stands for. */
void fake_write(struct buf *out, const char *text);

/* Appends the text of a term, no NUL. */
void fake_render(struct buf *text, struct slice term);

/* The name of a control operation. */
const char *fake_operation(unsigned op);

#endif
