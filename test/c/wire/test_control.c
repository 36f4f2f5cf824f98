/* Control messages: every operation in every form, whole, cut, with wrong elements and with every byte
 * changed. Every frame is parsed in a heap block of exactly its size. */
#include "wire/control.h"

#include "base/error.h"
#include "base/mem.h"
#include "unit.h"
#include "wire/etf.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEPTH = ETF_DEPTH_MAX_DEFAULT, TERM_SIZE_MAX = 112 };

/* Terms that stand in messages, each known by a letter. */
struct letter {
    char letter;                  /* how samples call it */
    size_t size;                  /* bytes */
    uint8_t bytes[TERM_SIZE_MAX]; /* the term */
};

#define TERM(letter, ...)                                                                                    \
    {                                                                                                        \
        letter, sizeof((uint8_t[]){__VA_ARGS__}),                                                            \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define NODE_X ETF_SMALL_ATOM_UTF8, 3, 'x', '@', 'h'
/* {Pid, [alias|Ref]}, {get, [[7]]}}, whose request is deeper than what is before it */
#define CALL_END                                                                                             \
    ETF_SMALL_TUPLE, 2, ETF_NEW_PID, NODE_X, 0, 0, 0, 91, 0, 0, 0, 1, 0x64, 0, 0, 7, ETF_LIST, 0, 0, 0, 1,   \
        ETF_SMALL_ATOM_UTF8, 5, 'a', 'l', 'i', 'a', 's', ETF_NEWER_REFERENCE, 0, 1, NODE_X, 0, 0, 0, 9, 0,   \
        0, 0, 1, ETF_SMALL_TUPLE, 2, ETF_SMALL_ATOM_UTF8, 3, 'g', 'e', 't', ETF_LIST, 0, 0, 0, 1, ETF_LIST,  \
        0, 0, 0, 1, ETF_SMALL_INTEGER, 7, ETF_NIL, ETF_NIL

static const struct letter letters[] = {
    TERM('p', ETF_NEW_PID, NODE_X, 0, 0, 0, 91, 0, 0, 0, 1, 0x64, 0, 0, 7),
    TERM('q', ETF_NEW_PID, NODE_X, 0, 0, 0, 92, 0, 0, 0, 0, 0, 0, 0, 9),
    TERM('l', ETF_NEW_PID, NODE_X, 0, 0, 0, 93, 0, 0, 0, 0, 0, 0, 0, 9),
    TERM('n', ETF_SMALL_ATOM_UTF8, 4, 't', 'o', 'd', 'o'),
    TERM('r', ETF_NEWER_REFERENCE, 0, 3, NODE_X, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3),
    TERM('u', ETF_SMALL_ATOM_UTF8, 0),
    TERM('t', ETF_SMALL_TUPLE, 2, ETF_SMALL_INTEGER, 1, ETF_SMALL_INTEGER, 2),
    TERM('e', ETF_SMALL_ATOM_UTF8, 6, 'r', 'e', 'a', 's', 'o', 'n'),
    TERM('i', ETF_INTEGER, 0, 1, 0, 0),
    TERM('f', ETF_SMALL_INTEGER, 3),
    TERM('m', ETF_SMALL_TUPLE, 3, ETF_SMALL_ATOM_UTF8, 1, 'm', ETF_SMALL_ATOM_UTF8, 2, 'f', 'u',
         ETF_SMALL_INTEGER, 2),
    TERM('o', ETF_LIST, 0, 0, 0, 1, ETF_SMALL_ATOM_UTF8, 4, 'l', 'i', 'n', 'k', ETF_NIL),
    TERM('a', ETF_STRING, 0, 2, 5, 6),
    TERM('C', ETF_SMALL_TUPLE, 3, ETF_SMALL_ATOM_UTF8, 9, '$', 'g', 'e', 'n', '_', 'c', 'a', 'l', 'l',
         CALL_END),
    TERM('D', ETF_SMALL_TUPLE, 3, ETF_SMALL_ATOM_UTF8, 10, '$', 't', 'o', 'd', 'o', '_', 'c', 'a', 'l', 'l',
         CALL_END),
    TERM('M', ETF_SMALL_TUPLE, 2, ETF_BINARY, 0, 0, 0, 0, ETF_NIL),
};

/* Terms of every other sort. */
static const struct letter others[] = {
    TERM('0', ETF_NIL),
    TERM('1', ETF_NEW_FLOAT, 0, 0, 0, 0, 0, 0, 0, 0),
    TERM('2', ETF_MAP, 0, 0, 0, 0),
    TERM('3', ETF_LIST, 0, 0, 0, 1, ETF_NIL, ETF_NIL),
    TERM('4', ETF_V4_PORT, NODE_X, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7),
    TERM('5', ETF_INTEGER, 0xff, 0xff, 0xff, 0xff),
    TERM('6', ETF_SMALL_BIG, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    TERM('7', ETF_LIST, 0, 0, 0, 1, ETF_NIL, ETF_SMALL_INTEGER, 7),
    TERM('8', ETF_BINARY, 0, 0, 0, 0),
    TERM('9', ETF_SMALL_INTEGER, 0),
};

/* One operation in one form. */
struct sample {
    unsigned op;          /* as on the wire */
    unsigned folded;      /* as parsed */
    const char *elements; /* letters, behind the operation */
    const char *payload;  /* a letter, or "" */
    const char *fields;   /* pairs of a field (field_of) and the letter of what is to be in it */
};

static const struct sample samples[] = {
    {1, CONTROL_LINK, "pq", "", "FpTq"},
    {2, CONTROL_SEND, "uq", "M", "TqMM"},
    {3, CONTROL_EXIT, "pqe", "", "FpTqXe"},
    {4, CONTROL_UNLINK, "pq", "", "FpTq"},
    {6, CONTROL_REG_SEND, "pun", "M", "FpTnMM"},
    {6, CONTROL_REG_SEND, "pun", "C", "FpTnMC"},
    {7, CONTROL_GROUP_LEADER, "lq", "", "GlTq"},
    {8, CONTROL_EXIT2, "pqe", "", "FpTqXe"},
    {12, CONTROL_SEND, "uqt", "M", "TqMMKt"},
    {13, CONTROL_EXIT, "pqte", "", "FpTqXeKt"},
    {16, CONTROL_REG_SEND, "punt", "M", "FpTnMMKt"},
    {18, CONTROL_EXIT2, "pqte", "", "FpTqXeKt"},
    {19, CONTROL_MONITOR_P, "pqr", "", "FpTqRr"},
    {19, CONTROL_MONITOR_P, "pnr", "", "FpTnRr"},
    {20, CONTROL_DEMONITOR_P, "pqr", "", "FpTqRr"},
    {20, CONTROL_DEMONITOR_P, "pnr", "", "FpTnRr"},
    {21, CONTROL_MONITOR_P_EXIT, "pqre", "", "FpTqRrXe"},
    {21, CONTROL_MONITOR_P_EXIT, "nqre", "", "FnTqRrXe"},
    {22, CONTROL_SEND, "pq", "M", "FpTqMM"},
    {22, CONTROL_SEND, "pq", "C", "FpTqMC"},
    {22, CONTROL_SEND, "pq", "D", "FpTqMD"},
    {23, CONTROL_SEND, "pqt", "M", "FpTqMMKt"},
    {24, CONTROL_EXIT, "pq", "e", "FpTqXe"},
    {25, CONTROL_EXIT, "pqt", "e", "FpTqXeKt"},
    {26, CONTROL_EXIT2, "pq", "e", "FpTqXe"},
    {27, CONTROL_EXIT2, "pqt", "e", "FpTqXeKt"},
    {28, CONTROL_MONITOR_P_EXIT, "pqr", "e", "FpTqRrXe"},
    {28, CONTROL_MONITOR_P_EXIT, "nqr", "e", "FnTqRrXe"},
    {29, CONTROL_SPAWN_REQUEST, "rplmo", "a", "RrFpGlAmOoSa"},
    {30, CONTROL_SPAWN_REQUEST, "rplmot", "a", "RrFpGlAmOoSaKt"},
    {31, CONTROL_SPAWN_REPLY, "rqfp", "", "RrTqOfYp"},
    {31, CONTROL_SPAWN_REPLY, "rqfn", "", "RrTqOfYn"},
    {32, CONTROL_SPAWN_REPLY, "rqfpt", "", "RrTqOfYpKt"},
    {33, CONTROL_ALIAS_SEND, "pr", "M", "FpTrMM"},
    {34, CONTROL_ALIAS_SEND, "prt", "M", "FpTrMMKt"},
    {35, CONTROL_UNLINK_ID, "ipq", "", "UiFpTq"},
    {36, CONTROL_UNLINK_ID_ACK, "ipq", "", "UiFpTq"},
};

enum {
    SAMPLES = sizeof samples / sizeof *samples,
    LETTERS = sizeof letters / sizeof *letters,
    OTHERS = sizeof others / sizeof *others
};

static struct slice term_of(char letter)
{
    for (size_t i = 0; i < LETTERS; i++) {
        if (letters[i].letter == letter)
            return slice_of(letters[i].bytes, letters[i].size);
    }
    for (size_t i = 0; i < OTHERS; i++) {
        if (others[i].letter == letter)
            return slice_of(others[i].bytes, others[i].size);
    }
    return slice_of(NULL, 0);
}

static struct slice *field_of(struct control *control, char field)
{
    switch (field) {
    case 'F':
        return &control->from;
    case 'T':
        return &control->to;
    case 'R':
        return &control->ref;
    case 'U':
        return &control->unlink_id;
    case 'M':
        return &control->message;
    case 'X':
        return &control->reason;
    case 'K':
        return &control->token;
    case 'G':
        return &control->group_leader;
    case 'A':
        return &control->mfa;
    case 'O':
        return &control->options;
    case 'S':
        return &control->arguments;
    case 'Y':
        return &control->result;
    default:
        fail_msg("no field %c", field);
        return NULL;
    }
}

/* True if a term of that letter may stand where a sample has the other: written down here anew, from the
 * specification. */
static bool may_stand(char letter, char place, bool process_or_name)
{
    switch (place) {
    case 'p':
    case 'q':
    case 'l':
        return strchr("pql", letter) != NULL || (process_or_name && strchr("nue", letter) != NULL);
    case 'n':
        return strchr("nue", letter) != NULL || (process_or_name && strchr("pql", letter) != NULL);
    case 'r':
        return letter == 'r';
    case 'i':
        return strchr("if", letter) != NULL;
    case 'f':
        return strchr("if9", letter) != NULL;
    case 'm':
        return letter == 'm';
    case 'o':
    case 'a':
        return strchr("oa03", letter) != NULL;
    default:
        return true;
    }
}

/* Where the specification has "pid or name". */
static bool takes_process_or_name(const struct sample *sample, size_t index)
{
    switch (sample->op) {
    case 19:
    case 20:
        return index == 1;
    case 21:
    case 28:
        return index == 0;
    case 31:
    case 32:
        return index == 3;
    default:
        return false;
    }
}

static void frame_of(struct buf *frame, unsigned op, const char *elements, const char *payload)
{
    buf_clear(frame);
    buf_append_u8(frame, 112);
    etf_write_version(frame);
    etf_write_tuple(frame, (uint32_t)strlen(elements) + 1);
    etf_write_uint64(frame, op);
    for (const char *letter = elements; *letter != '\0'; letter++)
        etf_write_term(frame, term_of(*letter));
    if (*payload != '\0') {
        etf_write_version(frame);
        etf_write_term(frame, term_of(*payload));
    }
}

static bool lies_in(struct slice part, struct slice whole)
{
    return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

/* Parses in a block of its own; fields point into frame afterwards. On failure nothing was touched. */
static int parse(struct slice frame, uint32_t depth_max, struct control *control)
{
    uint8_t *exact = mem_dup(frame.data, frame.size);
    struct control parsed;
    memset(&parsed, 0x5a, sizeof parsed);
    struct control untouched = parsed;
    int result = control_parse(slice_of(exact, frame.size), depth_max, &parsed);
    if (result < 0) {
        assert_memory_equal(&parsed, &untouched, sizeof parsed);
    } else {
        assert_int_equal(result, 0);
        for (const char *field = "FTRUMXKGAOSY"; *field != '\0'; field++) {
            struct slice *term = field_of(&parsed, *field);
            assert_true(lies_in(*term, slice_of(exact, frame.size)));
            if (term->size > 0)
                term->data = frame.data + (term->data - exact);
        }
        *control = parsed;
    }
    mem_free(exact);
    return result;
}

static int parse_letters(unsigned op, const char *elements, const char *payload)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    frame_of(&frame, op, elements, payload);
    int result = parse(buf_slice(&frame), DEPTH, &control);
    buf_release(&frame);
    return result;
}

static void assert_fields(struct control *control, unsigned folded, const char *fields)
{
    assert_int_equal(control->op, folded);
    for (const char *field = "FTRUMXKGAOSY"; *field != '\0'; field++) {
        struct slice expected = slice_of(NULL, 0);
        for (const char *pair = fields; *pair != '\0'; pair += 2) {
            if (pair[0] == *field)
                expected = term_of(pair[1]);
        }
        if (!slice_equal(*field_of(control, *field), expected))
            fail_msg("op %u field %c", folded, *field);
    }
}

static void sample_frame(struct buf *frame, const struct sample *sample)
{
    frame_of(frame, sample->op, sample->elements, sample->payload);
}

/* ---- parsing */

static void parse__every_operation__fills_its_fields_and_no_others(void **state)
{
    struct buf frame = BUF_EMPTY;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct control control;
        sample_frame(&frame, &samples[i]);
        assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), 0);
        assert_fields(&control, samples[i].folded, samples[i].fields);
    }
    buf_release(&frame);
}

