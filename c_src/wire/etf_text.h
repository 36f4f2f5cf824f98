/* Terms as text, in one line, as file:consult/1 reads them back.
 *
 *   integers     decimal if they fit 64 bits, else 16#1F...
 *   floats       as many digits as come back the same: 1.0, 1.0e-07
 *   atoms        quoted where they have to be
 *   binaries     <<"text">>, <<"Grüße"/utf8>> where that can be read, else <<1,2,255>>; bit strings <<1,5:3>>
 *   lists        [1,2|tail]; "text" where all elements are printable ASCII; tuples, maps, fun M:F/A
 * In strings and quoted atoms control characters are written as \n, \r, \t or \x{7F}.
 *
 * What has no text that can be read back - pids, references, ports, funs of a module's own code or of more
 * than 255 arguments, atoms with U+FFFE or U+FFFF - is written as {'$external',<<131,...>>}: the binary is
 * what term_to_binary/1 gives. A tuple of two elements the first of which is the atom '$external' is written
 * so too: so the text is one to one.
 */
#ifndef WIRE_ETF_TEXT_H
#define WIRE_ETF_TEXT_H

#include "base/buf.h"
#include "base/slice.h"

#define ETF_TEXT_EXTERNAL "$external"

/* Appends the text of a validated term in whatever form: no line break, no full stop behind it. Iterative. */
void etf_text(struct slice term, struct buf *out);

#endif
