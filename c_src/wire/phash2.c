/* erlang:phash2. The mixing function is Bob Jenkins's of 1996, as the BEAM uses it; which constants go with
 * which type, and that a run of bytes in a list is hashed four at a time, is what makes the numbers equal to
 * the BEAM's.
 */
#include "wire/phash2.h"

#include "wire/etf_leaf.h"
#include "wire/etf_read.h"
#include "wire/etf_walk.h"
#include "wire/pid.h"
#include "wire/spill.h"

enum { NESTING_INLINE = 32, BLOCK_SIZE = 12 };

/* The golden ratio and its multiples modulo 2^32: one for each type of term. */
#define GOLDEN 0x9e3779b9u

static const uint32_t salt_integer = GOLDEN;
static const uint32_t salt_fun = GOLDEN;
static const uint32_t salt_nil = 2 * GOLDEN;
static const uint32_t salt_atom = 3 * GOLDEN;
static const uint32_t salt_bytes_in_list = 4 * GOLDEN;
static const uint32_t salt_pid = 5 * GOLDEN;
static const uint32_t salt_port = 6 * GOLDEN;
static const uint32_t salt_reference = 7 * GOLDEN;
static const uint32_t salt_tuple = 9 * GOLDEN;
static const uint32_t salt_negative = 10 * GOLDEN;
static const uint32_t salt_positive = 11 * GOLDEN;
static const uint32_t salt_float = 12 * GOLDEN;
static const uint32_t salt_bitstring = 13 * GOLDEN;
static const uint32_t salt_export_function = 14 * GOLDEN;
static const uint32_t salt_last_bits = 15 * GOLDEN;
static const uint32_t salt_map = 16 * GOLDEN;
static const uint32_t salt_map_pairs = 19 * GOLDEN;

enum { NIL_NUMBER = 2, SHORT_INTEGER_MAX = 1 << 27 };

enum open_kind { OPEN_TERMS, OPEN_LIST, OPEN_MAP };

/* A term whose children are being hashed. */
struct open_term {
    enum open_kind kind;
    uint32_t left;        /* children to come; OPEN_LIST: elements, before a tail */
    uint32_t outer_hash;  /* OPEN_MAP: the hash before its pairs */
    uint32_t outer_pairs; /* OPEN_MAP: the surrounding map's xor of pairs */
};

/* One walk. */
struct hasher {
    const uint8_t *p;  /* what is hashed next */
    uint32_t hash;     /* of everything before */
    uint32_t pairs;    /* xor of the hashes of the innermost map's pairs so far */
    struct spill open; /* of struct open_term */
};

/* The three words of the mixing function; c is the hash. */
struct words {
    uint32_t a; /* first word mixed in */
    uint32_t b; /* second word mixed in */
    uint32_t c; /* hash before and after */
};

static void mix(struct words *words)
{
    uint32_t a = words->a;
    uint32_t b = words->b;
    uint32_t c = words->c;
    a = (a - b - c) ^ c >> 13;
    b = (b - c - a) ^ a << 8;
    c = (c - a - b) ^ b >> 13;
    a = (a - b - c) ^ c >> 12;
    b = (b - c - a) ^ a << 16;
    c = (c - a - b) ^ b >> 5;
    a = (a - b - c) ^ c >> 3;
    b = (b - c - a) ^ a << 10;
    c = (c - a - b) ^ b >> 15;
    *words = (struct words){a, b, c};
}

static uint32_t hash_words(uint32_t hash, uint32_t a, uint32_t b, uint32_t salt)
{
    struct words words = {salt + a, salt + b, hash};
    mix(&words);
    return words.c;
}

static uint32_t hash_word(uint32_t hash, uint32_t a, uint32_t salt)
{
    return hash_words(hash, a, 0, salt);
}

/* Up to four bytes, least significant first; missing ones are 0. */
static uint32_t little_word(const uint8_t *bytes, size_t size)
{
    uint32_t word = 0;
    for (size_t i = 0; i < size && i < sizeof word; i++)
        word |= (uint32_t)bytes[i] << 8 * i;
    return word;
}

static size_t bytes_beyond(size_t size, size_t offset)
{
    return size > offset ? size - offset : 0;
}