static void parse__cut_anywhere__is_an_error(void **state)
{
    struct buf frame = BUF_EMPTY;
    struct control control;
    for (size_t i = 0; i < SAMPLES; i++) {
        sample_frame(&frame, &samples[i]);
        for (size_t size = 0; size < frame.size; size++)
            assert_true(parse(slice_of(frame.data, size), DEPTH, &control) < 0);
    }
    buf_release(&frame);
}

static void parse__bytes_behind_it__are_a_protocol_error(void **state)
{
    struct buf frame = BUF_EMPTY;
    struct control control;
    for (size_t i = 0; i < SAMPLES; i++) {
        sample_frame(&frame, &samples[i]);
        buf_append_u8(&frame, ETF_VERSION);
        assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), ERR_PROTOCOL);
        buf_append_u8(&frame, ETF_NIL);
        assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), ERR_PROTOCOL);
    }
    buf_release(&frame);
}

static void parse__payload_missing_or_uncalled_for__is_a_protocol_error(void **state)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *sample = &samples[i];
        const char *other = *sample->payload != '\0' ? "" : "M";
        assert_int_equal(parse_letters(sample->op, sample->elements, other), ERR_PROTOCOL);
    }
}

static void parse__an_element_more_or_less__is_a_protocol_error(void **state)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        char elements[16];
        snprintf(elements, sizeof elements, "%se", samples[i].elements);
        assert_int_equal(parse_letters(samples[i].op, elements, samples[i].payload), ERR_PROTOCOL);
        elements[strlen(elements) - 2] = '\0';
        assert_int_equal(parse_letters(samples[i].op, elements, samples[i].payload), ERR_PROTOCOL);
    }
}

