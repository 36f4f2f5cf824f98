/* Parts and order of terms without children. Knows nothing of lists, tuples and maps. */
#include "wire/etf_leaf.h"

#include "wire/etf_read.h"
#include "wire/etf_walk.h"
#include "wire/pid.h"

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

void etf_integer_view(const uint8_t *p, struct etf_integer *integer)
{
    integer->digits = integer->own;
    integer->negative = false;
    uint32_t magnitude = p[1];
    if (p[0] == ETF_INTEGER) {
        magnitude = bytes_u32(p + 1);
        integer->negative = (p[1] & 0x80) != 0;
        magnitude = integer->negative ? 0 - magnitude : magnitude;
    }
    if (p[0] == ETF_SMALL_BIG || p[0] == ETF_LARGE_BIG) {
        size_t head = p[0] == ETF_SMALL_BIG ? 3 : 6;
        integer->count = head == 3 ? p[1] : bytes_u32(p + 1);
        integer->negative = p[head - 1] != 0;
        integer->digits = p + head;
    } else {
        integer->count = sizeof integer->own;
        for (unsigned i = 0; i < sizeof integer->own; i++)
            integer->own[i] = (uint8_t)(magnitude >> 8 * i);
    }
    while (integer->count > 0 && integer->digits[integer->count - 1] == 0)
        integer->count--;
    if (integer->count == 0)
        integer->negative = false;
}

static int compare_magnitude(const struct etf_integer *a, const struct etf_integer *b)
{
    if (a->count != b->count)
        return order(a->count, b->count);
    for (uint32_t i = a->count; i > 0; i--) {
        if (a->digits[i - 1] != b->digits[i - 1])
            return order(a->digits[i - 1], b->digits[i - 1]);
    }
    return 0;
}

static int compare_views(const struct etf_integer *a, const struct etf_integer *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_magnitude(b, a) : compare_magnitude(a, b);
}

static int compare_integers(const uint8_t *a, const uint8_t *b)
{
    struct etf_integer a_integer;
    struct etf_integer b_integer;
    etf_integer_view(a, &a_integer);
    etf_integer_view(b, &b_integer);
    return compare_views(&a_integer, &b_integer);
}

/* -0.0 is less than 0.0, as OTP 27 orders keys; earlier releases hold them for equal. */
static int compare_floats(const uint8_t *a, const uint8_t *b)
{
    double values[2];
    struct slice cursor = slice_of(a, 32);
    etf_read_double(&cursor, &values[0]);
    cursor = slice_of(b, 32);
    etf_read_double(&cursor, &values[1]);
    if (values[0] != values[1])
        return values[0] < values[1] ? -1 : 1;
    int64_t bits[2];
    memcpy(bits, values, sizeof bits);
    return (bits[0] > bits[1]) - (bits[0] < bits[1]);
}

struct slice etf_atom_text(const uint8_t *p, uint8_t room[ATOM_BYTES_MAX])
{
    if (p[0] == ETF_SMALL_ATOM_UTF8)
        return slice_of(p + 2, p[1]);
    if (p[0] == ETF_ATOM_UTF8)
        return slice_of(p + 3, bytes_u16(p + 1));
    struct slice cursor = slice_of(p, etf_atom_size(p));
    size_t size = 0;
    etf_read_atom(&cursor, room, &size);
    return slice_of(room, size);
}

static int compare_atoms(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_room[ATOM_BYTES_MAX];
    uint8_t b_room[ATOM_BYTES_MAX];
    struct slice a_text = etf_atom_text(a, a_room);
    struct slice b_text = etf_atom_text(b, b_room);
    size_t common = a_text.size < b_text.size ? a_text.size : b_text.size;
    int result = memcmp(a_text.data, b_text.data, common);
    return result != 0 ? result : order(a_text.size, b_text.size);
}

static int compare_nodes(const uint8_t *a, uint32_t a_creation, const uint8_t *b, uint32_t b_creation)
{
    int result = compare_atoms(a, b);
    return result != 0 ? result : order(a_creation, b_creation);
}

static int compare_pids(const uint8_t *a, const uint8_t *b)
{
    struct pid a_pid;
    struct pid b_pid;
    struct slice cursor = slice_of(a, SIZE_MAX);
    pid_read(&cursor, &a_pid);
    cursor = slice_of(b, SIZE_MAX);
    pid_read(&cursor, &b_pid);
    if (a_pid.serial != b_pid.serial)
        return order(a_pid.serial, b_pid.serial);
    if (a_pid.id != b_pid.id)
        return order(a_pid.id, b_pid.id);
    return compare_nodes(a_pid.node.data, a_pid.creation, b_pid.node.data, b_pid.creation);
}

static int compare_references(const uint8_t *a, const uint8_t *b)
{
    struct ref a_ref;
    struct ref b_ref;
    struct slice cursor = slice_of(a, SIZE_MAX);
    ref_read(&cursor, &a_ref);
    cursor = slice_of(b, SIZE_MAX);
    ref_read(&cursor, &b_ref);
    int result = compare_nodes(a_ref.node.data, a_ref.creation, b_ref.node.data, b_ref.creation);
    for (size_t i = REF_WORDS_MAX; result == 0 && i > 0; i--)
        result = order(a_ref.word[i - 1], b_ref.word[i - 1]);
    return result != 0 ? result : order(a_ref.words, b_ref.words);
}

