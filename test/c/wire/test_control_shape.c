/* The table of operations: that it is well formed for any number from the wire, and the bounds of what may
 * stand in a place. What each operation parses to, test_control shows. */
#include "wire/control_shape.h"

#include "terms.h"
#include "wire/control.h"

#include <stdio.h>
#include <string.h>

enum { KINDS = CONTROL_KIND_PROPER_LIST + 1, DEEP = 100000 };

static const char *const kind_names[KINDS] = {"none", "any",       "pid",   "atom", "pid_or_atom",
                                              "ref",  "unlink_id", "flags", "mfa",  "proper_list"};

/* ---- the table */

/* Every place has a field of its own: none overwrites another, nothing is written outside of struct control.
 */
static void assert_well_formed(const struct control_shape *shape)
{
    bool taken[sizeof(struct control)] = {false};
    bool ended = false;
    for (unsigned i = 0; i <= CONTROL_ELEMENTS_MAX; i++) {
        struct control_place place = i < CONTROL_ELEMENTS_MAX ? shape->elements[i] : shape->payload;
        assert_in_range(place.kind, CONTROL_KIND_NONE, KINDS - 1);
        if (i < CONTROL_ELEMENTS_MAX) {
            assert_false(ended && place.kind != CONTROL_KIND_NONE); /* nothing behind the end */
            ended = place.kind == CONTROL_KIND_NONE;
        }
        if (place.kind == CONTROL_KIND_NONE || place.field == CONTROL_IGNORED)
            continue;
        assert_in_range(place.field, sizeof(enum control_op), sizeof(struct control) - sizeof(struct slice));
        assert_int_equal(place.field % _Alignof(struct slice), 0);
        assert_false(taken[place.field]);
        taken[place.field] = true;
    }
}

static unsigned elements_of(const struct control_shape *shape)
{
    unsigned count = 0;
    while (count < CONTROL_ELEMENTS_MAX && shape->elements[count].kind != CONTROL_KIND_NONE)
        count++;
    return count;
}

static void shape_of__every_operation__well_formed_and_folded_to_a_plain_one(void **state)
{
    unsigned count = 0;
    for (uint64_t op = 0; op < 1000; op++) {
        const struct control_shape *shape = control_shape_of(op);
        if (shape == NULL)
            continue;
        count++;
        assert_well_formed(shape);
        const struct control_shape *plain = control_shape_of(shape->op);
        assert_non_null(plain);
        assert_int_equal(plain->op, shape->op);
    }
    assert_int_equal(count, 30); /* of the specification, NODE_LINK and those unused left out */
}

static void shape_of__numbers_that_are_no_operations__null(void **state)
{
    static const uint64_t none[] = {0,
                                    5,
                                    9,
                                    10,
                                    11,
                                    14,
                                    15,
                                    17,
                                    38,
                                    255,
                                    256 + CONTROL_LINK,
                                    (1ull << 32) + CONTROL_LINK,
                                    (1ull << 63) + CONTROL_SEND,
                                    UINT64_MAX};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_null(control_shape_of(none[i]));
}

/* A form with a token is its form without, and one element more: the token. */
static void shape_of__forms_with_a_token__one_element_more(void **state)
{
    static const uint8_t pairs[][2] = {
        {CONTROL_EXIT, CONTROL_EXIT_TT},
        {CONTROL_SEND, CONTROL_SEND_TT},
        {CONTROL_REG_SEND, CONTROL_REG_SEND_TT},
        {CONTROL_EXIT2, CONTROL_EXIT2_TT},
        {CONTROL_SEND_SENDER, CONTROL_SEND_SENDER_TT},
        {CONTROL_PAYLOAD_EXIT, CONTROL_PAYLOAD_EXIT_TT},
        {CONTROL_PAYLOAD_EXIT2, CONTROL_PAYLOAD_EXIT2_TT},
        {CONTROL_SPAWN_REQUEST, CONTROL_SPAWN_REQUEST_TT},
        {CONTROL_SPAWN_REPLY, CONTROL_SPAWN_REPLY_TT},
        {CONTROL_ALIAS_SEND, CONTROL_ALIAS_SEND_TT},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const struct control_shape *plain = control_shape_of(pairs[i][0]),
                                   *traced = control_shape_of(pairs[i][1]);
        unsigned tokens = 0;
        for (unsigned at = 0, other = 0; at < elements_of(traced); at++) {
            struct control_place place = traced->elements[at];
            if (place.field == offsetof(struct control, token))
                tokens++;
            else
                assert_memory_equal(&place, &plain->elements[other++], sizeof place);
        }
        assert_int_equal(tokens, 1);
        assert_int_equal(elements_of(traced), elements_of(plain) + 1);
        assert_memory_equal(&traced->payload, &plain->payload, sizeof plain->payload);
    }
}