static void assert_element_replaced(const struct sample *sample, size_t index, char letter)
{
    char elements[16];
    char payload[2];
    size_t count = strlen(sample->elements);
    snprintf(elements, sizeof elements, "%s", sample->elements);
    snprintf(payload, sizeof payload, "%s", sample->payload);
    char *place = index < count ? &elements[index] : payload;
    bool fits = may_stand(letter, *place, takes_process_or_name(sample, index));
    *place = letter;
    int result = parse_letters(sample->op, elements, payload);
    if (result != (fits ? 0 : ERR_PROTOCOL))
        fail_msg("op %u {%s} %s gives %d", sample->op, elements, payload, result);
}

static void parse__every_element_of_every_other_sort__is_taken_only_where_it_may_stand(void **state)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t places = strlen(samples[i].elements) + strlen(samples[i].payload);
        for (size_t index = 0; index < places; index++) {
            for (size_t l = 0; l < LETTERS; l++)
                assert_element_replaced(&samples[i], index, letters[l].letter);
            for (size_t l = 0; l < OTHERS; l++)
                assert_element_replaced(&samples[i], index, others[l].letter);
        }
    }
}

/* The usual form of a frame and the same with a LARGE_TUPLE_EXT take different ways through the parser. */
static void assert_same_either_way(struct slice frame)
{
    struct control usual, any;
    struct buf large = BUF_EMPTY;
    int result = parse(frame, DEPTH, &usual);
    if (frame.size < 4 || frame.data[2] != ETF_SMALL_TUPLE)
        return;
    buf_append(&large, frame.data, 2);
    buf_append_u8(&large, ETF_LARGE_TUPLE);
    buf_append_u32(&large, frame.data[3]);
    buf_append(&large, frame.data + 4, frame.size - 4);
    assert_int_equal(parse(buf_slice(&large), DEPTH, &any), result);
    if (result == 0) {
        assert_int_equal(usual.op, any.op);
        for (const char *field = "FTRUMXKGAOSY"; *field != '\0'; field++)
            assert_true(slice_equal(*field_of(&usual, *field), *field_of(&any, *field)));
    }
    buf_release(&large);
}

