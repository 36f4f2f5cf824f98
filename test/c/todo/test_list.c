/* todo/list (with todo/slots and todo/dates): operations, the index by date, and their cost. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_terms.h"
#include "todo/list.h"
#include "wire/etf_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t add(struct todo_list *list, const char *entry)
{
    uint64_t id = 0;
    struct slice term = fake_term(entry);
    assert_int_equal(list_add(list, term, &id), 0);
    fake_free(term);
    return id;
}

static int update(struct todo_list *list, uint64_t id, const char *entry)
{
    struct slice term = fake_term(entry);
    int rc = list_update(list, id, term);
    fake_free(term);
    return rc;
}

static int replace(struct todo_list *list, uint64_t id, const char *old, const char *entry)
{
    struct slice old_term = fake_term(old);
    struct slice term = fake_term(entry);
    int rc = list_replace(list, id, old_term, term);
    fake_free(old_term);
    fake_free(term);
    return rc;
}

/* Asks for the entries of a date (NULL: all) and compares the answer. */
static void assert_entries(struct todo_list *list, const char *date, const char *expected)
{
    struct buf out = BUF_EMPTY;
    struct slice wanted = fake_term(expected);
    struct slice asked = date == NULL ? (struct slice){0} : fake_term(date);
    assert_int_equal(list_write_entries(list, date == NULL ? NULL : &asked, &out), 0);
    assert_int_equal(out.size, wanted.size);
    assert_memory_equal(out.data, wanted.data, wanted.size);
    fake_free(wanted);
    if (date != NULL)
        fake_free(asked);
    buf_release(&out);
}

static void assert_entry(const struct todo_list *list, uint64_t id, const char *expected)
{
    struct slice entry;
    struct slice wanted = fake_term(expected);
    assert_true(list_get(list, id, &entry));
    assert_true(slice_equal(entry, wanted));
    fake_free(wanted);
}

static void list_init__empty__owns_nothing_and_is_small(void **state)
{
    struct todo_list list;
    struct slice entry;
    list_init(&list);
    assert_true(sizeof list <= 48);
    assert_null(list.entries.array);
    assert_int_equal(list_size(&list), 0);
    assert_int_equal(list_next_id(&list), 1);
    assert_false(list_get(&list, 1, &entry));
    assert_false(list_delete(&list, 1));
    assert_entries(&list, NULL, "[]");
    assert_entries(&list, "1", "[]");
    assert_null(list.entries.array);
}

static void list_add__entries__get_ascending_ids(void **state)
{
    struct todo_list list;
    list_init(&list);
    assert_int_equal(add(&list, "#{date => 1, title => a}"), 1);
    assert_int_equal(add(&list, "#{date => 2, title => b, id => 77}"), 2);
    assert_int_equal(add(&list, "#{title => c, date => 1}"), 3);
    assert_int_equal(list_size(&list), 3);
    assert_int_equal(list_next_id(&list), 4);
    assert_entry(&list, 2, "#{date => 2, id => 2, title => b}");
    assert_entries(&list, "1", "[#{date => 1, id => 1, title => a}, #{date => 1, id => 3, title => c}]");
    assert_entries(&list, "3", "[]");
    assert_entries(&list, NULL,
                   "[#{date => 1, id => 1, title => a}, #{date => 2, id => 2, title => b}, "
                   "#{date => 1, id => 3, title => c}]");
    list_release(&list);
    assert_int_equal(list_next_id(&list), 1);
}

static void list_add__bad_entry__changes_nothing(void **state)
{
    struct todo_list list;
    uint64_t id = 99;
    struct slice term = fake_term("#{title => a}");
    list_init(&list);
    assert_int_equal(list_add(&list, term, &id), ERR_NO_DATE);
    fake_free(term);
    term = fake_term("[date]");
    assert_int_equal(list_add(&list, term, &id), ERR_BADARG);
    assert_int_equal(id, 99);
    assert_int_equal(list_size(&list), 0);
    assert_int_equal(list_next_id(&list), 1);
    fake_free(term);
    list_release(&list);
}

static void list_add__no_ids_left__is_refused(void **state)
{
    struct todo_list list;
    uint64_t id;
    uint32_t count;
    struct slice term = fake_term("#{date => 1}");
    struct slice two = fake_term("[#{date => 1}, #{date => 2}]");
    list_init(&list);
    list.next_id = INT64_MAX - 1;
    assert_int_equal(list_add_all(&list, two, &id, &count), ERR_TOO_LARGE);
    assert_int_equal(list_add(&list, term, &id), 0);
    assert_int_equal(id, INT64_MAX - 1);
    assert_int_equal(list_add(&list, term, &id), ERR_TOO_LARGE);
    assert_int_equal(list_size(&list), 1);
    assert_true(list_delete(&list, INT64_MAX - 1));
    fake_free(term);
    fake_free(two);
    list_release(&list);
}

