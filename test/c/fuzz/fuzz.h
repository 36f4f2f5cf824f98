/* What every fuzz target is made with. A target is fuzz_<what>.c: LLVMFuzzerTestOneInput, which takes any
 * bytes, does something with them that must not fail, and checks what has to be true for any of them.
 *
 * Linked with libFuzzer it searches for inputs (make fuzz); linked with run_files.c it tries the ones that
 * are there (make fuzz-regress). An input must do the same each time: no clock, no random numbers, no state
 * left behind.
 */
#ifndef TEST_C_FUZZ_FUZZ_H
#define TEST_C_FUZZ_FUZZ_H

#include "base/buf.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Ends the program if it is not so. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* A copy in memory of exactly that size, so that a sanitizer sees who reads on. Freed with fuzz_free. */
struct slice fuzz_copy(struct slice bytes);
void fuzz_free(struct slice bytes);

/* Take the front of an input; 0 and the empty slice where nothing is left. */
uint8_t fuzz_take_u8(struct slice *input);
uint16_t fuzz_take_u16(struct slice *input);
struct slice fuzz_take(struct slice *input, size_t size_max);

#endif