static void parse__every_byte_changed_to_anything__is_the_same_in_either_form(void **state)
{
    struct buf frame = BUF_EMPTY;
    for (size_t i = 0; i < SAMPLES; i++) {
        sample_frame(&frame, &samples[i]);
        for (size_t at = 0; at < frame.size; at++) {
            uint8_t kept = frame.data[at];
            for (unsigned value = 0; value <= UINT8_MAX; value++) {
                frame.data[at] = (uint8_t)value;
                assert_same_either_way(buf_slice(&frame));
            }
            frame.data[at] = kept;
        }
    }
    buf_release(&frame);
}

static void parse__some_bytes_changed_at_random__is_the_same_in_either_form(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct buf frame = BUF_EMPTY;
    for (unsigned round = 0; round < 50000; round++) {
        sample_frame(&frame, &samples[(size_t)rand() % SAMPLES]);
        for (int changes = rand() % 6; changes >= 0; changes--)
            frame.data[(size_t)rand() % frame.size] = (uint8_t)rand();
        assert_same_either_way(slice_of(frame.data, frame.size - (size_t)rand() % 3));
    }
    buf_release(&frame);
}

/* Calls as they mostly come take a way of their own through the validation: it must find what etf_check does.
 */
static void assert_as_checked(struct slice frame, size_t before, uint32_t depth)
{
    struct control control;
    struct slice message = slice_of(NULL, 0), bytes = slice_of(frame.data + before, frame.size - before);
    uint8_t *exact = mem_dup(bytes.data, bytes.size);
    int expected = etf_check(slice_of(exact, bytes.size), depth, &message);
    if (expected == 0 && message.size != bytes.size)
        expected = ERR_PROTOCOL;
    assert_int_equal(parse(frame, depth, &control), expected);
    if (expected == 0)
        assert_true(slice_equal(control.message, bytes));
    mem_free(exact);
}

static void parse__usual_calls_changed_or_cut__are_what_etf_check_says(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct buf frame = BUF_EMPTY;
    for (const char *letter = "CD"; *letter != '\0'; letter++) {
        char payload[] = {*letter, '\0'};
        frame_of(&frame, 22, "pq", payload);
        size_t size = term_of(*letter).size, before = frame.size - size;
        for (size_t cut = 0; cut <= size; cut++)
            for (uint32_t depth = 2; depth < 8; depth++)
                assert_as_checked(slice_of(frame.data, frame.size - cut), before, depth);
        for (size_t at = before; at < frame.size; at++) {
            uint8_t kept = frame.data[at];
            for (unsigned value = 0; value <= UINT8_MAX; value++) {
                frame.data[at] = (uint8_t)value;
                assert_as_checked(buf_slice(&frame), before, DEPTH);
            }
            frame.data[at] = kept;
        }
        for (unsigned round = 0; round < 50000; round++) {
            frame_of(&frame, 22, "pq", payload);
            for (int changes = rand() % 4; changes >= 0; changes--)
                frame.data[before + (size_t)rand() % size] = (uint8_t)rand();
            assert_as_checked(slice_of(frame.data, frame.size - (size_t)rand() % size), before, 4);
        }
    }
    buf_release(&frame);
}

static void parse__unknown_operation__is_a_protocol_error(void **state)
{
    static const unsigned unknown[] = {0, 5, 9, 10, 11, 14, 15, 17, 38, 39, 255, 256, 1000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(parse_letters(unknown[i], "pq", ""), ERR_PROTOCOL);
        assert_int_equal(parse_letters(unknown[i], "pq", "M"), ERR_PROTOCOL);
        assert_int_equal(parse_letters(unknown[i], "", ""), ERR_PROTOCOL);
    }
}

static void parse__more_elements_than_any_operation_has__is_a_protocol_error(void **state)
{
    char elements[255];
    for (size_t count = 0; count < sizeof elements - 1; count++) {
        struct buf frame = BUF_EMPTY;
        memset(elements, 'p', count);
        elements[count] = '\0';
        if (count == 2)
            continue; /* a LINK */
        frame_of(&frame, CONTROL_LINK, elements, "");
        assert_same_either_way(buf_slice(&frame));
        buf_release(&frame);
        assert_int_equal(parse_letters(CONTROL_LINK, elements, ""), ERR_PROTOCOL);
    }
}

/* Parses 112, 131 and these bytes. */
static int parse_control_term(const void *term, size_t size)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    buf_append_u8(&frame, 112);
    etf_write_version(&frame);
    buf_append(&frame, term, size);
    int result = parse(buf_slice(&frame), DEPTH, &control);
    buf_release(&frame);
    return result;
}

static void parse__no_tuple_or_no_operation__is_a_protocol_error(void **state)
{
    assert_int_equal(parse_control_term("j", 1), ERR_PROTOCOL);                    /* [] */
    assert_int_equal(parse_control_term("h\0", 2), ERR_PROTOCOL);                  /* {} */
    assert_int_equal(parse_control_term("h\1j", 3), ERR_PROTOCOL);                 /* {[]} */
    assert_int_equal(parse_control_term("h\1b\xff\xff\xff\xff", 7), ERR_PROTOCOL); /* {-1} */
    assert_int_equal(parse_control_term("h\1n\x09\0\0\0\0\0\0\0\0\0\1", 14), ERR_PROTOCOL);
    assert_int_equal(parse_control_term("h\1a\5", 4), ERR_PROTOCOL); /* NODE_LINK */
}

static void parse__other_first_bytes__are_a_protocol_error(void **state)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    sample_frame(&frame, &samples[1]);
    frame.data[0] = 131; /* a distribution header */
    assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), ERR_PROTOCOL);
    frame.data[0] = 112;
    frame.data[1] = 130;
    assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), ERR_PROTOCOL);
    assert_int_equal(parse(slice_of(NULL, 0), DEPTH, &control), ERR_PROTOCOL);
    buf_release(&frame);
}