static void list_add__date_in_another_form__is_the_same_date(void **state)
{
    struct todo_list list;
    uint64_t id;
    /* #{date => {2023, 12, 19}} and {2023, 12, 19} in old forms */
    struct slice term = fake_hex("740000000164000464617465"
                                 "690000000362000007e7620000000c6e010013");
    struct slice date = fake_hex("690000000362000007e76e01000c6113");
    struct buf out = BUF_EMPTY;
    list_init(&list);
    assert_int_equal(list_add(&list, term, &id), 0);
    assert_entries(&list, "{2023, 12, 19}", "[#{date => {2023, 12, 19}, id => 1}]");
    assert_int_equal(list_write_entries(&list, &date, &out), 0);
    assert_true(out.size > 10);
    buf_release(&out);
    fake_free(term);
    fake_free(date);
    list_release(&list);
}

static void list_write_entries__integer_and_float__are_different_dates(void **state)
{
    struct todo_list list;
    struct buf out = BUF_EMPTY;
    struct slice date = fake_hex("463ff0000000000000"); /* 1.0 */
    list_init(&list);
    add(&list, "#{date => 1}");
    assert_int_equal(list_write_entries(&list, &date, &out), 0);
    assert_int_equal(out.size, 1);
    fake_free(date);
    date = fake_term("#{1 => 1, 1 => 2}");
    assert_int_equal(list_write_entries(&list, &date, &out), ERR_BADARG);
    assert_int_equal(out.size, 1);
    fake_free(date);
    buf_release(&out);
    list_release(&list);
}

static void list_add_all__good_entries__get_ids_in_order(void **state)
{
    struct todo_list list;
    uint64_t first = 0;
    uint32_t count = 99;
    struct slice entries = fake_term("[#{date => 1}, #{date => 2}|[#{date => 3}]]");
    struct slice none = fake_term("[]");
    list_init(&list);
    add(&list, "#{date => 0}");
    assert_int_equal(list_add_all(&list, entries, &first, &count), 0);
    assert_int_equal(first, 2);
    assert_int_equal(count, 3);
    assert_entry(&list, 4, "#{date => 3, id => 4}");
    assert_int_equal(list_add_all(&list, none, &first, &count), 0);
    assert_int_equal(first, 5);
    assert_int_equal(count, 0);
    assert_int_equal(list_size(&list), 4);
    fake_free(entries);
    fake_free(none);
    list_release(&list);
}

static void list_add_all__one_bad_entry__adds_none(void **state)
{
    static const struct {
        const char *entries; /* to be added */
        int code;            /* expected */
    } cases[] = {{"[#{date => 1}, #{title => a}]", ERR_NO_DATE},
                 {"[#{date => 1}, a]", ERR_BADARG},
                 {"[#{date => 1}|#{date => 2}]", ERR_BADARG},
                 {"#{date => 1}", ERR_BADARG},
                 {"\"abc\"", ERR_BADARG},
                 {"[#{date => 1}|a]", ERR_BADARG}};
    struct todo_list list;
    list_init(&list);
    add(&list, "#{date => 0}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t first = 99;
        uint32_t count = 99;
        struct slice entries = fake_term(cases[i].entries);
        assert_int_equal(list_add_all(&list, entries, &first, &count), cases[i].code);
        assert_int_equal(first, 99);
        assert_int_equal(count, 99);
        assert_int_equal(list_size(&list), 1);
        assert_int_equal(list_next_id(&list), 2);
        fake_free(entries);
    }
    list_release(&list);
}

static void list_update__known_id__keeps_the_id(void **state)
{
    struct todo_list list;
    list_init(&list);
    add(&list, "#{date => 1}");
    add(&list, "#{date => 1}");
    assert_int_equal(update(&list, 1, "#{date => 2, id => 2, title => new}"), 0);
    assert_entry(&list, 1, "#{date => 2, id => 1, title => new}");
    assert_entries(&list, "1", "[#{date => 1, id => 2}]");
    assert_int_equal(update(&list, 3, "#{date => 2}"), ERR_NOT_FOUND);
    assert_int_equal(update(&list, 0, "#{date => 2}"), ERR_NOT_FOUND);
    assert_int_equal(update(&list, UINT64_MAX, "#{date => 2}"), ERR_NOT_FOUND);
    assert_int_equal(update(&list, 1, "#{title => x}"), ERR_NO_DATE);
    assert_int_equal(update(&list, 1, "x"), ERR_BADARG);
    assert_entry(&list, 1, "#{date => 2, id => 1, title => new}");
    assert_int_equal(list_next_id(&list), 3);
    list_release(&list);
}