static uint32_t hash_bytes(uint32_t hash, const uint8_t *bytes, size_t size)
{
    struct words words = {GOLDEN, GOLDEN, hash};
    size_t left = size;
    for (; left >= BLOCK_SIZE; bytes += BLOCK_SIZE, left -= BLOCK_SIZE) {
        words.a += little_word(bytes, 4);
        words.b += little_word(bytes + 4, 4);
        words.c += little_word(bytes + 8, 4);
        mix(&words);
    }
    /* the lowest byte of the last word is taken by the length */
    words.c += (uint32_t)size;
    words.a += little_word(bytes, left);
    words.b += little_word(bytes + 4, bytes_beyond(left, 4));
    words.c += little_word(bytes + 8, bytes_beyond(left, 8)) << 8;
    mix(&words);
    return words.c;
}

static uint32_t hash_bitstring(uint32_t hash, const uint8_t *p)
{
    struct etf_bits bits = etf_bits_view(p);
    size_t whole = bits.last_bits == 8 ? bits.bytes : bits.bytes - 1;
    hash += salt_bitstring;
    if (bits.bytes == 0)
        return hash;
    hash = hash_bytes(hash, bits.data, whole);
    if (bits.last_bits < 8)
        hash = hash_words(hash, bits.last_bits, bits.data[whole] >> (8 - bits.last_bits), salt_last_bits);
    return hash;
}

/* The atom table's own hash (hashpjw of the Dragon Book). Letters up to 255 count as one byte, as when atoms
 * were Latin-1, but for the last byte of the text. */
static uint32_t atom_number(const uint8_t *p)
{
    uint8_t room[ATOM_BYTES_MAX];
    struct slice text = etf_atom_text(p, room);
    uint32_t hash = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (i + 1 < text.size && (byte & 0xfe) == 0xc2 && (text.data[i + 1] & 0xc0) == 0x80)
            byte = (uint8_t)(byte << 6 | (text.data[++i] & 0x3f));
        hash = (hash << 4) + byte;
        uint32_t high = hash & 0xf0000000u;
        hash = (hash ^ high >> 24) ^ high;
    }
    return hash;
}

static uint32_t hash_integer(uint32_t hash, const uint8_t *p)
{
    struct etf_integer integer;
    etf_integer_view(p, &integer);
    uint32_t low = little_word(integer.digits, integer.count);
    if (integer.count <= 4 && low < (uint32_t)SHORT_INTEGER_MAX + integer.negative) {
        if (integer.negative)
            hash = hash_word(hash, low, salt_integer);
        return hash_word(hash, integer.negative ? 0 - low : low, salt_integer);
    }
    for (uint32_t i = 0; i < integer.count; i += 8) {
        low = little_word(integer.digits + i, integer.count - i);
        uint32_t high =
            integer.count - i > 4 ? little_word(integer.digits + i + 4, integer.count - i - 4) : 0;
        hash = hash_words(hash, low, high, integer.negative ? salt_negative : salt_positive);
    }
    return hash;
}

static uint32_t hash_float(uint32_t hash, const uint8_t *p)
{
    double value = 0;
    uint64_t bits;
    struct slice cursor = slice_of(p, SIZE_MAX);
    etf_read_double(&cursor, &value);
    memcpy(&bits, &value, sizeof bits);
    if (value == 0.0)
        bits = 0; /* -0.0 too */
    return hash_words(hash, (uint32_t)(bits >> 32), (uint32_t)bits, salt_float);
}

static uint32_t hash_reference(uint32_t hash, const uint8_t *p)
{
    struct ref ref;
    struct slice cursor = slice_of(p, SIZE_MAX);
    ref_read(&cursor, &ref);
    return hash_word(hash, ref.word[0], salt_reference);
}

static uint32_t hash_pid(uint32_t hash, const uint8_t *p)
{
    struct pid pid;
    struct slice cursor = slice_of(p, SIZE_MAX);
    pid_read(&cursor, &pid);
    return hash_word(hash, pid.id, salt_pid);
}

