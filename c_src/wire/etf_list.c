/* Steps through lists. Knows nothing of what the elements are. */
#include "wire/etf_list.h"

#include "wire/etf.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* The terms of all bytes: an element of a STRING_EXT stands nowhere else as a term. */
#define TERM(n)                                                                                              \
    {                                                                                                        \
        ETF_SMALL_INTEGER, (n)                                                                               \
    }
#define TERMS4(n)  TERM(n), TERM((n) + 1), TERM((n) + 2), TERM((n) + 3)
#define TERMS16(n) TERMS4(n), TERMS4((n) + 4), TERMS4((n) + 8), TERMS4((n) + 12)
#define TERMS64(n) TERMS16(n), TERMS16((n) + 16), TERMS16((n) + 32), TERMS16((n) + 48)

static const uint8_t byte_terms[256][2] = {TERMS64(0), TERMS64(64), TERMS64(128), TERMS64(192)};

void etf_list_begin(struct etf_list *list, struct slice term)
{
    *list = (struct etf_list){.rest = term};
}

/* Goes on into the tail at rest. False if the list ends here. */
static bool open_tail(struct etf_list *list)
{
    if (list->rest.size > 0 && etf_read_string(&list->rest, &list->bytes) && list->bytes.size > 0)
        return true;
    if (list->rest.size > 0 && !etf_read_list(&list->rest, &list->left))
        return false;
    list->proper = list->left == 0;
    return !list->proper;
}

bool etf_list_next(struct etf_list *list, struct slice *element)
{
    if (list->bytes.size == 0 && list->left == 0 && !open_tail(list))
        return false;
    if (list->bytes.size > 0) {
        *element = slice_of(byte_terms[list->bytes.data[0]], sizeof byte_terms[0]);
        list->bytes = slice_of(list->bytes.data + 1, list->bytes.size - 1);
    } else {
        *element = etf_take(&list->rest);
        list->left--;
    }
    return true;
}

bool etf_list_length(struct slice term, uint32_t *length)
{
    struct etf_list list;
    struct slice element;
    uint32_t count = 0;
    etf_list_begin(&list, term);
    while (etf_list_next(&list, &element))
        count++;
    if (!list.proper)
        return false;
    *length = count;
    return true;
}

size_t etf_list_open(struct buf *out)
{
    size_t mark = out->size;
    etf_write_list(out, UINT32_MAX);
    return mark;
}

void etf_list_close(struct buf *out, size_t mark, uint32_t length)
{
    if (length == 0)
        out->size = mark;
    else
        bytes_put_u32(out->data + mark + 1, length);
    etf_write_nil(out);
}