static void list_replace__old_entry__decides(void **state)
{
    struct todo_list list;
    list_init(&list);
    add(&list, "#{date => 1, title => \"ab\"}");
    /* =:= in other forms: key order, a list by its elements */
    assert_int_equal(replace(&list, 1, "#{title => [97, 98], id => 1, date => 1}", "#{date => 2}"), 0);
    assert_entry(&list, 1, "#{date => 2, id => 1}");
    assert_int_equal(replace(&list, 1, "#{id => 1, date => 1}", "#{date => 3}"), ERR_CONFLICT);
    assert_int_equal(replace(&list, 1, "#{date => 2}", "#{date => 3}"), ERR_CONFLICT);
    assert_int_equal(replace(&list, 1, "nil", "#{date => 3}"), ERR_CONFLICT);
    assert_int_equal(replace(&list, 2, "#{id => 1, date => 2}", "#{date => 3}"), ERR_NOT_FOUND);
    assert_int_equal(replace(&list, 1, "#{id => 1, date => 2}", "#{}"), ERR_NO_DATE);
    assert_entry(&list, 1, "#{date => 2, id => 1}");
    list_release(&list);
}

static void list_delete__known_id__is_never_used_again(void **state)
{
    struct todo_list list;
    struct slice entry;
    list_init(&list);
    add(&list, "#{date => 1}");
    add(&list, "#{date => 1}");
    assert_true(list_delete(&list, 2));
    assert_false(list_delete(&list, 2));
    assert_false(list_get(&list, 2, &entry));
    assert_int_equal(update(&list, 2, "#{date => 1}"), ERR_NOT_FOUND);
    assert_int_equal(add(&list, "#{date => 1}"), 3);
    assert_entries(&list, "1", "[#{date => 1, id => 1}, #{date => 1, id => 3}]");
    assert_true(list_delete(&list, 1));
    assert_true(list_delete(&list, 3));
    assert_null(list.entries.array);
    assert_int_equal(list_next_id(&list), 4);
    list_release(&list);
}

/* --- a list beside a naive model of it --- */

enum { MODEL_MAX = 4000 };

struct model {
    bool alive[MODEL_MAX];    /* by id */
    unsigned date[MODEL_MAX]; /* by id; 0: none */
    unsigned mark[MODEL_MAX]; /* by id: what tells versions apart */
    unsigned next_id;         /* as the list's */
};

static void write_date(struct buf *out, unsigned date)
{
    if (date % 3 == 0)
        etf_write_int64(out, date);
    else if (date % 3 == 1)
        etf_write_binary_text(out, date % 2 != 0 ? "monday" : "tuesday");
    else
        fake_term_append(out, "#{month => 12, year => 2023, day => 1}");
    if (date % 3 == 2) /* the day */
        out->data[out->size - 1] = (uint8_t)date;
}

/* Dates that write_date writes alike. */
static bool same_date(unsigned a, unsigned b)
{
    return a % 3 == 1 && b % 3 == 1 ? a % 2 == b % 2 : a == b;
}

static void write_entry(struct buf *out, unsigned date, unsigned mark, bool with_id, unsigned id)
{
    etf_write_map(out, with_id ? 3 : 2);
    etf_write_atom(out, "mark");
    etf_write_int64(out, mark);
    if (with_id) {
        etf_write_atom(out, "id");
        etf_write_int64(out, id);
    }
    etf_write_atom(out, "date");
    write_date(out, date);
}

static void write_model_entries(const struct model *model, const unsigned *date, struct buf *out)
{
    struct todo_list alone;
    struct buf entries = BUF_EMPTY;
    struct buf term = BUF_EMPTY;
    uint32_t count = 0;
    for (unsigned id = 1; id < model->next_id; id++) {
        if (!model->alive[id] || (date != NULL && !same_date(*date, model->date[id])))
            continue;
        struct slice entry;
        uint64_t got;
        buf_clear(&term);
        write_entry(&term, model->date[id], model->mark[id], false, 0);
        list_init(&alone); /* for the canonical bytes of one entry */
        alone.next_id = id;
        assert_int_equal(list_add(&alone, buf_slice(&term), &got), 0);
        assert_true(list_get(&alone, id, &entry));
        buf_append_slice(&entries, entry);
        list_release(&alone);
        count++;
    }
    if (count != 0)
        etf_write_list(out, count);
    buf_append_slice(out, buf_slice(&entries));
    etf_write_nil(out);
    buf_release(&entries);
    buf_release(&term);
}

