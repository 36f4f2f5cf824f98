/* Writing of any validated term in canonical form: one walk that reads the term in place, meets the pairs of
 * each map in key order, and mends lists behind itself. The order is etf_maps.h's.
 */
#include "wire/etf_canonical.h"

#include "base/error.h"
#include "wire/etf_is_canonical.h"
#include "wire/etf_leaf.h"
#include "wire/etf_maps.h"
#include "wire/etf_read.h"
#include "wire/etf_walk.h"
#include "wire/etf_write.h"
#include "wire/pid.h"

enum { NESTING_INLINE = 32, STRING_BYTES_MAX = 65535, LIST_HEAD_SIZE = 5 };

enum open_kind { OPEN_TERMS, OPEN_FUN, OPEN_LIST, OPEN_MAP };

/* A term whose children are being written. */
struct open_term {
    enum open_kind kind;
    bool all_bytes;  /* OPEN_LIST: every element so far is 0..255 */
    uint32_t left;   /* children to come; OPEN_LIST: elements of this LIST_EXT; OPEN_MAP: keys and values */
    uint32_t length; /* OPEN_LIST: elements of the joined list */
    uint32_t map;    /* OPEN_MAP: its number */
    size_t start;    /* where its head stands in out */
    size_t child;    /* OPEN_LIST: where the last element stands in out */
};

/* One walk. */
struct writer {
    struct etf_maps maps;   /* of the term, in order */
    struct etf_place place; /* what is read next */
    struct spill open;      /* of struct open_term */
    struct buf *out;        /* borrowed */
};

static const uint8_t *at(const struct writer *writer)
{
    return writer->maps.start + writer->place.offset;
}

static void skip_to(struct writer *writer, const uint8_t *p)
{
    writer->place.offset = (uint32_t)(p - writer->maps.start);
}

static struct open_term *open_push(struct writer *writer, enum open_kind kind, uint32_t left)
{
    struct open_term *open = spill_push(&writer->open);
    *open = (struct open_term){.kind = kind, .left = left, .start = writer->out->size};
    return open;
}

static void write_atom(struct buf *out, const uint8_t *p)
{
    uint8_t room[ATOM_BYTES_MAX];
    etf_write_atom_slice(out, etf_atom_text(p, room));
}

static void write_big(struct buf *out, const struct etf_integer *integer)
{
    if (integer->count <= UINT8_MAX) {
        buf_append_u8(out, ETF_SMALL_BIG);
        buf_append_u8(out, (uint8_t)integer->count);
    } else {
        buf_append_u8(out, ETF_LARGE_BIG);
        buf_append_u32(out, integer->count);
    }
    buf_append_u8(out, integer->negative);
    buf_append(out, integer->digits, integer->count);
}

static void write_integer(struct buf *out, const uint8_t *p)
{
    struct etf_integer integer;
    etf_integer_view(etf_proper(p), &integer);
    int64_t magnitude = 0;
    if (integer.count > sizeof(uint32_t)) {
        write_big(out, &integer);
        return;
    }
    for (uint32_t i = 0; i < integer.count; i++)
        magnitude |= (int64_t)integer.digits[i] << 8 * i;
    etf_write_int64(out, integer.negative ? -magnitude : magnitude);
}

static void write_double(struct buf *out, const uint8_t *p)
{
    double value = 0;
    struct slice cursor = slice_of(p, SIZE_MAX);
    etf_read_double(&cursor, &value);
    etf_write_double(out, value);
}

/* The bits of the last byte that do not count are 0, as the BEAM writes them. */
static void write_bits(struct buf *out, const uint8_t *p)
{
    struct etf_bits bits = etf_bits_view(p);
    if (bits.last_bits == 8) {
        etf_write_binary(out, slice_of(bits.data, bits.bytes));
        return;
    }
    buf_append_u8(out, ETF_BIT_BINARY);
    buf_append_u32(out, bits.bytes);
    buf_append_u8(out, (uint8_t)bits.last_bits);
    buf_append(out, bits.data, bits.bytes);
    out->data[out->size - 1] &= (uint8_t)(0xff << (8 - bits.last_bits));
}

static void write_string(struct buf *out, const uint8_t *p)
{
    etf_write_charlist(out, slice_of(p + 3, bytes_u16(p + 1)));
}