static void parse__old_forms_of_terms__are_understood(void **state)
{
    static const uint8_t bytes[] = {
        112,
        131,
        ETF_LARGE_TUPLE,
        0,
        0,
        0,
        4,
        ETF_INTEGER,
        0,
        0,
        0,
        19, /* {19, */
        ETF_PID,
        ETF_ATOM,
        0,
        3,
        'x',
        '@',
        'h',
        0,
        0,
        0,
        91,
        0,
        0,
        0,
        0,
        3, /* pid, */
        ETF_SMALL_ATOM,
        1,
        0xfc, /* name, */
        ETF_NEW_REFERENCE,
        0,
        1,
        ETF_ATOM,
        0,
        3,
        'x',
        '@',
        'h',
        3,
        0,
        0,
        0,
        5, /* ref} */
    };
    struct control control;
    assert_int_equal(parse(slice_of(bytes, sizeof bytes), DEPTH, &control), 0);
    assert_int_equal(control.op, CONTROL_MONITOR_P);
    assert_true(slice_equal(control.from, slice_of(bytes + 12, 16)));
    assert_true(slice_equal(control.to, slice_of(bytes + 28, 3)));
    assert_true(slice_equal(control.ref, slice_of(bytes + 31, 14)));
}

static void parse__list_of_no_elements_around_a_pid__is_left_out(void **state)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    static const uint8_t head[] = {112, 131, ETF_SMALL_TUPLE, 3, ETF_SMALL_INTEGER, 1, ETF_LIST, 0, 0, 0, 0};
    buf_append(&frame, head, sizeof head);
    etf_write_term(&frame, term_of('p'));
    etf_write_term(&frame, term_of('q'));
    assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), 0);
    assert_fields(&control, CONTROL_LINK, "FpTq");
    buf_release(&frame);
}

static void nested_list(struct buf *out, unsigned depth)
{
    static const uint8_t list_of_one[] = {ETF_LIST, 0, 0, 0, 1};
    for (unsigned i = 1; i < depth; i++)
        buf_append(out, list_of_one, sizeof list_of_one);
    for (unsigned i = 0; i < depth; i++)
        etf_write_nil(out);
}

static void parse__depth_of_the_control_tuple__counts(void **state)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    sample_frame(&frame, &samples[0]);
    assert_int_equal(parse(buf_slice(&frame), 1, &control), ERR_TOO_DEEP);
    assert_int_equal(parse(buf_slice(&frame), 2, &control), 0);
    buf_release(&frame);
}

static void parse__message_nested_as_deep_as_allowed__passes_and_no_deeper(void **state)
{
    struct control control;
    for (unsigned depth = 100000; depth <= 100001; depth++) {
        struct buf out = BUF_EMPTY;
        size_t mark = control_send_begin(&out, term_of('q'), slice_of(NULL, 0));
        nested_list(&out, depth);
        frame_end(&out, mark);
        assert_int_equal(parse(buf_slice_from(&out, 4), 100000, &control),
                         depth == 100000 ? 0 : ERR_TOO_DEEP);
        buf_release(&out);
    }
}

static int parse_unlink_id(const void *id, size_t size)
{
    struct control control;
    struct buf out = BUF_EMPTY;
    control_unlink_id_ack(&out, slice_of(id, size), term_of('p'), term_of('q'));
    int result = parse(buf_slice_from(&out, 4), DEPTH, &control);
    buf_release(&out);
    return result;
}

static void parse__unlink_id__is_1_to_64_bits(void **state)
{
    assert_int_equal(parse_unlink_id("a\1", 2), 0);
    assert_int_equal(parse_unlink_id("n\x08\0\xff\xff\xff\xff\xff\xff\xff\xff", 11), 0);
    assert_int_equal(parse_unlink_id("a\0", 2), ERR_PROTOCOL);
    assert_int_equal(parse_unlink_id("n\x08\1\xff\xff\xff\xff\xff\xff\xff\xff", 11), ERR_PROTOCOL);
    assert_int_equal(parse_unlink_id("n\x09\0\0\0\0\0\0\0\0\0\1", 12), ERR_PROTOCOL);
}

static int parse_spawn(const void *options, size_t options_size, const void *arguments, size_t arguments_size)
{
    struct control control;
    struct buf out = BUF_EMPTY;
    size_t mark = control_spawn_request_begin(&out, term_of('r'), term_of('p'), term_of('l'), term_of('m'),
                                              slice_of(options, options_size));
    etf_write_term(&out, slice_of(arguments, arguments_size));
    frame_end(&out, mark);
    int result = parse(buf_slice_from(&out, 4), DEPTH, &control);
    buf_release(&out);
    return result;
}

static void parse__spawn_lists__have_to_be_proper(void **state)
{
    assert_int_equal(parse_spawn("j", 1, "j", 1), 0);
    assert_int_equal(parse_spawn("l\0\0\0\1jl\0\0\0\2jjj", 14, "l\0\0\0\1jk\0\1x", 10), 0);
    assert_int_equal(parse_spawn("l\0\0\0\1jl\0\0\0\2jja\1", 15, "j", 1), ERR_PROTOCOL);
    assert_int_equal(parse_spawn("j", 1, "l\0\0\0\1ja\1", 8), ERR_PROTOCOL);
    assert_int_equal(parse_spawn("j", 1, "h\0", 2), ERR_PROTOCOL);
}

/* ---- ALTACT_SIG_SEND */

static const struct {
    unsigned flags;
    unsigned folded;
    const char *elements; /* behind the flags */
    const char *fields;
} altacts[] = {
    {0, CONTROL_SEND, "pq", "FpTqMM"},       {2, CONTROL_SEND, "pqt", "FpTqMMKt"},
    {4, CONTROL_ALIAS_SEND, "pr", "FpTrMM"}, {6, CONTROL_ALIAS_SEND, "prt", "FpTrMMKt"},
    {8, CONTROL_REG_SEND, "pn", "FpTnMM"},   {10, CONTROL_REG_SEND, "pnt", "FpTnMMKt"},
    {16, CONTROL_EXIT2, "pq", "FpTqXM"},     {18, CONTROL_EXIT2, "pqt", "FpTqXMKt"},
    {20, CONTROL_EXIT2, "pr", "FpTrXM"},     {22, CONTROL_EXIT2, "prt", "FpTrXMKt"},
    {24, CONTROL_EXIT2, "pn", "FpTnXM"},     {26, CONTROL_EXIT2, "pnt", "FpTnXMKt"},
};
enum { ALTACTS = sizeof altacts / sizeof *altacts };

