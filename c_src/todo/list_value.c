/* Todo.List's requests: read the list from the request, do it, write the list. Knows no processes. */
#include "todo/list_value.h"

#include "base/error.h"
#include "todo/entry.h"
#include "todo/list.h"
#include "todo/list_term.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stdbool.h>
#include <stdint.h>

/* One function: list is that of the request, value its term as it came, cursor stands behind it.
 * 0 or an error that becomes the answer; then nothing was appended. */
typedef int list_function(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out);

static int call_size(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    etf_write_uint64(out, list_size(list));
    return 0;
}

static int call_add(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    uint64_t id;
    int rc = list_add(list, etf_take(&cursor), &id);
    if (rc == 0)
        list_write(list, out);
    return rc;
}

static int call_entries(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    struct slice date = etf_take(&cursor);
    return list_write_entries(list, &date, out);
}

static int call_all(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    return list_write_entries(list, NULL, out);
}

static int call_entry(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    uint64_t id;
    struct slice entry;
    if (etf_read_uint64(&cursor, &id) && list_get(list, id, &entry))
        etf_write_term(out, entry);
    else
        etf_write_atom(out, "nil");
    return 0;
}

static int call_put(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    uint64_t id;
    if (!etf_read_uint64(&cursor, &id)) {
        etf_write_term(out, value);
        return 0;
    }
    int rc = list_update(list, id, etf_take(&cursor));
    if (rc == 0)
        list_write(list, out);
    if (rc != ERR_NOT_FOUND)
        return rc;
    etf_write_term(out, value);
    return 0;
}

static int call_delete(struct todo_list *list, struct slice value, struct slice cursor, struct buf *out)
{
    uint64_t id;
    if (etf_read_uint64(&cursor, &id) && list_delete(list, id))
        list_write(list, out);
    else
        etf_write_term(out, value);
    return 0;
}

static const struct {
    const char *tag;         /* the request's */
    uint32_t arity;          /* the request's */
    list_function *function; /* what does it */
} requests[] = {{"size", 2, call_size},          {"add_entry", 3, call_add}, {"entries", 3, call_entries},
                {"entries", 2, call_all},        {"entry", 3, call_entry},   {"put_entry", 4, call_put},
                {"delete_entry", 3, call_delete}};

static int call_new(struct slice entries, struct buf *out)
{
    struct todo_list list;
    uint64_t first_id;
    uint32_t count;
    list_init(&list);
    int rc = list_add_all(&list, entries, &first_id, &count);
    if (rc == 0)
        list_write(&list, out);
    list_release(&list);
    return rc;
}

/* cursor: behind the tag. */
static int call_with_list(list_function *function, struct slice cursor, struct buf *out)
{
    struct todo_list list;
    struct slice value = etf_take(&cursor);
    int rc = list_from_term(value, &list);
    if (rc != 0)
        return rc;
    rc = function(&list, value, cursor, out);
    list_release(&list);
    return rc;
}

static void write_tagged_error(struct buf *out, const char *tag, struct slice detail)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_tuple(out, 2);
    etf_write_atom(out, tag);
    etf_write_term(out, detail);
}

/* Errors: ERR_PROTOCOL for no request of ours. */
static int call(struct slice request, struct buf *out)
{
    struct slice cursor = request;
    if (etf_read_tagged(&cursor, "new", 2))
        return call_new(etf_take(&cursor), out);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (etf_read_tagged(&cursor, requests[i].tag, requests[i].arity))
            return call_with_list(requests[i].function, cursor, out);
    return ERR_PROTOCOL;
}

void list_call(struct slice request, struct buf *out)
{
    static const uint8_t not_a_list[] = {
        ETF_SMALL_ATOM_UTF8, 10, 'n', 'o', 't', '_', 'a', '_', 'l', 'i', 's', 't'};
    int rc = call(request, out);
    if (rc == ERR_PROTOCOL)
        write_tagged_error(out, "bad_request", request);
    else if (rc == ERR_CORRUPT)
        write_tagged_error(out, "badarg", slice_of(not_a_list, sizeof not_a_list));
    else if (rc != 0)
        entry_write_error(out, rc);
}