/* The node is written apart, since pid_write and ref_write want an atom that is canonical already. */
static struct slice canonical_node(struct slice node, struct buf *room)
{
    write_atom(room, node.data);
    return buf_slice(room);
}

static void write_pid(struct buf *out, const uint8_t *p)
{
    struct pid pid;
    struct slice cursor = slice_of(p, SIZE_MAX);
    pid_read(&cursor, &pid);
    struct buf room = BUF_EMPTY;
    if (pid.node.data[0] != ETF_SMALL_ATOM_UTF8)
        pid.node = canonical_node(pid.node, &room);
    pid_write(out, &pid);
    buf_release(&room);
}

static void write_ref(struct buf *out, const uint8_t *p)
{
    struct ref ref;
    struct slice cursor = slice_of(p, SIZE_MAX);
    ref_read(&cursor, &ref);
    struct buf room = BUF_EMPTY;
    if (ref.node.data[0] != ETF_SMALL_ATOM_UTF8)
        ref.node = canonical_node(ref.node, &room);
    ref_write(out, &ref);
    buf_release(&room);
}

static void write_port(struct buf *out, const uint8_t *p)
{
    struct etf_port port = etf_port_view(p);
    buf_append_u8(out, ETF_V4_PORT); /* OTP 26 and later write all ports so, 24 and later read it */
    write_atom(out, port.node);
    buf_append_u64(out, port.id);
    buf_append_u32(out, port.creation);
}

static void write_export(struct buf *out, const uint8_t *p)
{
    const uint8_t *function = p + 1 + etf_atom_size(p + 1);
    buf_append_u8(out, ETF_EXPORT);
    write_atom(out, p + 1);
    write_atom(out, function);
    write_integer(out, function + etf_atom_size(function));
}

/* All but the Size field, which is known when the environment is written. */
static void write_fun_head(struct buf *out, const uint8_t *p)
{
    const uint8_t *module = p + ETF_FUN_MODULE_OFFSET;
    const uint8_t *old_index = module + etf_atom_size(module);
    buf_append(out, p, ETF_FUN_MODULE_OFFSET);
    write_atom(out, module);
    write_integer(out, old_index);
    write_integer(out, etf_integer_end(old_index));
}

static void write_leaf(struct buf *out, const uint8_t *p, enum term_type type)
{
    switch (type) {
    case TERM_INTEGER:
        write_integer(out, p);
        break;
    case TERM_FLOAT:
        write_double(out, p);
        break;
    case TERM_ATOM:
        write_atom(out, p);
        break;
    case TERM_REFERENCE:
        write_ref(out, p);
        break;
    case TERM_PORT:
        write_port(out, p);
        break;
    case TERM_PID:
        write_pid(out, p);
        break;
    case TERM_BITSTRING:
        write_bits(out, p);
        break;
    case TERM_LIST: /* a STRING_EXT: LIST_EXT is none of the leaves */
        write_string(out, p);
        break;
    default:
        etf_write_nil(out);
        break;
    }
}

/* Writes the term at the place, but for its children, which it opens. */
static void write_head(struct writer *writer)
{
    const uint8_t *p = etf_proper(at(writer));
    enum term_type type = etf_type(slice_of(p, 1));
    uint64_t children;
    size_t size = etf_head(p, &children);
    struct open_term *open;
    if (type == TERM_TUPLE) {
        open_push(writer, OPEN_TERMS, (uint32_t)children);
        etf_write_tuple(writer->out, (uint32_t)children);
    } else if (type == TERM_MAP) {
        open = open_push(writer, OPEN_MAP, (uint32_t)children);
        open->map = writer->place.map++;
        etf_write_map(writer->out, (uint32_t)(children / 2));
    } else if (p[0] == ETF_NEW_FUN) {
        open_push(writer, OPEN_FUN, (uint32_t)children);
        write_fun_head(writer->out, p);
    } else if (p[0] == ETF_EXPORT) {
        write_export(writer->out, p);
    } else if (p[0] == ETF_LIST) {
        open = open_push(writer, OPEN_LIST, (uint32_t)children - 1);
        open->length = open->left;
        open->all_bytes = true;
        etf_write_list(writer->out, open->length);
        open->child = writer->out->size;
    } else {
        write_leaf(writer->out, p, type);
    }
    skip_to(writer, p + size);
}

