/* Terms as text. Knows no node: pids and references are numbers and a letter. */
#include "runtime/fake_text.h"

#include "unit.h"
#include "wire/control.h"
#include "wire/etf_fun.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CREATION_OURS = 4 };

uint32_t fake_creation(char node)
{
    return node == '0' ? CREATION_OURS : 1000u + (unsigned char)node;
}

static const struct {
    unsigned op;
    const char *name;
} operations[] = {
    {CONTROL_LINK, "LINK"},
    {CONTROL_SEND, "SEND"},
    {CONTROL_EXIT, "EXIT"},
    {CONTROL_UNLINK, "UNLINK"},
    {CONTROL_REG_SEND, "REG_SEND"},
    {CONTROL_GROUP_LEADER, "GROUP_LEADER"},
    {CONTROL_EXIT2, "EXIT2"},
    {CONTROL_SEND_TT, "SEND_TT"},
    {CONTROL_MONITOR_P, "MONITOR_P"},
    {CONTROL_DEMONITOR_P, "DEMONITOR_P"},
    {CONTROL_MONITOR_P_EXIT, "MONITOR_P_EXIT"},
    {CONTROL_SEND_SENDER, "SEND_SENDER"},
    {CONTROL_PAYLOAD_EXIT, "PAYLOAD_EXIT"},
    {CONTROL_PAYLOAD_EXIT2, "PAYLOAD_EXIT2"},
    {CONTROL_PAYLOAD_MONITOR_P_EXIT, "PAYLOAD_MONITOR_P_EXIT"},
    {CONTROL_SPAWN_REQUEST, "SPAWN_REQUEST"},
    {CONTROL_SPAWN_REPLY, "SPAWN_REPLY"},
    {CONTROL_ALIAS_SEND, "ALIAS_SEND"},
    {CONTROL_SEND_SENDER_TT, "SEND_SENDER_TT"},
    {CONTROL_REG_SEND_TT, "REG_SEND_TT"},
    {CONTROL_ALIAS_SEND_TT, "ALIAS_SEND_TT"},
    {CONTROL_PAYLOAD_EXIT_TT, "PAYLOAD_EXIT_TT"},
    {CONTROL_UNLINK_ID, "UNLINK_ID"},
    {CONTROL_UNLINK_ID_ACK, "UNLINK_ID_ACK"},
    {CONTROL_ALTACT_SIG_SEND, "ALTACT_SIG_SEND"},
};

const char *fake_operation(unsigned op)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (operations[i].op == op)
            return operations[i].name;
    }
    fail_msg("operation %u", op);
    return NULL;
}

/* ---- text to term */

static void write_one(struct buf *out, const char **text);

static void expect(const char **text, char c)
{
    if (**text != c)
        fail_msg("'%c' missing before \"%s\"", c, *text);
    ++*text;
}

static uint32_t number(const char **text)
{
    char *end;
    unsigned long value = strtoul(*text, &end, 10);
    assert_ptr_not_equal(end, *text);
    *text = end;
    return (uint32_t)value;
}

static bool accept(const char **text, char c)
{
    if (**text != c)
        return false;
    ++*text;
    return true;
}

static void write_node(struct buf *out, char node)
{
    char name[] = "?@host";
    name[0] = node;
    etf_write_atom(out, node == '0' ? FAKE_NODE : name);
}

/* Behind the <. */
static void write_pid(struct buf *out, const char **text)
{
    struct buf node = BUF_EMPTY;
    char letter = *(*text)++;
    struct pid pid = {.creation = fake_creation(letter)};
    write_node(&node, letter);
    pid.node = buf_slice(&node);
    expect(text, '.');
    pid.id = number(text);
    expect(text, '.');
    pid.serial = number(text);
    if (accept(text, '!'))
        pid.creation++;
    expect(text, '>');
    pid_write(out, &pid);
    buf_release(&node);
}