static uint32_t hash_port(uint32_t hash, const uint8_t *p)
{
    struct etf_port port = etf_port_view(p);
    return hash_words(hash, (uint32_t)port.id, (uint32_t)(port.id >> 32), salt_port);
}

/* An integer's low 32 bits, two's complement. */
static uint32_t integer_low(const uint8_t *p)
{
    struct etf_integer integer;
    etf_integer_view(etf_proper(p), &integer);
    uint32_t low = little_word(integer.digits, integer.count);
    return integer.negative ? 0 - low : low;
}

static uint32_t hash_export(uint32_t hash, const uint8_t *p)
{
    const uint8_t *function = p + 1 + etf_atom_size(p + 1);
    uint32_t arity = integer_low(function + etf_atom_size(function));
    hash = hash_words(hash, arity, atom_number(p + 1), salt_fun);
    return hash_word(hash, atom_number(function), salt_export_function);
}

static uint32_t hash_fun_head(uint32_t hash, const uint8_t *p)
{
    enum { INDEX_OFFSET = 22 };
    const uint8_t *module = p + ETF_FUN_MODULE_OFFSET;
    uint32_t old_uniq = integer_low(etf_integer_end(module + etf_atom_size(module)));
    hash = hash_words(hash, bytes_u32(p + ETF_FUN_NUM_FREE_OFFSET), atom_number(module), salt_fun);
    return hash_words(hash, bytes_u32(p + INDEX_OFFSET), old_uniq, salt_fun);
}

static uint32_t hash_leaf(uint32_t hash, const uint8_t *p, enum term_type type)
{
    switch (type) {
    case TERM_INTEGER:
        return hash_integer(hash, p);
    case TERM_FLOAT:
        return hash_float(hash, p);
    case TERM_ATOM: /* the first one is not mixed */
        return hash == 0 ? atom_number(p) : hash_word(hash, atom_number(p), salt_atom);
    case TERM_REFERENCE:
        return hash_reference(hash, p);
    case TERM_FUN:
        return hash_export(hash, p);
    case TERM_PORT:
        return hash_port(hash, p);
    case TERM_PID:
        return hash_pid(hash, p);
    case TERM_NIL:
        return hash_word(hash, NIL_NUMBER, salt_nil);
    default:
        return hash_bitstring(hash, p);
    }
}

static struct open_term *open_push(struct hasher *hasher, enum open_kind kind, uint32_t left)
{
    struct open_term *open = spill_push(&hasher->open);
    *open = (struct open_term){.kind = kind, .left = left};
    return open;
}

static void hash_map_head(struct hasher *hasher, uint32_t pairs)
{
    hasher->hash = hash_word(hasher->hash, pairs, salt_map);
    if (pairs == 0)
        return;
    struct open_term *open = open_push(hasher, OPEN_MAP, 2 * pairs);
    open->outer_hash = hasher->hash;
    open->outer_pairs = hasher->pairs;
    hasher->hash = 0;
    hasher->pairs = 0;
}

/* Hashes the next term, but for its children, which it opens. */
static void hash_head(struct hasher *hasher)
{
    const uint8_t *p = etf_proper(hasher->p);
    enum term_type type = etf_type(slice_of(p, 1));
    uint64_t children;
    size_t size = etf_head(p, &children);
    hasher->p = p + size;
    if (type == TERM_LIST) {
        hasher->p = p; /* with its head, which may be in the middle of a run of bytes */
        open_push(hasher, OPEN_LIST, 0);
    } else if (type == TERM_TUPLE) {
        hasher->hash = hash_word(hasher->hash, (uint32_t)children, salt_tuple);
        open_push(hasher, OPEN_TERMS, (uint32_t)children);
    } else if (type == TERM_MAP) {
        hash_map_head(hasher, (uint32_t)(children / 2));
    } else if (p[0] == ETF_NEW_FUN) {
        struct slice creator = slice_of(hasher->p, SIZE_MAX);
        etf_take(&creator);
        hasher->p = creator.data;
        hasher->hash = hash_fun_head(hasher->hash, p);
        open_push(hasher, OPEN_TERMS, (uint32_t)children - 1);
    } else {
        hasher->hash = hash_leaf(hasher->hash, p, type);
    }
}