/* LIST_EXT of pairs 97, byte: moved together into a STRING_EXT. */
static void make_string(struct buf *out, const struct open_term *list)
{
    uint8_t *to = out->data + list->start;
    const uint8_t *from = to + LIST_HEAD_SIZE;
    to[0] = ETF_STRING;
    bytes_put_u16(to + 1, (uint16_t)list->length);
    to += 3;
    for (uint32_t i = 0; i < list->length; i++)
        to[i] = from[2 * i + 1];
    out->size = list->start + 3 + list->length;
}

/* Strings as tails are joined as elements. */
static void join_string(struct writer *writer, struct open_term *list, const uint8_t *p)
{
    uint32_t length = bytes_u16(p + 1);
    uint8_t *to = buf_extend(writer->out, 2 * (size_t)length);
    for (uint32_t i = 0; i < length; i++) {
        to[2 * (size_t)i] = ETF_SMALL_INTEGER;
        to[2 * (size_t)i + 1] = p[3 + i];
    }
    list->length += length;
}

/* All elements of a LIST_EXT are written: its tail is joined, or ends the list. more: out, true if a term is
 * to be written next. */
static void write_tail(struct writer *writer, struct open_term *list, bool *more)
{
    const uint8_t *p = etf_proper(at(writer));
    uint64_t children;
    size_t size = etf_head(p, &children);
    if (p[0] == ETF_LIST) {
        list->left = (uint32_t)children - 1;
        list->length += list->left;
        skip_to(writer, p + size);
        return;
    }
    bool proper = p[0] == ETF_STRING || p[0] == ETF_NIL;
    if (p[0] == ETF_STRING)
        join_string(writer, list, p);
    bytes_put_u32(writer->out->data + list->start + 1, list->length);
    if (proper && list->all_bytes && list->length <= STRING_BYTES_MAX)
        make_string(writer->out, list);
    else if (proper)
        etf_write_nil(writer->out);
    if (proper)
        skip_to(writer, p + size);
    *more = !proper;
    spill_pop(&writer->open);
}

/* An element of the list is written, or its head: goes on. */
static void continue_list(struct writer *writer, struct open_term *list, bool *more)
{
    if (list->child < writer->out->size && writer->out->data[list->child] != ETF_SMALL_INTEGER)
        list->all_bytes = false;
    list->child = writer->out->size;
    if (list->left == 0) {
        write_tail(writer, list, more);
        return;
    }
    list->left--;
    *more = true;
}

static void continue_map(struct writer *writer, struct open_term *open, bool *more)
{
    const struct etf_map *map = etf_maps_map(&writer->maps, open->map);
    if (open->left == 0) {
        writer->place = map->behind;
        spill_pop(&writer->open);
        return;
    }
    uint32_t done = 2 * map->pairs - open->left--;
    const struct etf_pair *pair = etf_maps_pairs(&writer->maps, map) + done / 2;
    writer->place = done % 2 == 0 ? pair->key : pair->value;
    *more = true;
}

static void continue_terms(struct writer *writer, struct open_term *open, bool *more)
{
    if (open->left > 0) {
        open->left--;
        *more = true;
        return;
    }
    if (open->kind == OPEN_FUN) /* Size counts itself and what follows, not the tag */
        bytes_put_u32(writer->out->data + open->start + 1, (uint32_t)(writer->out->size - open->start - 1));
    spill_pop(&writer->open);
}

/* Finds the next term to write. False if all is written. */
static bool advance(struct writer *writer)
{
    bool more = false;
    while (writer->open.count > 0 && !more) {
        struct open_term *top = spill_top(&writer->open);
        if (top->kind == OPEN_LIST)
            continue_list(writer, top, &more);
        else if (top->kind == OPEN_MAP)
            continue_map(writer, top, &more);
        else
            continue_terms(writer, top, &more);
    }
    return more;
}

int etf_canonical(struct slice term, struct buf *out)
{
    if (etf_is_canonical(term)) {
        buf_append_slice(out, term);
        return 0;
    }
    struct writer writer = {.place = {0, 0}, .out = out};
    struct open_term first_open[NESTING_INLINE];
    etf_maps_init(&writer.maps, term);
    int error = etf_maps_sort(&writer.maps);
    spill_init(&writer.open, first_open, NESTING_INLINE, sizeof first_open[0]);
    if (error == 0) {
        do {
            write_head(&writer);
        } while (advance(&writer));
    }
    spill_release(&writer.open);
    etf_maps_release(&writer.maps);
    return error;
}