/* flags: a term. */
static void altact_frame(struct buf *frame, struct slice flags, const char *elements, const char *payload)
{
    buf_clear(frame);
    buf_append_u8(frame, 112);
    etf_write_version(frame);
    etf_write_tuple(frame, (uint32_t)strlen(elements) + 2);
    etf_write_uint64(frame, 37);
    etf_write_term(frame, flags);
    for (const char *letter = elements; *letter != '\0'; letter++)
        etf_write_term(frame, term_of(*letter));
    if (*payload != '\0') {
        etf_write_version(frame);
        etf_write_term(frame, term_of(*payload));
    }
}

static int parse_altact_term(struct slice flags, const char *elements, const char *payload)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    altact_frame(&frame, flags, elements, payload);
    assert_same_either_way(buf_slice(&frame));
    int result = parse(buf_slice(&frame), DEPTH, &control);
    buf_release(&frame);
    return result;
}

static int parse_altact(uint64_t flags, const char *elements, const char *payload)
{
    struct buf term = BUF_EMPTY;
    etf_write_uint64(&term, flags);
    int result = parse_altact_term(buf_slice(&term), elements, payload);
    buf_release(&term);
    return result;
}

static void assert_altact(struct slice flags, size_t i, const char *more)
{
    struct control control;
    struct buf frame = BUF_EMPTY;
    char elements[8];
    snprintf(elements, sizeof elements, "%s%s", altacts[i].elements, more);
    altact_frame(&frame, flags, elements, "M");
    assert_int_equal(parse(buf_slice(&frame), DEPTH, &control), 0);
    assert_fields(&control, altacts[i].folded, altacts[i].fields);
    buf_release(&frame);
}

static void parse_altact__every_flag__is_the_operation_that_it_stands_for(void **state)
{
    static const uint64_t ignored[] = {0, 1, 0x20, 0xe1, 0x100, UINT64_MAX - 0xff};
    for (size_t i = 0; i < ALTACTS; i++) {
        for (size_t k = 0; k < sizeof ignored / sizeof *ignored; k++) {
            struct buf flags = BUF_EMPTY;
            etf_write_uint64(&flags, altacts[i].flags | ignored[k]);
            assert_altact(buf_slice(&flags), i, "");
            buf_release(&flags);
        }
    }
}

static void parse_altact__flags_beyond_64_bits__lowest_count(void **state)
{
    for (size_t i = 0; i < ALTACTS; i++) {
        uint8_t small[] = {ETF_SMALL_BIG, 9, 0, (uint8_t)altacts[i].flags, 0, 0, 0, 0, 0, 0, 0, 1};
        uint8_t large[5 + 1 + 300] = {ETF_LARGE_BIG, 0, 0, 1, 44, 0, (uint8_t)altacts[i].flags};
        large[sizeof large - 1] = 1;
        assert_altact(slice_of(small, sizeof small), i, "");
        assert_altact(slice_of(large, sizeof large), i, "");
    }
}

static void parse_altact__elements_of_a_later_release__are_ignored(void **state)
{
    for (size_t i = 0; i < ALTACTS; i++) {
        struct buf flags = BUF_EMPTY;
        etf_write_uint64(&flags, altacts[i].flags);
        assert_altact(buf_slice(&flags), i, "e");
        assert_altact(buf_slice(&flags), i, "ep");
        buf_release(&flags);
    }
}

static void parse_altact__an_element_missing_or_of_another_sort__is_a_protocol_error(void **state)
{
    assert_int_equal(parse_letters(CONTROL_ALTACT_SIG_SEND, "", ""), ERR_PROTOCOL);
    assert_int_equal(parse_letters(CONTROL_ALTACT_SIG_SEND, "", "M"), ERR_PROTOCOL);
    assert_int_equal(parse_letters(CONTROL_ALTACT_SIG_SEND, "pq", "M"), ERR_PROTOCOL);
    for (size_t i = 0; i < ALTACTS; i++) {
        const char *elements = altacts[i].elements;
        char shorter[8];
        snprintf(shorter, sizeof shorter, "%.*s", (int)strlen(elements) - 1, elements);
        assert_int_equal(parse_altact(altacts[i].flags, shorter, "M"), ERR_PROTOCOL);
        assert_int_equal(parse_altact(altacts[i].flags, elements, ""), ERR_PROTOCOL);
        for (const char *other = "pnrt0"; *other != '\0'; other++) {
            char from[] = {*other, elements[1], elements[2], '\0'}, to[] = {'p', *other, elements[2], '\0'};
            assert_int_equal(parse_altact(altacts[i].flags, from, "M"), *other == 'p' ? 0 : ERR_PROTOCOL);
            bool fits = may_stand(*other, elements[1], false);
            assert_int_equal(parse_altact(altacts[i].flags, to, "M"), fits ? 0 : ERR_PROTOCOL);
        }
    }
}