struct etf_port etf_port_view(const uint8_t *p)
{
    struct etf_port port = {.node = p + 1};
    const uint8_t *at = p + 1 + etf_atom_size(p + 1);
    bool wide = p[0] == ETF_V4_PORT;
    port.id = wide ? bytes_u64(at) : bytes_u32(at);
    at += wide ? 8 : 4;
    port.creation = p[0] == ETF_PORT ? at[0] : bytes_u32(at);
    return port;
}

static int compare_ports(const uint8_t *a, const uint8_t *b)
{
    struct etf_port a_port = etf_port_view(a);
    struct etf_port b_port = etf_port_view(b);
    int result = compare_nodes(a_port.node, a_port.creation, b_port.node, b_port.creation);
    return result != 0 ? result : order(a_port.id, b_port.id);
}

struct etf_bits etf_bits_view(const uint8_t *p)
{
    struct etf_bits bits = {.data = p + 5, .bytes = bytes_u32(p + 1), .last_bits = 8};
    if (p[0] == ETF_BIT_BINARY) {
        bits.data = p + 6;
        bits.last_bits = bits.bytes > 0 ? p[5] : 8;
    }
    return bits;
}

static uint64_t bits_size(const struct etf_bits *bits)
{
    return 8 * (uint64_t)bits->bytes - (8 - bits->last_bits);
}

static int compare_bitstrings(const uint8_t *a, const uint8_t *b)
{
    struct etf_bits a_bits = etf_bits_view(a);
    struct etf_bits b_bits = etf_bits_view(b);
    uint64_t a_size = bits_size(&a_bits);
    uint64_t b_size = bits_size(&b_bits);
    uint64_t common = a_size < b_size ? a_size : b_size;
    int result = memcmp(a_bits.data, b_bits.data, common / 8);
    if (result == 0 && common % 8 != 0) {
        unsigned unused = 8 - (unsigned)(common % 8);
        result = (a_bits.data[common / 8] >> unused) - (b_bits.data[common / 8] >> unused);
    }
    return result != 0 ? result : order(a_size, b_size);
}

int etf_leaf_compare(const uint8_t *a, const uint8_t *b)
{
    switch (etf_type(slice_of(a, 1))) {
    case TERM_INTEGER:
        return compare_integers(a, b);
    case TERM_FLOAT:
        return compare_floats(a, b);
    case TERM_ATOM:
        return compare_atoms(a, b);
    case TERM_REFERENCE:
        return compare_references(a, b);
    case TERM_PORT:
        return compare_ports(a, b);
    case TERM_PID:
        return compare_pids(a, b);
    case TERM_BITSTRING:
        return compare_bitstrings(a, b);
    default:
        return 0;
    }
}

static int compare_exports(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *a_function = a + 1 + etf_atom_size(a + 1);
    const uint8_t *b_function = b + 1 + etf_atom_size(b + 1);
    int result = compare_atoms(a + 1, b + 1);
    if (result == 0)
        result = compare_atoms(a_function, b_function);
    if (result == 0)
        result = compare_integers(etf_proper(a_function + etf_atom_size(a_function)),
                                  etf_proper(b_function + etf_atom_size(b_function)));
    return result;
}

/* Module, Index, OldUniq, NumFree as the BEAM, then what it takes for granted. */
static int compare_local_funs(const uint8_t *a, const uint8_t *b)
{
    enum { ARITY = 5, UNIQ = 6, INDEX = 22, UNIQ_SIZE = 16 };
    const uint8_t *a_module = a + ETF_FUN_MODULE_OFFSET;
    const uint8_t *b_module = b + ETF_FUN_MODULE_OFFSET;
    const uint8_t *a_old_index = a_module + etf_atom_size(a_module);
    const uint8_t *b_old_index = b_module + etf_atom_size(b_module);
    int result = compare_atoms(a_module, b_module);
    if (result == 0)
        result = order(bytes_u32(a + INDEX), bytes_u32(b + INDEX));
    if (result == 0)
        result = compare_integers(etf_proper(etf_integer_end(a_old_index)),
                                  etf_proper(etf_integer_end(b_old_index)));
    if (result == 0)
        result = order(bytes_u32(a + ETF_FUN_NUM_FREE_OFFSET), bytes_u32(b + ETF_FUN_NUM_FREE_OFFSET));
    if (result == 0)
        result = compare_integers(etf_proper(a_old_index), etf_proper(b_old_index));
    if (result == 0)
        result = memcmp(a + UNIQ, b + UNIQ, UNIQ_SIZE);
    return result != 0 ? result : order(a[ARITY], b[ARITY]);
}

int etf_fun_head_compare(const uint8_t *a, const uint8_t *b)
{
    if (a[0] != b[0])
        return a[0] == ETF_EXPORT ? 1 : -1;
    return a[0] == ETF_EXPORT ? compare_exports(a, b) : compare_local_funs(a, b);
}
