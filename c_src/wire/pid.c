/* Pids and references on the wire. Knows no processes. */
#include "wire/pid.h"

#include "wire/etf_walk.h"

static void move_to(struct slice *cursor, const uint8_t *p)
{
    cursor->size -= (size_t)(p - cursor->data);
    cursor->data = p;
}

bool pid_read(struct slice *cursor, struct pid *pid)
{
    if (cursor->size == 0)
        return false;
    const uint8_t *p = etf_proper(cursor->data);
    if (p[0] != ETF_NEW_PID && p[0] != ETF_PID)
        return false;
    pid->node = slice_of(p + 1, etf_atom_size(p + 1));
    const uint8_t *numbers = p + 1 + pid->node.size;
    pid->id = bytes_u32(numbers);
    pid->serial = bytes_u32(numbers + 4);
    pid->creation = p[0] == ETF_NEW_PID ? bytes_u32(numbers + 8) : numbers[8] & 3u;
    move_to(cursor, numbers + (p[0] == ETF_NEW_PID ? 12 : 9));
    return true;
}

/* REFERENCE_EXT: node, one word, creation. */
static const uint8_t *read_reference_old(const uint8_t *p, struct ref *ref)
{
    ref->node = slice_of(p + 1, etf_atom_size(p + 1));
    const uint8_t *word = p + 1 + ref->node.size;
    ref->words = 1;
    ref->word[0] = bytes_u32(word);
    ref->creation = word[4] & 3u;
    return word + 5;
}

/* NEW_REFERENCE_EXT and NEWER_REFERENCE_EXT: count, node, creation, words. */
static const uint8_t *read_reference(const uint8_t *p, struct ref *ref)
{
    bool newer = p[0] == ETF_NEWER_REFERENCE;
    ref->words = bytes_u16(p + 1);
    ref->node = slice_of(p + 3, etf_atom_size(p + 3));
    const uint8_t *at = p + 3 + ref->node.size;
    ref->creation = newer ? bytes_u32(at) : at[0] & 3u;
    at += newer ? 4 : 1;
    for (uint32_t i = 0; i < ref->words; i++, at += 4)
        ref->word[i] = bytes_u32(at);
    return at;
}

bool ref_read(struct slice *cursor, struct ref *ref)
{
    if (cursor->size == 0)
        return false;
    const uint8_t *p = etf_proper(cursor->data);
    if (p[0] != ETF_NEWER_REFERENCE && p[0] != ETF_NEW_REFERENCE && p[0] != ETF_REFERENCE)
        return false;
    *ref = (struct ref){0};
    move_to(cursor, p[0] == ETF_REFERENCE ? read_reference_old(p, ref) : read_reference(p, ref));
    return true;
}

void pid_write(struct buf *out, const struct pid *pid)
{
    uint8_t *at = buf_extend(out, 1 + pid->node.size + 12);
    at[0] = ETF_NEW_PID;
    memcpy(at + 1, pid->node.data, pid->node.size);
    at += 1 + pid->node.size;
    bytes_put_u32(at, pid->id);
    bytes_put_u32(at + 4, pid->serial);
    bytes_put_u32(at + 8, pid->creation);
}

void ref_write(struct buf *out, const struct ref *ref)
{
    buf_append_u8(out, ETF_NEWER_REFERENCE);
    buf_append_u16(out, (uint16_t)ref->words);
    buf_append_slice(out, ref->node);
    buf_append_u32(out, ref->creation);
    for (uint32_t i = 0; i < ref->words; i++)
        buf_append_u32(out, ref->word[i]);
}