static void parse_altact__flags_that_are_none__are_a_protocol_error(void **state)
{
    static const uint8_t negative_big[] = {ETF_SMALL_BIG, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    assert_int_equal(parse_altact(4 | 8, "pr", "M"), ERR_PROTOCOL);
    assert_int_equal(parse_altact(4 | 8, "pn", "M"), ERR_PROTOCOL);
    assert_int_equal(parse_altact_term(slice_of(negative_big, sizeof negative_big), "pq", "M"), ERR_PROTOCOL);
    for (const char *none = "pnrtuM0123458"; *none != '\0'; none++)
        assert_int_equal(parse_altact_term(term_of(*none), "pq", "M"), ERR_PROTOCOL);
    assert_int_equal(parse_letters(37, "", "M"), ERR_PROTOCOL);
    assert_int_equal(parse_letters(37, "9", "M"), ERR_PROTOCOL);
}

static void parse_altact__every_byte_changed_to_anything__is_the_same_in_either_form(void **state)
{
    struct buf frame = BUF_EMPTY, flags = BUF_EMPTY;
    for (size_t i = 0; i < ALTACTS; i++) {
        buf_clear(&flags);
        etf_write_uint64(&flags, altacts[i].flags);
        altact_frame(&frame, buf_slice(&flags), altacts[i].elements, "M");
        for (size_t at = 0; at < frame.size; at++) {
            uint8_t kept = frame.data[at];
            for (unsigned value = 0; value <= UINT8_MAX; value++) {
                frame.data[at] = (uint8_t)value;
                assert_same_either_way(buf_slice(&frame));
            }
            frame.data[at] = kept;
        }
    }
    buf_release(&frame);
    buf_release(&flags);
}

/* ---- building */

/* The one frame in out parses to that. */
static void assert_built(struct buf *out, unsigned folded, const char *fields)
{
    struct control control;
    assert_true(out->size > 4);
    assert_int_equal(bytes_u32(out->data), out->size - 4);
    assert_int_equal(parse(buf_slice_from(out, 4), DEPTH, &control), 0);
    assert_fields(&control, folded, fields);
    buf_clear(out);
}

static void end_with(struct buf *out, size_t mark, char letter)
{
    etf_write_term(out, term_of(letter));
    frame_end(out, mark);
}

static const struct slice none;

static unsigned op_of(const struct buf *out)
{
    return out->data[4 + 5];
}

/* Every send without a token (token empty) or with it, as operation op. */
static void assert_sends(const unsigned ops[4], struct slice token, const char *more)
{
    struct buf out = BUF_EMPTY;
    char fields[16];
    end_with(&out, control_send_begin(&out, term_of('q'), token), 'M');
    assert_int_equal(op_of(&out), ops[0]);
    snprintf(fields, sizeof fields, "TqMM%s", more);
    assert_built(&out, CONTROL_SEND, fields);
    end_with(&out, control_send_sender_begin(&out, term_of('p'), term_of('q'), token), 'M');
    assert_int_equal(op_of(&out), ops[1]);
    snprintf(fields, sizeof fields, "FpTqMM%s", more);
    assert_built(&out, CONTROL_SEND, fields);
    end_with(&out, control_reg_send_begin(&out, term_of('p'), term_of('n'), token), 'M');
    assert_int_equal(op_of(&out), ops[2]);
    snprintf(fields, sizeof fields, "FpTnMM%s", more);
    assert_built(&out, CONTROL_REG_SEND, fields);
    end_with(&out, control_alias_send_begin(&out, term_of('p'), term_of('r'), token), 'M');
    assert_int_equal(op_of(&out), ops[3]);
    snprintf(fields, sizeof fields, "FpTrMM%s", more);
    assert_built(&out, CONTROL_ALIAS_SEND, fields);
    buf_release(&out);
}

static void build__sends__parse_to_what_was_given(void **state)
{
    assert_sends((const unsigned[]){2, 22, 6, 33}, none, "");
}

static void build__sends_with_a_token__carry_it(void **state)
{
    assert_sends((const unsigned[]){12, 23, 16, 34}, term_of('t'), "Kt");
}

static void build__altact_send__has_the_alias_flag_and_that_of_a_token(void **state)
{
    struct buf out = BUF_EMPTY;
    end_with(&out, control_altact_send_begin(&out, term_of('p'), term_of('r'), none), 'M');
    assert_memory_equal(out.data + 4, "p\203h\4a\45a\4", 8);
    assert_built(&out, CONTROL_ALIAS_SEND, "FpTrMM");
    end_with(&out, control_altact_send_begin(&out, term_of('p'), term_of('r'), term_of('t')), 'M');
    assert_memory_equal(out.data + 4, "p\203h\5a\45a\6", 8);
    assert_built(&out, CONTROL_ALIAS_SEND, "FpTrMMKt");
    buf_release(&out);
}

static void build__links__parse_to_what_was_given(void **state)
{
    struct buf out = BUF_EMPTY;
    control_link(&out, term_of('p'), term_of('q'));
    assert_int_equal(op_of(&out), 1);
    assert_built(&out, CONTROL_LINK, "FpTq");
    control_unlink_id(&out, 65536, term_of('p'), term_of('q'));
    assert_int_equal(op_of(&out), 35);
    assert_built(&out, CONTROL_UNLINK_ID, "UiFpTq");
    control_unlink_id_ack(&out, term_of('i'), term_of('p'), term_of('q'));
    assert_int_equal(op_of(&out), 36);
    assert_built(&out, CONTROL_UNLINK_ID_ACK, "UiFpTq");
    buf_release(&out);
}

static void build__exits__take_the_form_that_was_asked_for(void **state)
{
    struct buf out = BUF_EMPTY;
    for (int payload = 0; payload <= 1; payload++) {
        control_exit(&out, payload, term_of('p'), term_of('q'), none, term_of('e'));
        assert_int_equal(op_of(&out), payload ? 24 : 3);
        assert_built(&out, CONTROL_EXIT, "FpTqXe");
        control_exit(&out, payload, term_of('p'), term_of('q'), term_of('t'), term_of('e'));
        assert_int_equal(op_of(&out), payload ? 25 : 13);
        assert_built(&out, CONTROL_EXIT, "FpTqXeKt");
        control_exit2(&out, payload, term_of('p'), term_of('q'), term_of('e'));
        assert_int_equal(op_of(&out), payload ? 26 : 8);
        assert_built(&out, CONTROL_EXIT2, "FpTqXe");
        control_monitor_p_exit(&out, payload, term_of('n'), term_of('q'), term_of('r'), term_of('e'));
        assert_int_equal(op_of(&out), payload ? 28 : 21);
        assert_built(&out, CONTROL_MONITOR_P_EXIT, "FnTqRrXe");
    }
    buf_release(&out);
}

static void build__monitors__parse_to_what_was_given(void **state)
{
    struct buf out = BUF_EMPTY;
    control_monitor_p(&out, term_of('p'), term_of('n'), term_of('r'));
    assert_int_equal(op_of(&out), 19);
    assert_built(&out, CONTROL_MONITOR_P, "FpTnRr");
    control_demonitor_p(&out, term_of('p'), term_of('q'), term_of('r'));
    assert_int_equal(op_of(&out), 20);
    assert_built(&out, CONTROL_DEMONITOR_P, "FpTqRr");
    buf_release(&out);
}

static void build__spawns__parse_to_what_was_given(void **state)
{
    struct buf out = BUF_EMPTY;
    end_with(&out,
             control_spawn_request_begin(&out, term_of('r'), term_of('p'), term_of('l'), term_of('m'),
                                         term_of('o')),
             'a');
    assert_int_equal(op_of(&out), 29);
    assert_built(&out, CONTROL_SPAWN_REQUEST, "RrFpGlAmOoSa");
    control_spawn_reply(&out, term_of('r'), term_of('q'), 3, term_of('n'));
    assert_int_equal(op_of(&out), 31);
    assert_built(&out, CONTROL_SPAWN_REPLY, "RrTqOfYn");
    buf_release(&out);
}

static void build__behind_other_frames__leaves_them_alone(void **state)
{
    struct buf out = BUF_EMPTY, alone = BUF_EMPTY;
    control_link(&alone, term_of('p'), term_of('q'));
    for (int i = 0; i < 3; i++)
        control_link(&out, term_of('p'), term_of('q'));
    assert_int_equal(out.size, 3 * alone.size);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(out.data + (size_t)i * alone.size, alone.data, alone.size);
    buf_release(&out);
    buf_release(&alone);
}

static void build__reg_send__is_the_bytes_of_the_specification(void **state)
{
    static const uint8_t expected[] = {0,   0,   0,   40,          /* length */
                                       112, 131, 104, 4,   97,  6, /* {6, */
                                       88,  119, 3,   'x', '@', 'h',  0, 0, 0,
                                       91,  0,   0,   0,   1,   0x64, 0, 0, 7, /* pid, */
                                       119, 0,                                 /* '', */
                                       119, 4,   't', 'o', 'd', 'o',           /* todo} */
                                       131, 104, 2,   109, 0,   0,    0, 0};   /* {<<>>, */
    struct buf out = BUF_EMPTY;
    end_with(&out, control_reg_send_begin(&out, term_of('p'), term_of('n'), none), 'M');
    assert_int_equal(out.size, sizeof expected + 1);
    assert_memory_equal(out.data + 4, expected + 4, sizeof expected - 4);
    assert_int_equal(out.data[sizeof expected], ETF_NIL);
    buf_release(&out);
}

static void build__tick__is_four_zero_bytes(void **state)
{
    static const uint8_t zeroes[4];
    struct buf out = BUF_EMPTY;
    control_tick(&out);
    assert_true(slice_equal(buf_slice(&out), slice_of(zeroes, 4)));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__every_operation__fills_its_fields_and_no_others),
        cmocka_unit_test(parse__cut_anywhere__is_an_error),
        cmocka_unit_test(parse__bytes_behind_it__are_a_protocol_error),
        cmocka_unit_test(parse__payload_missing_or_uncalled_for__is_a_protocol_error),
        cmocka_unit_test(parse__an_element_more_or_less__is_a_protocol_error),
        cmocka_unit_test(parse__every_element_of_every_other_sort__is_taken_only_where_it_may_stand),
        cmocka_unit_test(parse__every_byte_changed_to_anything__is_the_same_in_either_form),
        cmocka_unit_test(parse__some_bytes_changed_at_random__is_the_same_in_either_form),
        cmocka_unit_test(parse__usual_calls_changed_or_cut__are_what_etf_check_says),
        cmocka_unit_test(parse__unknown_operation__is_a_protocol_error),
        cmocka_unit_test(parse__more_elements_than_any_operation_has__is_a_protocol_error),
        cmocka_unit_test(parse__no_tuple_or_no_operation__is_a_protocol_error),
        cmocka_unit_test(parse__other_first_bytes__are_a_protocol_error),
        cmocka_unit_test(parse__old_forms_of_terms__are_understood),
        cmocka_unit_test(parse__list_of_no_elements_around_a_pid__is_left_out),
        cmocka_unit_test(parse__depth_of_the_control_tuple__counts),
        cmocka_unit_test(parse__message_nested_as_deep_as_allowed__passes_and_no_deeper),
        cmocka_unit_test(parse__unlink_id__is_1_to_64_bits),
        cmocka_unit_test(parse__spawn_lists__have_to_be_proper),
        cmocka_unit_test(build__sends__parse_to_what_was_given),
        cmocka_unit_test(build__sends_with_a_token__carry_it),
        cmocka_unit_test(parse_altact__every_flag__is_the_operation_that_it_stands_for),
        cmocka_unit_test(parse_altact__flags_beyond_64_bits__lowest_count),
        cmocka_unit_test(parse_altact__elements_of_a_later_release__are_ignored),
        cmocka_unit_test(parse_altact__an_element_missing_or_of_another_sort__is_a_protocol_error),
        cmocka_unit_test(parse_altact__flags_that_are_none__are_a_protocol_error),
        cmocka_unit_test(parse_altact__every_byte_changed_to_anything__is_the_same_in_either_form),
        cmocka_unit_test(build__altact_send__has_the_alias_flag_and_that_of_a_token),
        cmocka_unit_test(build__links__parse_to_what_was_given),
        cmocka_unit_test(build__exits__take_the_form_that_was_asked_for),
        cmocka_unit_test(build__monitors__parse_to_what_was_given),
        cmocka_unit_test(build__spawns__parse_to_what_was_given),
        cmocka_unit_test(build__behind_other_frames__leaves_them_alone),
        cmocka_unit_test(build__reg_send__is_the_bytes_of_the_specification),
        cmocka_unit_test(build__tick__is_four_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
