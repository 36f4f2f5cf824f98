/* Reads dumps. A term is parsed twice, once to know its key and once to write its file, so that memory holds
 * the text and one value, not all values. Knows no folder.
 */
#include "tools/items.h"

#include "base/error.h"
#include "base/mem.h"
#include "todo/database.h"
#include "todo/key.h"
#include "todo/list_change.h"
#include "todo/list_term.h"
#include "tools/value.h"
#include "wire/etf_parse.h"
#include "wire/etf_read.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_DEPTH_MAX = LIST_DEPTH_MAX + 1 };

/* {value, Key, Value} or {record, Lsn, Key, Change}. */
struct line {
    uint64_t lsn;      /* 0: a value */
    struct slice key;  /* canonical */
    struct slice term; /* Value or Change */
};

void items_release(struct items *items)
{
    struct item *item, *next;
    HASH_ITER(hh, items->all, item, next)
    {
        HASH_DEL(items->all, item);
        mem_free(item->places);
        buf_release(&item->content);
        mem_free(item);
    }
}

static struct item *get_item(struct items *items, const char *name)
{
    struct item *item;
    size_t size = strlen(name);
    HASH_FIND(hh, items->all, name, size, item);
    if (item == NULL) {
        item = mem_zalloc(sizeof *item + size + 1);
        memcpy(item->name, name, size);
        HASH_ADD_KEYPTR(hh, items->all, item->name, size, item);
    }
    return item;
}

void items_add(struct items *items, const char *name, struct buf *content)
{
    struct item *item = get_item(items, name);
    item->content = *content;
    *content = BUF_EMPTY;
}

/* term: canonical. */
static const char *read_line(struct slice term, struct line *line)
{
    struct buf key = BUF_EMPTY;
    line->lsn = 0;
    bool record = etf_read_tagged(&term, "record", 4);
    if (record && (!etf_read_uint64(&term, &line->lsn) || line->lsn == 0))
        return "the LSN of a record is a positive integer";
    if (!record && !etf_read_tagged(&term, "value", 3))
        return "neither {value, Key, Value} nor {record, Lsn, Key, Change}";
    line->key = etf_take(&term);
    line->term = etf_take(&term);
    int status = key_canonical(line->key, &key);
    buf_release(&key);
    return status == 0 ? NULL : "no key: a binary, an atom, an integer or a list of bytes and binaries";
}

static const char *add_line(struct items *items, const struct line *line, const struct item_place *place)
{
    char name[KEY_NAME_ROOM];
    key_file_name(line->key, name);
    struct item *item = get_item(items, name);
    if (line->lsn == 0 && item->has_value)
        return "a value of this key was there before";
    item->has_value = item->has_value || line->lsn == 0;
    size_t room = item->count + 1;
    item->places = mem_realloc(item->places, room * sizeof *item->places);
    item->places[item->count++] = *place;
    return line->lsn == 0 ? value_check_term(line->term).text : NULL;
}

static int compare_places(const void *a, const void *b)
{
    const struct item_place *left = a;
    const struct item_place *right = b;
    return (left->lsn > right->lsn) - (left->lsn < right->lsn);
}

static void sort_places(struct items *items)
{
    struct item *item, *next;
    HASH_ITER(hh, items->all, item, next)
    {
        if (item->count > 1)
            qsort(item->places, item->count, sizeof *item->places, compare_places);
    }
}

/* The next term of a dump. */
static int read_next(struct items *items, struct etf_parse *parse, struct buf *term, unsigned long *number,
                     const char **error)
{
    struct item_place place = {.text = parse->rest};
    struct line line;
    buf_clear(term);
    int status = etf_parse_next(parse, LINE_DEPTH_MAX, term);
    *number = parse->line;
    *error = status == ERR_NOT_FOUND ? NULL : parse->error;
    if (status != 0)
        return status;
    place.line = *number = parse->term_line;
    *error = read_line(buf_slice(term), &line);
    if (*error == NULL) {
        place.lsn = line.lsn;
        *error = add_line(items, &line, &place);
    }
    return *error == NULL ? 0 : ERR_BADARG;
}

int items_read_dump(struct items *items, struct slice text, unsigned long *line, const char **error)
{
    struct etf_parse parse = etf_parse_of(text);
    struct buf term = BUF_EMPTY;
    int status;
    do {
        status = read_next(items, &parse, &term, line, error);
    } while (status == 0);
    buf_release(&term);
    sort_places(items);
    return *error == NULL ? 0 : ERR_BADARG;
}

/* ---- contents */

/* A content, and the changes of a list that are to be made in it: at once, for each time costs what the list
 * holds. */
struct making {
    struct buf *content; /* of the file, so far; borrowed */
    struct buf changes;  /* one after another, not made yet */
};

static const char *finish(struct making *making)
{
    struct buf next = BUF_EMPTY;
    if (making->changes.size == 0)
        return NULL;
    if (list_fold(buf_slice(making->content), buf_slice(&making->changes), DATABASE_VALUE_MAX, &next) != 0)
        return "the changes up to here cannot be made in what was there before";
    buf_release(making->content);
    *making->content = next;
    return NULL;
}

static void apply(struct making *making, const struct line *line)
{
    struct slice cursor = line->term;
    struct slice value;
    bool put = line->lsn > 0 && etf_read_binary(&cursor, &value);
    if (line->lsn > 0 && !put && etf_type(line->term) != TERM_NIL) {
        buf_append_slice(&making->changes, line->term);
        return;
    }
    buf_clear(&making->changes);
    buf_clear(making->content);
    if (put)
        buf_append_slice(making->content, value);
    else if (line->lsn == 0)
        value_write(line->key, line->term, making->content);
}

static const char *apply_place(struct making *making, const struct item_place *place)
{
    struct etf_parse parse = {.rest = place->text, .line = place->line};
    struct buf term = BUF_EMPTY;
    struct line line = {0};
    int status = etf_parse_next(&parse, LINE_DEPTH_MAX, &term);
    const char *error = status == 0 ? read_line(buf_slice(&term), &line) : parse.error;
    if (error == NULL)
        apply(making, &line);
    buf_release(&term);
    return error;
}

static const char *check_content(const char *name, struct slice content)
{
    struct value value;
    if (content.size > DATABASE_VALUE_MAX)
        return error_text(ERR_TOO_LARGE);
    if (content.size == 0)
        return NULL;
    const char *error = value_read(name, content, &value).text;
    value_release(&value);
    return error;
}

int item_content(const struct item *item, struct buf *content, unsigned long *line, const char **error)
{
    struct making making = {content, BUF_EMPTY};
    *error = NULL;
    *line = 0;
    buf_clear(content);
    if (item->count == 0)
        buf_append_slice(content, buf_slice(&item->content));
    for (size_t i = 0; *error == NULL && i < item->count; i++) {
        *line = item->places[i].line;
        *error = apply_place(&making, &item->places[i]);
    }
    if (*error == NULL)
        *error = finish(&making);
    if (*error == NULL)
        *error = check_content(item->name, buf_slice(content));
    buf_release(&making.changes);
    return *error == NULL ? 0 : ERR_BADARG;
}