static void assert_like_model(struct todo_list *list, const struct model *model, const unsigned *date)
{
    struct buf expected = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct buf asked = BUF_EMPTY;
    if (date != NULL)
        write_date(&asked, *date);
    struct slice term = buf_slice(&asked);
    write_model_entries(model, date, &expected);
    assert_int_equal(list_write_entries(list, date == NULL ? NULL : &term, &out), 0);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, out.size);
    buf_release(&expected);
    buf_release(&out);
    buf_release(&asked);
}

static void do_add(struct todo_list *list, struct model *model, struct buf *term, unsigned date,
                   unsigned mark)
{
    uint64_t id;
    write_entry(term, date, mark, mark % 2 != 0, 7);
    assert_int_equal(list_add(list, buf_slice(term), &id), 0);
    assert_int_equal(id, model->next_id);
    model->alive[id] = true;
    model->date[id] = date;
    model->mark[id] = mark;
    model->next_id++;
}

static void do_update(struct todo_list *list, struct model *model, struct buf *term, unsigned id,
                      unsigned mark)
{
    unsigned date = random() % 2 != 0 ? model->date[id] : (unsigned)random() % 9;
    write_entry(term, date, mark, false, 0);
    assert_int_equal(list_update(list, id, buf_slice(term)), model->alive[id] ? 0 : ERR_NOT_FOUND);
    model->date[id] = date;
    model->mark[id] = mark;
}

static void do_replace(struct todo_list *list, struct model *model, struct buf *term, unsigned id,
                       unsigned mark)
{
    struct buf old = BUF_EMPTY;
    bool right = random() % 2 != 0;
    unsigned date = (unsigned)random() % 9;
    write_entry(&old, model->date[id], model->mark[id] + (right ? 0 : 1), true, id);
    write_entry(term, date, mark, false, 0);
    int expected = !model->alive[id] ? ERR_NOT_FOUND : right ? 0 : ERR_CONFLICT;
    assert_int_equal(list_replace(list, id, buf_slice(&old), buf_slice(term)), expected);
    if (expected == 0) {
        model->date[id] = date;
        model->mark[id] = mark;
    }
    buf_release(&old);
}

/* growth: of 10 operations so many are adds. */
static void model_step(struct todo_list *list, struct model *model, unsigned growth, unsigned step)
{
    struct buf term = BUF_EMPTY;
    unsigned id = (unsigned)random() % model->next_id;
    unsigned date = (unsigned)random() % 9;
    if ((unsigned)random() % 10 < growth && model->next_id < MODEL_MAX)
        do_add(list, model, &term, date, step);
    else if (random() % 2 != 0) {
        assert_int_equal(list_delete(list, id), model->alive[id]);
        model->alive[id] = false;
    } else if (random() % 2 != 0)
        do_update(list, model, &term, id, step);
    else
        do_replace(list, model, &term, id, step);
    if (step % 16 == 0)
        assert_like_model(list, model, &date);
    if (step % 256 == 0)
        assert_like_model(list, model, NULL);
    buf_release(&term);
}

static void list__random_operations__are_like_a_model(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int round = 0; round < 10; round++) {
        static struct model model;
        struct todo_list list;
        uint32_t alive = 0;
        memset(&model, 0, sizeof model);
        model.next_id = 1;
        list_init(&list);
        for (unsigned step = 1; step < 6000; step++)
            model_step(&list, &model, step / 1000 % 2 == 0 ? 8 : 1, step);
        for (unsigned id = 1; id < model.next_id; id++)
            alive += model.alive[id];
        assert_int_equal(list_size(&list), alive);
        assert_int_equal(list_next_id(&list), model.next_id);
        list_release(&list);
    }
}

/* --- cost --- */

enum { MANY = 100000 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* count entries of dates 1..dates, with the index built. */
static void fill(struct todo_list *list, unsigned count, unsigned dates)
{
    struct buf out = BUF_EMPTY;
    char text[64];
    list_init(list);
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof text, "#{date => %u, title => x}", i % dates + 1);
        add(list, text);
    }
    struct slice date = fake_term("none");
    assert_int_equal(list_write_entries(list, &date, &out), 0);
    fake_free(date);
    buf_release(&out);
}

