/* What fuzz.h promises. Knows no target. */
#include "fuzz.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    log_set_level(LOG_NONE);
    return 0;
}

void fuzz_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    abort();
}

struct slice fuzz_copy(struct slice bytes)
{
    return slice_of(mem_dup(bytes.data, bytes.size), bytes.size);
}

void fuzz_free(struct slice bytes)
{
    union {
        const uint8_t *borrowed;
        uint8_t *owned;
    } memory = {bytes.data};
    mem_free(memory.owned);
}

struct slice fuzz_take(struct slice *input, size_t size_max)
{
    size_t size = size_max < input->size ? size_max : input->size;
    struct slice taken = slice_of(input->data, size);
    if (size > 0)
        *input = slice_of(input->data + size, input->size - size);
    return taken;
}

uint8_t fuzz_take_u8(struct slice *input)
{
    struct slice taken = fuzz_take(input, 1);
    return taken.size == 1 ? taken.data[0] : 0;
}

uint16_t fuzz_take_u16(struct slice *input)
{
    unsigned high = fuzz_take_u8(input);
    return (uint16_t)(high << 8 | fuzz_take_u8(input));
}