/* A run of bytes in a list: four of them make a word, also across LIST_EXTs and STRING_EXTs that are tails.
 */
struct run {
    uint32_t word;  /* the bytes not hashed yet */
    unsigned bytes; /* how many they are */
};

static void run_add(struct hasher *hasher, struct run *run, uint8_t byte)
{
    run->word = run->word << 8 | byte;
    if (++run->bytes == 4) {
        hasher->hash = hash_word(hasher->hash, run->word, salt_bytes_in_list);
        *run = (struct run){0, 0};
    }
}

static void run_end(struct hasher *hasher, const struct run *run)
{
    if (run->bytes > 0)
        hasher->hash = hash_word(hasher->hash, run->word, salt_bytes_in_list);
}

/* Hashes as many elements as are bytes, and moves behind them. */
static void add_elements(struct hasher *hasher, uint32_t *left, struct run *run)
{
    uint64_t byte;
    struct slice cursor = slice_of(hasher->p, SIZE_MAX);
    struct slice behind = cursor;
    for (; *left > 0 && etf_read_uint64(&behind, &byte) && byte <= UINT8_MAX; --*left) {
        run_add(hasher, run, (uint8_t)byte);
        cursor = behind;
    }
    hasher->p = cursor.data;
}

/* Goes on with a list whose last element is hashed. True if an element or the tail is to be hashed next. */
static bool continue_list(struct hasher *hasher)
{
    struct open_term *list = spill_top(&hasher->open);
    struct run run = {0, 0};
    for (;;) {
        add_elements(hasher, &list->left, &run);
        if (list->left > 0) {
            list->left--;
            break;
        }
        const uint8_t *p = hasher->p = etf_proper(hasher->p);
        if (p[0] == ETF_LIST) {
            list->left = bytes_u32(p + 1);
            hasher->p += 5;
            continue;
        }
        spill_pop(&hasher->open);
        if (p[0] != ETF_STRING)
            break;
        for (uint32_t i = 0; i < bytes_u16(p + 1); i++)
            run_add(hasher, &run, p[3 + i]);
        hasher->p += 3 + bytes_u16(p + 1);
        run_end(hasher, &run);
        static const uint8_t nil = ETF_NIL;
        hasher->hash = hash_leaf(hasher->hash, &nil, TERM_NIL);
        return false;
    }
    run_end(hasher, &run);
    return true;
}

/* The order of the pairs must not matter: each is hashed for itself. True if a key or value is to be hashed
 * next. */
static bool continue_map(struct hasher *hasher)
{
    struct open_term *map = spill_top(&hasher->open);
    if (map->left % 2 == 0) { /* a pair is whole, or none has begun: then its hash is still 0 */
        hasher->pairs ^= hasher->hash;
        hasher->hash = 0;
    }
    if (map->left > 0) {
        map->left--;
        return true;
    }
    hasher->hash = hash_word(map->outer_hash, hasher->pairs, salt_map_pairs);
    hasher->pairs = map->outer_pairs;
    spill_pop(&hasher->open);
    return false;
}

static bool continue_terms(struct hasher *hasher)
{
    struct open_term *open = spill_top(&hasher->open);
    if (open->left > 0) {
        open->left--;
        return true;
    }
    spill_pop(&hasher->open);
    return false;
}

/* Finds the next term to hash. False if all is hashed. */
static bool advance(struct hasher *hasher)
{
    while (hasher->open.count > 0) {
        enum open_kind kind = ((struct open_term *)spill_top(&hasher->open))->kind;
        if (kind == OPEN_LIST  ? continue_list(hasher)
            : kind == OPEN_MAP ? continue_map(hasher)
                               : continue_terms(hasher))
            return true;
    }
    return false;
}

uint32_t phash2(struct slice term, uint32_t range)
{
    struct hasher hasher = {.p = term.data};
    struct open_term first_open[NESTING_INLINE];
    spill_init(&hasher.open, first_open, NESTING_INLINE, sizeof first_open[0]);
    do {
        hash_head(&hasher);
    } while (advance(&hasher));
    spill_release(&hasher.open);
    return hasher.hash % range;
}