static void delete_all(struct todo_list *list, unsigned step)
{
    for (unsigned start = 0; start < step; start++)
        for (unsigned id = 1 + start; id <= MANY; id += step)
            assert_true(list_delete(list, id));
    assert_int_equal(list_size(list), 0);
    assert_true(list->entries.array == NULL || list->entries.array->dates == NULL);
}

/* Every order that a quadratic array would suffer from; a second is a hundred times what they need. */
static void list__100000_adds_and_deletes__are_not_quadratic(void **state)
{
    struct todo_list list;
    double start = seconds();
    fill(&list, MANY, 1);
    delete_all(&list, 1);
    list_release(&list);
    fill(&list, MANY, MANY);
    delete_all(&list, 7);
    list_release(&list);
    fill(&list, MANY, 3);
    for (unsigned id = MANY; id > 0; id--)
        assert_true(list_delete(&list, id));
    list_release(&list);
    double used = seconds() - start;
    print_message("%.2f s for 3 x %d adds and deletes\n", used, MANY);
    assert_true(used < 30);
}

/* The oldest goes, a new one comes, as a list used as a queue has it. */
static void list__queue__keeps_its_memory(void **state)
{
    struct todo_list list;
    fill(&list, 100, 1);
    for (unsigned i = 0; i < MANY; i++) {
        add(&list, "#{date => 1}");
        assert_true(list_delete(&list, i + 1));
    }
    assert_int_equal(list_size(&list), 100);
    assert_true(list.entries.array->room <= 512);
    list_release(&list);
}

static void list_update__dates_moved_backwards__are_not_quadratic(void **state)
{
    struct todo_list list;
    struct buf out = BUF_EMPTY;
    double start = seconds();
    fill(&list, MANY, 2);
    for (unsigned id = MANY; id > 0; id--)
        assert_int_equal(update(&list, id, "#{date => 3}"), 0);
    struct slice date = fake_term("3");
    for (unsigned id = 1; id <= MANY; id++) {
        assert_int_equal(update(&list, id, id % 2 != 0 ? "#{date => 4}" : "#{date => 3}"), 0);
        if (id % 1000 == 0)
            assert_int_equal(list_write_entries(&list, &date, &out), 0);
        buf_clear(&out);
    }
    print_message("%.2f s for 2 x %d updates\n", seconds() - start, MANY);
    assert_true(seconds() - start < 30);
    fake_free(date);
    buf_release(&out);
    list_release(&list);
}

/* Reading one entry by date or id from a large list costs as much as from a small one. */
static void list_write_entries__large_list__costs_what_it_returns(void **state)
{
    struct todo_list list;
    struct buf out = BUF_EMPTY;
    fill(&list, MANY, MANY);
    struct slice date = fake_term("777");
    double start = seconds();
    for (int i = 0; i < MANY; i++) {
        buf_clear(&out);
        assert_int_equal(list_write_entries(&list, &date, &out), 0);
    }
    double used = seconds() - start;
    print_message("%.3f us for an entry of one date among %d\n", used * 1e6 / MANY, MANY);
    assert_true(used < 5);
    fake_free(date);
    buf_release(&out);
    list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_init__empty__owns_nothing_and_is_small),
        cmocka_unit_test(list_add__entries__get_ascending_ids),
        cmocka_unit_test(list_add__bad_entry__changes_nothing),
        cmocka_unit_test(list_add__no_ids_left__is_refused),
        cmocka_unit_test(list_add__date_in_another_form__is_the_same_date),
        cmocka_unit_test(list_write_entries__integer_and_float__are_different_dates),
        cmocka_unit_test(list_add_all__good_entries__get_ids_in_order),
        cmocka_unit_test(list_add_all__one_bad_entry__adds_none),
        cmocka_unit_test(list_update__known_id__keeps_the_id),
        cmocka_unit_test(list_replace__old_entry__decides),
        cmocka_unit_test(list_delete__known_id__is_never_used_again),
        cmocka_unit_test(list__random_operations__are_like_a_model),
        cmocka_unit_test(list__100000_adds_and_deletes__are_not_quadratic),
        cmocka_unit_test(list__queue__keeps_its_memory),
        cmocka_unit_test(list_update__dates_moved_backwards__are_not_quadratic),
        cmocka_unit_test(list_write_entries__large_list__costs_what_it_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
