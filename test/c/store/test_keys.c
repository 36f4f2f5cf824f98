/* The table of keys that are not clean. */
#include "store/keys.h"

#include "unit.h"

#include <utlist.h>

static struct slice text(const char *text)
{
    return slice_of_text(text);
}

static struct key *get(struct keys *keys, const char *name)
{
    return keys_get(keys, 0, text(name));
}

static unsigned count(const struct keys *keys)
{
    return keys->all.count;
}

static void assert_held(const struct key *key, const char *value)
{
    assert_int_equal(key->place, VALUE_HELD);
    assert_true(slice_equal(buf_slice(&key->value), text(value)));
}

static void get__twice__the_same_until_tidied(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    assert_ptr_equal(get(&keys, "bob"), bob);
    assert_ptr_equal(keys_find(&keys, text("bob")), bob);
    assert_ptr_not_equal(get(&keys, "bo"), bob);
    assert_true(slice_equal(key_bytes(bob), text("bob")));
    keys_tidy(&keys, bob);
    assert_null(keys_find(&keys, text("bob")));
    keys_tidy(&keys, get(&keys, "bo"));
    assert_int_equal(count(&keys), 0);
    keys_release(&keys);
}

static void tidy__needed__stays(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    struct store_request request;
    bob->pins = 1;
    keys_tidy(&keys, bob);
    bob->pins = 0;
    bob->in_round = true;
    keys_tidy(&keys, bob);
    bob->in_round = false;
    bob->setting_aside = true;
    keys_tidy(&keys, bob);
    bob->setting_aside = false;
    requests_add(&bob->deferred, &request);
    keys_tidy(&keys, bob);
    requests_take(&bob->deferred);
    keys_changed(&keys, bob, 1);
    keys_tidy(&keys, bob);
    assert_ptr_equal(keys_find(&keys, text("bob")), bob);
    keys_written(&keys, bob); /* as if a round had it */
    bob->next_first_lsn = 0;
    keys_written(&keys, bob);
    keys_tidy(&keys, bob);
    assert_int_equal(count(&keys), 0);
    keys_release(&keys);
}

static void changed__several__dirty_in_order_of_their_first_change(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob"), *eve = get(&keys, "eve");
    keys_changed(&keys, eve, 1);
    keys_changed(&keys, bob, 2);
    keys_changed(&keys, eve, 3);
    assert_int_equal(keys.dirty_count, 2);
    assert_ptr_equal(keys.dirty, eve);
    assert_ptr_equal(eve->next, bob);
    assert_int_equal(eve->first_lsn, 1);
    assert_int_equal(eve->last_lsn, 3);
    keys_forget_after(&keys, eve, 0);
    keys_forget_after(&keys, bob, 0);
    keys_tidy(&keys, eve);
    keys_tidy(&keys, bob);
    keys_release(&keys);
}

static void written__changed_since_it_was_taken__dirty_from_there_on(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob"), *eve = get(&keys, "eve");
    keys_changed(&keys, bob, 1);
    keys_changed(&keys, eve, 2);
    bob->next_first_lsn = eve->next_first_lsn = 0; /* taken */
    keys_changed(&keys, bob, 3);
    keys_changed(&keys, bob, 4);
    keys_written(&keys, bob);
    keys_written(&keys, eve);
    assert_int_equal(bob->first_lsn, 3);
    assert_int_equal(bob->last_lsn, 4);
    assert_int_equal(eve->first_lsn, 0);
    assert_int_equal(keys.dirty_count, 1);
    assert_ptr_equal(keys.dirty, bob);
    bob->next_first_lsn = 0;
    keys_written(&keys, bob);
    assert_null(keys.dirty);
    keys_tidy(&keys, bob);
    keys_tidy(&keys, eve);
    keys_release(&keys);
}

static void written__was_first__moves_behind_the_others(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob"), *eve = get(&keys, "eve");
    keys_changed(&keys, bob, 1);
    bob->next_first_lsn = 0; /* taken */
    keys_changed(&keys, eve, 2);
    keys_changed(&keys, bob, 3);
    keys_written(&keys, bob);
    assert_ptr_equal(keys.dirty, eve);
    assert_ptr_equal(eve->next, bob);
    keys_forget_after(&keys, bob, 0);
    keys_forget_after(&keys, eve, 0);
    keys_tidy(&keys, bob);
    keys_tidy(&keys, eve);
    keys_release(&keys);
}