/* Behind the #. */
static void write_ref(struct buf *out, const char **text)
{
    struct buf node = BUF_EMPTY;
    char letter = *(*text)++;
    struct ref ref = {.creation = fake_creation(letter)};
    write_node(&node, letter);
    ref.node = buf_slice(&node);
    while (accept(text, '.'))
        ref.word[ref.words++] = number(text);
    if (ref.words == 1)
        ref.words = 3;
    if (accept(text, '!'))
        ref.creation++;
    ref_write(out, &ref);
    buf_release(&node);
}

/* The elements up to the closing sign, separated by commas; returns how many. */
static uint32_t write_elements(struct buf *out, const char **text, const char *closing)
{
    uint32_t count = 0;
    while (**text != '\0' && strchr(closing, **text) == NULL) {
        if (count > 0)
            expect(text, ',');
        write_one(out, text);
        count++;
    }
    return count;
}

static void write_tuple(struct buf *out, const char **text)
{
    struct buf elements = BUF_EMPTY;
    etf_write_tuple(out, write_elements(&elements, text, "}"));
    buf_append_slice(out, buf_slice(&elements));
    buf_release(&elements);
    expect(text, '}');
}

static void write_list(struct buf *out, const char **text)
{
    struct buf elements = BUF_EMPTY;
    uint32_t length = write_elements(&elements, text, "]|");
    if (length > 0) {
        etf_write_list(out, length);
        buf_append_slice(out, buf_slice(&elements));
    }
    if (accept(text, '|'))
        write_one(out, text);
    else
        etf_write_nil(out);
    buf_release(&elements);
    expect(text, ']');
}

static struct slice up_to(const char **text, char quote)
{
    const char *start = *text;
    const char *end = strchr(start, quote);
    assert_non_null(end);
    *text = end + 1;
    return slice_of(start, (size_t)(end - start));
}

static void write_word(struct buf *out, const char **text)
{
    const char *start = *text;
    while (isalnum((unsigned char)**text) || (**text != '\0' && strchr("_@.", **text) != NULL))
        ++*text;
    struct slice word = slice_of(start, (size_t)(*text - start));
    if (word.size == 0)
        fail_msg("no term: \"%s\"", start);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (slice_equal(word, slice_of_text(operations[i].name))) {
            etf_write_uint64(out, operations[i].op);
            return;
        }
    }
    etf_write_atom_slice(out, word);
}

static void write_number(struct buf *out, const char **text)
{
    bool negative = accept(text, '-');
    char *end;
    unsigned long long value = strtoull(*text, &end, 10);
    *text = end;
    if (negative)
        etf_write_int64(out, -(int64_t)value);
    else
        etf_write_uint64(out, value);
}

static void write_binary(struct buf *out, const char **text)
{
    *text += strlen("<\"");
    etf_write_binary(out, up_to(text, '"'));
    expect(text, '>');
    expect(text, '>');
}

static void write_one(struct buf *out, const char **text)
{
    char c = **text;
    if (c == '-' || isdigit((unsigned char)c)) {
        write_number(out, text);
        return;
    }
    if (isalpha((unsigned char)c)) {
        write_word(out, text);
        return;
    }
    ++*text;
    if (c == '{')
        write_tuple(out, text);
    else if (c == '[')
        write_list(out, text);
    else if (c == '<' && **text == '<')
        write_binary(out, text);
    else if (c == '<')
        write_pid(out, text);
    else if (c == '#')
        write_ref(out, text);
    else if (c == '"')
        etf_write_charlist(out, up_to(text, '"'));
    else if (c == '\'')
        etf_write_atom_slice(out, up_to(text, '\''));
    else
        fail_msg("no term: \"%c%s\"", c, *text);
}

void fake_write(struct buf *out, const char *text)
{
    write_one(out, &text);
    assert_string_equal(text, "");
}

/* ---- term to text */

static void render_one(struct buf *text, struct slice *cursor);

__attribute__((format(printf, 2, 3))) static void print(struct buf *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_in_range(size, 0, sizeof line - 1);
    buf_append(text, line, (size_t)size);
}

static void render_elements(struct buf *text, struct slice *cursor, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            print(text, ",");
        render_one(text, cursor);
    }
}

