/* Makes entries of terms. Knows the keys id and date, nothing of lists.
 */
#include "todo/entry.h"

#include "base/error.h"
#include "base/mem.h"
#include "wire/etf_canonical.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stddef.h>
#include <string.h>

static const uint8_t id_key[] = {ETF_SMALL_ATOM_UTF8, 2, 'i', 'd'};

/* Where the pair of the key id stands in a canonical map's pairs, or would stand. */
struct place {
    size_t before; /* bytes of the pairs before it */
    size_t size;   /* bytes of the pair; 0: there is none */
};

static struct place find_id(struct slice pairs)
{
    struct slice cursor = pairs;
    while (cursor.size != 0) {
        size_t before = (size_t)(cursor.data - pairs.data);
        int order = etf_compare(etf_take(&cursor), slice_of(id_key, sizeof id_key));
        if (order > 0)
            return (struct place){before, 0};
        etf_take(&cursor);
        if (order == 0)
            return (struct place){before, (size_t)(cursor.data - pairs.data) - before};
    }
    return (struct place){pairs.size, 0};
}

/* Appends the canonical map with its id set. */
static void write_with_id(struct slice map, uint64_t id, struct buf *out)
{
    uint32_t count = 0;
    struct slice pairs = map;
    etf_read_map(&pairs, &count);
    struct place place = find_id(pairs);
    size_t behind = place.before + place.size;
    etf_write_map(out, place.size == 0 ? count + 1 : count);
    buf_append(out, pairs.data, place.before);
    buf_append(out, id_key, sizeof id_key);
    etf_write_uint64(out, id);
    buf_append(out, pairs.data + behind, pairs.size - behind);
}

static struct entry *make(struct slice map, uint64_t id)
{
    struct entry *entry = mem_alloc(offsetof(struct entry, bytes) + map.size);
    *entry = (struct entry){.id = id, .size = (uint32_t)map.size};
    memcpy(entry->bytes, map.data, map.size);
    struct slice date;
    if (etf_map_get(entry_term(entry), "date", &date)) {
        entry->date_offset = (uint32_t)(date.data - entry->bytes);
        entry->date_size = (uint32_t)date.size;
    }
    return entry;
}

int entry_load(struct slice term, uint64_t id, struct entry **entry)
{
    if (etf_type(term) != TERM_MAP)
        return ERR_BADARG;
    int rc = ERR_BADARG;
    struct buf canonical = BUF_EMPTY;
    struct buf map = BUF_EMPTY;
    if (etf_canonical(term, &canonical) != 0)
        goto out;
    write_with_id(buf_slice(&canonical), id, &map);
    rc = ERR_TOO_LARGE;
    if (map.size > ENTRY_SIZE_MAX)
        goto out;
    *entry = make(buf_slice(&map), id);
    rc = 0;
out:
    buf_release(&canonical);
    buf_release(&map);
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