static void place__held_and_not__value_copied_and_freed(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    char value[] = "1";
    key_place(bob, VALUE_HELD, text(value));
    value[0] = '2';
    assert_held(bob, "1");
    key_place(bob, VALUE_HELD, text("new"));
    assert_held(bob, "new");
    key_place(bob, VALUE_NONE, text(""));
    assert_int_equal(bob->place, VALUE_NONE);
    assert_null(bob->value.data);
    keys_tidy(&keys, bob);
    keys_release(&keys);
}

static void forget__nothing_durable__clean(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    keys_changed(&keys, bob, 5);
    key_place(bob, VALUE_HELD, text("1"));
    keys_forget_after(&keys, bob, 4);
    assert_int_equal(bob->first_lsn, 0);
    assert_int_equal(bob->place, VALUE_IN_FILE);
    assert_int_equal(bob->version, 1);
    assert_int_equal(keys.dirty_count, 0);
    keys_tidy(&keys, bob);
    keys_release(&keys);
}

static void forget__some_durable__in_the_journal(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    keys_changed(&keys, bob, 5);
    bob->next_first_lsn = 0; /* taken */
    keys_changed(&keys, bob, 6);
    key_place(bob, VALUE_HELD, text("1"));
    keys_forget_after(&keys, bob, 5);
    assert_int_equal(bob->place, VALUE_IN_JOURNAL);
    assert_int_equal(bob->first_lsn, 5);
    assert_int_equal(bob->last_lsn, 5);
    assert_int_equal(bob->next_first_lsn, 0);
    keys_written(&keys, bob); /* what a checkpoint took before is still all there is */
    assert_int_equal(bob->place, VALUE_IN_FILE);
    keys_tidy(&keys, bob);
    keys_release(&keys);
}

static void forget__all_durable__as_before(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    keys_changed(&keys, bob, 5);
    key_place(bob, VALUE_HELD, text("1"));
    keys_forget_after(&keys, bob, 5);
    assert_held(bob, "1");
    assert_int_equal(bob->version, 0);
    keys_forget_after(&keys, bob, 4);
    keys_tidy(&keys, bob);
    keys_release(&keys);
}

static void replaced__while_set_aside__the_first_that_is_durable(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct key *bob = get(&keys, "bob");
    keys_changed(&keys, bob, 1);
    assert_int_equal(bob->replaced_lsn, 0);
    bob->setting_aside = true;
    keys_changed(&keys, bob, 2);
    keys_changed(&keys, bob, 3);
    assert_int_equal(bob->replaced_lsn, 2);
    keys_forget_after(&keys, bob, 2);
    assert_int_equal(bob->replaced_lsn, 2);
    keys_changed(&keys, bob, 4);
    keys_forget_after(&keys, bob, 1);
    assert_int_equal(bob->replaced_lsn, 0);
    bob->setting_aside = false;
    keys_changed(&keys, bob, 5);
    keys_forget_after(&keys, bob, 0);
    keys_tidy(&keys, bob);
    assert_int_equal(count(&keys), 0);
    keys_release(&keys);
}

struct named {
    struct store_source source; /* first */
    const char *name;
};

static struct slice source_key(const struct store_source *source)
{
    return text(((const struct named *)source)->name);
}

static const struct store_source_ops ops = {.key = source_key};

static void source__attached_and_detached__found_meanwhile(void **state)
{
    struct keys keys;
    keys_init(&keys);
    struct named bob = {{.ops = &ops}, "bob"}, eve = {{.ops = &ops}, "eve"};
    keys_attach(&keys, &bob.source);
    keys_attach(&keys, &eve.source);
    assert_ptr_equal(keys_source(&keys, text("bob")), &bob.source);
    assert_ptr_equal(keys_source(&keys, text("eve")), &eve.source);
    assert_null(keys_source(&keys, text("mia")));
    keys_detach(&keys, &bob.source);
    assert_null(keys_source(&keys, text("bob")));
    keys_detach(&keys, &eve.source);
    assert_int_equal(keys.sources.count, 0);
    keys_release(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get__twice__the_same_until_tidied),
        cmocka_unit_test(tidy__needed__stays),
        cmocka_unit_test(changed__several__dirty_in_order_of_their_first_change),
        cmocka_unit_test(written__changed_since_it_was_taken__dirty_from_there_on),
        cmocka_unit_test(written__was_first__moves_behind_the_others),
        cmocka_unit_test(place__held_and_not__value_copied_and_freed),
        cmocka_unit_test(forget__nothing_durable__clean),
        cmocka_unit_test(forget__some_durable__in_the_journal),
        cmocka_unit_test(forget__all_durable__as_before),
        cmocka_unit_test(replaced__while_set_aside__the_first_that_is_durable),
        cmocka_unit_test(source__attached_and_detached__found_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