static char node_letter(struct slice atom)
{
    uint8_t name[ATOM_BYTES_MAX];
    size_t size;
    if (!etf_read_atom(&atom, name, &size))
        fail_msg("a node is no atom");
    if (slice_equal(slice_of(name, size), slice_of_text(FAKE_NODE)))
        return '0';
    assert_int_equal(size, strlen("?@host"));
    return (char)name[0];
}

static void render_pid(struct buf *text, const struct pid *pid)
{
    char letter = node_letter(pid->node);
    print(text, "<%c.%u.%u%s>", letter, pid->id, pid->serial,
          pid->creation == fake_creation(letter) ? "" : "!");
}

static void render_ref(struct buf *text, const struct ref *ref)
{
    char letter = node_letter(ref->node);
    bool plain = ref->words == 3 && ref->word[1] == 0 && ref->word[2] == 0;
    print(text, "#%c", letter);
    for (uint32_t i = 0; i < (plain ? 1 : ref->words); i++)
        print(text, ".%u", ref->word[i]);
    print(text, "%s", ref->creation == fake_creation(letter) ? "" : "!");
}

static void render_atom(struct buf *text, const uint8_t *atom, size_t size)
{
    bool plain = size > 0 && islower(atom[0]);
    for (size_t i = 0; i < size; i++)
        plain = plain && (isalnum(atom[i]) || atom[i] == '_' || atom[i] == '@');
    print(text, plain ? "%.*s" : "'%.*s'", (int)size, (const char *)atom);
}

static void render_list(struct buf *text, struct slice *cursor, uint32_t length)
{
    print(text, "[");
    render_elements(text, cursor, length);
    if (length > 0) {
        struct slice tail = etf_take(cursor);
        if (etf_type(tail) != TERM_NIL) {
            print(text, "|");
            render_one(text, &tail);
        }
    }
    print(text, "]");
}

static void render_map(struct buf *text, struct slice *cursor, uint32_t pairs)
{
    print(text, "#{");
    for (uint32_t i = 0; i < pairs; i++) {
        print(text, i > 0 ? "," : "");
        render_one(text, cursor);
        print(text, "=>");
        render_one(text, cursor);
    }
    print(text, "}");
}

static void render_one(struct buf *text, struct slice *cursor)
{
    uint8_t atom[ATOM_BYTES_MAX];
    size_t size;
    uint32_t count;
    int64_t integer;
    uint64_t large;
    struct slice bytes;
    struct pid pid;
    struct ref ref;
    struct etf_fun fun;
    if (etf_read_atom(cursor, atom, &size)) {
        render_atom(text, atom, size);
    } else if (etf_read_int64(cursor, &integer)) {
        print(text, "%" PRId64, integer);
    } else if (etf_read_uint64(cursor, &large)) {
        print(text, "%" PRIu64, large);
    } else if (pid_read(cursor, &pid)) {
        render_pid(text, &pid);
    } else if (ref_read(cursor, &ref)) {
        render_ref(text, &ref);
    } else if (etf_read_tuple(cursor, &count)) {
        print(text, "{");
        render_elements(text, cursor, count);
        print(text, "}");
    } else if (etf_read_list(cursor, &count)) {
        render_list(text, cursor, count);
    } else if (etf_read_string(cursor, &bytes)) {
        print(text, "\"%.*s\"", (int)bytes.size, (const char *)bytes.data);
    } else if (etf_read_binary(cursor, &bytes)) {
        print(text, "<<\"%.*s\">>", (int)bytes.size, (const char *)bytes.data);
    } else if (etf_read_map(cursor, &count)) {
        render_map(text, cursor, count);
    } else if (etf_read_fun(*cursor, &fun) && fun.exported) {
        print(text, "fun ");
        render_one(text, &fun.module);
        print(text, ":");
        render_one(text, &fun.function);
        print(text, "/%u", fun.arity);
        etf_take(cursor);
    } else {
        fail_msg("a term of type %d", etf_type(*cursor));
    }
}

void fake_render(struct buf *text, struct slice term)
{
    render_one(text, &term);
    assert_int_equal(term.size, 0);
}
