/* Lists: the content of a value file, and behind it changes of a journal, each a term. The first byte is how
 * many bytes the content has, in units of 4. A list that is read is written and read again; changes that are
 * made twice do no harm; the calls of Todo.List answer whatever they are given. */
#include "fuzz.h"

#include "base/error.h"
#include "todo/list.h"
#include "todo/list_change.h"
#include "todo/list_term.h"
#include "todo/list_value.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"

enum { EXPANDED_MAX = 1 << 20 };

static void check_term(struct slice bytes)
{
    struct slice term;
    FUZZ_CHECK(etf_check(bytes, LIST_DEPTH_MAX, &term) == 0 && term.size == bytes.size);
}

/* What is written is canonical and is the list. */
static void check_list(const struct todo_list *list)
{
    struct buf out = BUF_EMPTY, canonical = BUF_EMPTY, again = BUF_EMPTY;
    struct todo_list back;
    list_write(list, &out);
    check_term(buf_slice(&out));
    FUZZ_CHECK(etf_canonical(buf_slice(&out), &canonical) == 0);
    FUZZ_CHECK(slice_equal(buf_slice(&out), buf_slice(&canonical)));
    FUZZ_CHECK(list_from_term(buf_slice(&out), &back) == 0);
    FUZZ_CHECK(list_size(&back) == list_size(list) && list_next_id(&back) == list_next_id(list));
    list_write(&back, &again);
    FUZZ_CHECK(slice_equal(buf_slice(&out), buf_slice(&again)));
    list_release(&back);
    buf_release(&out);
    buf_release(&canonical);
    buf_release(&again);
}

static void check_same(const struct todo_list *a, const struct todo_list *b)
{
    struct buf left = BUF_EMPTY, right = BUF_EMPTY;
    list_write(a, &left);
    list_write(b, &right);
    FUZZ_CHECK(slice_equal(buf_slice(&left), buf_slice(&right)));
    buf_release(&left);
    buf_release(&right);
}

/* Entries that are added, and the change that says so made in a list that was as empty. */
static void check_add(struct slice entries)
{
    struct todo_list list, follower;
    struct buf change = BUF_EMPTY;
    uint64_t first_id;
    uint32_t count;
    list_init(&list);
    list_init(&follower);
    if (list_add_all(&list, entries, &first_id, &count) == 0) {
        list_change_add(&list, first_id, count, &change);
        FUZZ_CHECK(list_apply_change(&follower, buf_slice(&change)) == 0);
        check_same(&list, &follower);
    }
    buf_release(&change);
    list_release(&list);
    list_release(&follower);
}

/* All entries, and those of the first one's date. */
static void check_entries(struct todo_list *list)
{
    struct buf all = BUF_EMPTY, some = BUF_EMPTY;
    struct slice entry, date;
    FUZZ_CHECK(list_write_entries(list, NULL, &all) == 0);
    check_term(buf_slice(&all));
    check_add(buf_slice(&all));
    for (uint64_t id = 1; id <= 3; id++) {
        buf_clear(&some);
        if (!list_get(list, id, &entry) || !etf_map_get(entry, "date", &date))
            continue;
        FUZZ_CHECK(list_write_entries(list, &date, &some) == 0);
        check_term(buf_slice(&some));
        FUZZ_CHECK(some.size > 1 && some.size <= all.size);
    }
    buf_release(&all);
    buf_release(&some);
}

/* Folding all, and folding the first half and then all, gives the same. */
static void try_changes(struct slice content, struct slice changes)
{
    struct buf all = BUF_EMPTY, some = BUF_EMPTY, again = BUF_EMPTY;
    struct slice first;
    if (changes.size > 0 && list_fold(content, changes, EXPANDED_MAX, &all) == 0 &&
        etf_check(changes, LIST_DEPTH_MAX, &first) == 0) {
        FUZZ_CHECK(all.size > 0 && all.data[0] == 131);
        FUZZ_CHECK(list_fold(content, first, EXPANDED_MAX, &some) == 0);
        FUZZ_CHECK(list_fold(buf_slice(&some), changes, EXPANDED_MAX, &again) == 0);
        FUZZ_CHECK(slice_equal(buf_slice(&all), buf_slice(&again)));
    }
    buf_release(&all);
    buf_release(&some);
    buf_release(&again);
}

/* Each change on its own list: made, told as events. */
static void try_change(struct slice change)
{
    struct todo_list list;
    struct list_event event;
    list_init(&list);
    if (list_apply_change(&list, change) == 0) {
        list_event_begin(&event, change);
        while (list_event_next(&event))
            check_term(event.value);
        check_list(&list);
        check_entries(&list);
    }
    list_release(&list);
}

static void try_call(struct slice request)
{
    struct buf out = BUF_EMPTY;
    list_call(request, &out);
    check_term(buf_slice(&out));
    buf_release(&out);
}

static void try_terms(struct slice changes)
{
    struct slice term;
    while (etf_check(changes, LIST_DEPTH_MAX, &term) == 0) {
        struct slice copy = fuzz_copy(term);
        try_change(copy);
        try_call(copy);
        fuzz_free(copy);
        fuzz_take(&changes, term.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size), rest;
    struct todo_list list;
    size_t content_size = (size_t)fuzz_take_u8(&input) * 4;
    struct slice content = fuzz_copy(fuzz_take(&input, content_size));
    struct slice changes = fuzz_copy(input);
    int status = list_from_value(content, EXPANDED_MAX, &list, &rest);
    FUZZ_CHECK(status == 0 || status == ERR_CORRUPT || status == ERR_TOO_LARGE);
    if (status == 0) {
        check_list(&list);
        check_entries(&list);
        list_release(&list);
        try_changes(content, changes);
    }
    try_terms(changes);
    fuzz_free(content);
    fuzz_free(changes);
    return 0;
}