static const struct control_shape *altact_of(struct slice flags)
{
    return control_shape_of_altact(terms_valid(flags));
}

static void shape_of_altact__any_low_byte__well_formed_or_null(void **state)
{
    for (unsigned flags = 0; flags < 256; flags++) {
        const struct control_shape *shape = altact_of(TERM(97, (uint8_t)flags));
        bool both = (flags & CONTROL_ALTACT_ALIAS) && (flags & CONTROL_ALTACT_NAME);
        assert_int_equal(shape == NULL, both);
        if (shape == NULL)
            continue;
        assert_well_formed(shape);
        assert_int_equal(elements_of(shape), flags & CONTROL_ALTACT_TOKEN ? 4 : 3);
        assert_ptr_equal(shape, altact_of(TERM(98, 127, 0, 1, (uint8_t)flags)));
        assert_ptr_equal(shape, altact_of(TERM(111, 0, 0, 0, 9, 0, (uint8_t)flags, 0, 0, 0, 0, 0, 0, 0, 1)));
        assert_ptr_equal(shape, altact_of(TERM(110, 9, 0, (uint8_t)flags, 0, 0, 0, 0, 0, 0, 0, 0)));
    }
}

static void shape_of_altact__other_terms__null(void **state)
{
    const struct slice terms[] = {
        TERM(98, 255, 255, 255, 255),
        TERM(110, 1, 1, 4),
        TERM(110, 9, 255, 4, 0, 0, 0, 0, 0, 0, 0, 1),
        TERM(111, 0, 0, 0, 9, 1, 4, 0, 0, 0, 0, 0, 0, 0, 1),
        TERM(106),
        TERM(119, 1, 'a'),
        TERM(70, 0, 0, 0, 0, 0, 0, 0, 0),
        TERM(109, 0, 0, 0, 1, 4),
        TERM(107, 0, 1, 4),
    };
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        assert_null(altact_of(terms[i]));
}

/* ---- what may stand in a place */

/* kinds: those that the term is of, besides any. */
static void assert_kinds(struct slice term, const char *kinds)
{
    terms_valid(term);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        char word[32];
        snprintf(word, sizeof word, " %s ", kind_names[kind]);
        bool expected = kind == CONTROL_KIND_ANY || strstr(kinds, word) != NULL;
        if (control_kind_fits(term, (enum control_kind)kind) != expected)
            fail_msg("%s for %s", kind_names[kind], kinds);
    }
}

static void kind_fits__pids_atoms_references__in_every_form(void **state)
{
    assert_kinds(TERM(88, 119, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1), " pid pid_or_atom ");
    assert_kinds(TERM(103, 100, 0, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 0, 1), " pid pid_or_atom ");
    assert_kinds(TERM(108, 0, 0, 0, 0, 103, 100, 0, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 0, 1), " pid pid_or_atom ");
    assert_kinds(TERM(119, 0), " atom pid_or_atom ");
    assert_kinds(TERM(100, 0, 1, 'a'), " atom pid_or_atom ");
    assert_kinds(TERM(115, 1, 0xe4), " atom pid_or_atom ");
    assert_kinds(TERM(118, 0, 1, 'a'), " atom pid_or_atom ");
    assert_kinds(TERM(90, 0, 1, 119, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 1), " ref ");
    assert_kinds(TERM(114, 0, 1, 119, 1, 'n', 1, 0, 0, 0, 1), " ref ");
    assert_kinds(TERM(101, 119, 1, 'n', 0, 0, 0, 1, 1), " ref ");
    assert_kinds(TERM(89, 119, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 1), " "); /* a port */
}

