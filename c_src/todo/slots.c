/* The array of a list's entries and the holes in it. Knows nothing of dates or terms.
 *
 * A hole keeps its id so that the binary search goes on working over it: entries are aligned, so the lowest
 * bit tells the two apart, and ids have 63 bits.
 */
#include "todo/slots.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

enum { ROOM_FIRST = 4 };

static bool is_hole(uint64_t slot)
{
    return (slot & 1) != 0;
}

static struct entry *slot_entry(uint64_t slot)
{
    return (struct entry *)(uintptr_t)slot;
}

static uint64_t slot_id(uint64_t slot)
{
    return is_hole(slot) ? slot >> 1 : slot_entry(slot)->id;
}

static uint64_t slot_of_entry(const struct entry *entry)
{
    return (uint64_t)(uintptr_t)entry;
}

void slots_release(struct slots *slots)
{
    uint32_t at = 0;
    for (struct entry *entry; (entry = slots_next(slots, &at)) != NULL;)
        entry_free(entry);
    mem_free(slots->slot);
    *slots = (struct slots){0};
}

static void set_room(struct slots *slots, uint32_t room)
{
    slots->slot = mem_realloc(slots->slot, (size_t)room * sizeof slots->slot[0]);
    slots->room = room;
}

void slots_append_take(struct slots *slots, struct entry *entry)
{
    assert(slots->used == 0 || slot_id(slots->slot[slots->used - 1]) < entry->id);
    if (slots->used == slots->room) {
        assert(slots->room <= UINT32_MAX / 2);
        set_room(slots, slots->room == 0 ? ROOM_FIRST : slots->room + slots->room / 2);
    }
    slots->slot[slots->used++] = slot_of_entry(entry);
    slots->bytes += entry_bytes(entry);
}

/* Index of the slot of that id, or used if it has none. */
static uint32_t position(const struct slots *slots, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = slots->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slot_id(slots->slot[middle]) < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < slots->used && !is_hole(slots->slot[low]) && slot_id(slots->slot[low]) == id)
        return low;
    return slots->used;
}

struct entry *slots_find(const struct slots *slots, uint64_t id)
{
    uint32_t at = position(slots, id);
    return at == slots->used ? NULL : slot_entry(slots->slot[at]);
}

struct entry *slots_swap_take(struct slots *slots, struct entry *entry)
{
    uint32_t at = position(slots, entry->id);
    if (at == slots->used)
        return NULL;
    struct entry *old = slot_entry(slots->slot[at]);
    slots->slot[at] = slot_of_entry(entry);
    slots->bytes += entry_bytes(entry);
    slots->bytes -= entry_bytes(old);
    return old;
}

static void close_holes(struct slots *slots)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < slots->used; i++)
        if (!is_hole(slots->slot[i]))
            slots->slot[kept++] = slots->slot[i];
    slots->used = kept;
    slots->holes = 0;
    if (slots->room > ROOM_FIRST && kept < slots->room / 4)
        set_room(slots, kept * 2 > ROOM_FIRST ? kept * 2 : ROOM_FIRST);
}

struct entry *slots_remove(struct slots *slots, uint64_t id)
{
    uint32_t at = position(slots, id);
    if (at == slots->used)
        return NULL;
    struct entry *entry = slot_entry(slots->slot[at]);
    slots->slot[at] = id << 1 | 1;
    slots->bytes -= entry_bytes(entry);
    slots->holes++;
    if (slots->holes == slots->used)
        slots_release(slots);
    else if (slots->holes >= slots->used - slots->holes)
        close_holes(slots);
    return entry;
}

struct entry *slots_next(const struct slots *slots, uint32_t *at)
{
    while (*at < slots->used) {
        uint64_t slot = slots->slot[(*at)++];
        if (!is_hole(slot))
            return slot_entry(slot);
    }
    return NULL;
}
