/* Makes entries of terms. Knows the keys id and date, nothing of lists.
 */
#include "todo/entry.h"

#include "base/error.h"
#include "base/mem.h"
#include "wire/etf_canonical.h"
#include "wire/etf_compare.h"
#include "wire/etf_is_canonical.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stddef.h>
#include <string.h>

enum { MAP_HEAD_SIZE = 5 };

static const uint8_t id_key[] = {ETF_SMALL_ATOM_UTF8, 2, 'i', 'd'};
static const uint8_t date_key[] = {ETF_SMALL_ATOM_UTF8, 4, 'd', 'a', 't', 'e'};

/* Where things stand in the pairs of a canonical map. */
struct places {
    size_t id;         /* bytes before the pair of the key id, or before where it would stand */
    size_t id_size;    /* bytes of that pair; 0: there is none */
    struct slice date; /* the value of the key date; size 0: there is none */
};

/* date stands before id. */
static struct places find_places(struct slice pairs)
{
    struct places places = {.date = slice_of(pairs.data, 0)};
    struct slice cursor = pairs;
    while (cursor.size != 0) {
        places.id = (size_t)(cursor.data - pairs.data);
        struct slice key = etf_take(&cursor);
        int order = etf_compare(key, slice_of(id_key, sizeof id_key));
        if (order > 0)
            return places;
        struct slice value = etf_take(&cursor);
        if (order == 0) {
            places.id_size = (size_t)(cursor.data - pairs.data) - places.id;
            return places;
        }
        if (slice_equal(key, slice_of(date_key, sizeof date_key)))
            places.date = value;
    }
    places.id = pairs.size;
    return places;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(at, bytes, size);
    return at + size;
}

/* Makes the entry of a canonical map, its id set. */
static int make(struct slice map, uint64_t id, struct entry **out)
{
    uint8_t id_value[ETF_UINT64_SIZE_MAX];
    size_t id_value_size = etf_put_uint64(id_value, id);
    struct slice pairs = map;
    uint32_t count = 0;
    etf_read_map(&pairs, &count);
    struct places places = find_places(pairs);
    size_t behind = places.id + places.id_size;
    size_t size = MAP_HEAD_SIZE + pairs.size - places.id_size + sizeof id_key + id_value_size;
    if (size > ENTRY_SIZE_MAX)
        return ERR_TOO_LARGE;
    struct entry *entry = mem_alloc(offsetof(struct entry, bytes) + size);
    *entry = (struct entry){.id = id, .size = (uint32_t)size, .date_size = (uint32_t)places.date.size};
    entry->date_offset = (uint32_t)(MAP_HEAD_SIZE + (places.date.data - pairs.data));
    entry->bytes[0] = ETF_MAP;
    bytes_put_u32(entry->bytes + 1, places.id_size == 0 ? count + 1 : count);
    uint8_t *at = put(entry->bytes + MAP_HEAD_SIZE, pairs.data, places.id);
    at = put(at, id_key, sizeof id_key);
    at = put(at, id_value, id_value_size);
    put(at, pairs.data + behind, pairs.size - behind);
    *out = entry;
    return 0;
}

int entry_load(struct slice term, uint64_t id, struct entry **entry)
{
    if (etf_type(term) != TERM_MAP)
        return ERR_BADARG;
    if (etf_is_canonical(term))
        return make(term, id, entry);
    struct buf canonical = BUF_EMPTY;
    int rc = etf_canonical(term, &canonical) == 0 ? make(buf_slice(&canonical), id, entry) : ERR_BADARG;
    buf_release(&canonical);
    return rc;
}

int entry_new(struct slice term, uint64_t id, struct entry **entry)
{
    struct entry *made = NULL;
    int rc = entry_load(term, id, &made);
    if (rc != 0)
        return rc;
    if (made->date_size == 0) {
        entry_free(made);
        return ERR_NO_DATE;
    }
    *entry = made;
    return 0;
}

void entry_free(struct entry *entry)
{
    mem_free(entry);
}

void entry_write_error(struct buf *out, int code)
{
    if (code != ERR_NO_DATE) {
        etf_write_error(out, code);
        return;
    }
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "badarg");
    etf_write_atom(out, "no_date");
}