static void kind_fits__integers__within_their_bounds(void **state)
{
    assert_kinds(TERM(97, 0), " flags ");
    assert_kinds(TERM(97, 1), " unlink_id flags ");
    assert_kinds(TERM(98, 7, 255, 255, 255), " unlink_id flags "); /* 2^27 - 1 */
    assert_kinds(TERM(98, 8, 0, 0, 0), " unlink_id ");
    assert_kinds(TERM(98, 255, 255, 255, 255), " ");
    assert_kinds(TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255), " unlink_id "); /* 2^64 - 1 */
    assert_kinds(TERM(110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), " ");
    assert_kinds(TERM(110, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), " unlink_id flags ");
    assert_kinds(TERM(110, 1, 1, 0), " flags "); /* -0 */
    assert_kinds(TERM(70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0), " ");
}

#define ATOMS 119, 1, 'm', 100, 0, 1, 'f'

static void kind_fits__mfa__two_atoms_and_an_arity(void **state)
{
    assert_kinds(TERM(104, 3, ATOMS, 97, 0), " mfa ");
    assert_kinds(TERM(105, 0, 0, 0, 3, ATOMS, 98, 127, 255, 255, 255), " mfa ");
    assert_kinds(TERM(104, 3, ATOMS, 110, 4, 0, 0, 0, 0, 128), " "); /* 2^31 */
    assert_kinds(TERM(104, 3, ATOMS, 98, 255, 255, 255, 255), " ");
    assert_kinds(TERM(104, 3, 106, 119, 1, 'f', 97, 0), " ");
    assert_kinds(TERM(104, 3, 119, 1, 'm', 106, 97, 0), " ");
    assert_kinds(TERM(104, 2, ATOMS), " ");
    assert_kinds(TERM(104, 4, ATOMS, 97, 0, 97, 0), " ");
    assert_kinds(TERM(104, 0), " ");
}

static void kind_fits__lists__proper_however_their_tails_stand(void **state)
{
    assert_kinds(TERM(106), " proper_list ");
    assert_kinds(TERM(107, 0, 0), " proper_list ");
    assert_kinds(TERM(107, 0, 1, 'a'), " proper_list ");
    assert_kinds(TERM(108, 0, 0, 0, 0, 106), " proper_list ");
    assert_kinds(TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 1, 'a'), " proper_list ");
    assert_kinds(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 2, 106), " proper_list ");
    assert_kinds(TERM(108, 0, 0, 0, 1, 106, 97, 1), " "); /* [[] | 1] */
    assert_kinds(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 2, 119, 1, 'a'), " ");
    assert_kinds(TERM(108, 0, 0, 0, 0, 109, 0, 0, 0, 0), " ");
}

static void kind_fits__hundred_thousand_tails__told_by_the_last(void **state)
{
    const struct slice lasts[] = {TERM(106), TERM(97, 1)};
    for (size_t i = 0; i < 2; i++) {
        struct buf list = BUF_EMPTY;
        terms_deep_tail(&list, DEEP, lasts[i]);
        assert_int_equal(control_kind_fits(terms_valid(buf_slice(&list)), CONTROL_KIND_PROPER_LIST), i == 0);
        buf_release(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_of__every_operation__well_formed_and_folded_to_a_plain_one),
        cmocka_unit_test(shape_of__numbers_that_are_no_operations__null),
        cmocka_unit_test(shape_of__forms_with_a_token__one_element_more),
        cmocka_unit_test(shape_of_altact__any_low_byte__well_formed_or_null),
        cmocka_unit_test(shape_of_altact__other_terms__null),
        cmocka_unit_test(kind_fits__pids_atoms_references__in_every_form),
        cmocka_unit_test(kind_fits__integers__within_their_bounds),
        cmocka_unit_test(kind_fits__mfa__two_atoms_and_an_arity),
        cmocka_unit_test(kind_fits__lists__proper_however_their_tails_stand),
        cmocka_unit_test(kind_fits__hundred_thousand_tails__told_by_the_last),
    };
    return cmocka_run_group_tests_name("control_shape", tests, NULL, NULL);
}
