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

static uint64_t slot_id(uint64_t slot)
{
    return slot_is_hole(slot) ? slot >> 1 : slot_entry(slot)->id;
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
    slots_forget(slots);
}

void slots_forget(struct slots *slots)
{
    mem_free(slots->array);
    slots->array = NULL;
}

static void set_room(struct slots *slots, uint32_t room)
{
    size_t size = offsetof(struct slot_array, slot) + (size_t)room * sizeof(uint64_t);
    bool is_new = slots->array == NULL;
    struct slot_array *array = mem_realloc(slots->array, size);
    if (is_new)
        *array = (struct slot_array){0};
    array->room = room;
    slots->array = array;
}

void slots_append_take(struct slots *slots, struct entry *entry)
{
    struct slot_array *array = slots->array;
    if (array == NULL || array->used == array->room) {
        assert(array == NULL || array->room <= UINT32_MAX / 2);
        set_room(slots, array == NULL ? ROOM_FIRST : array->room + array->room / 2);
        array = slots->array;
    }
    array->slot[array->used++] = slot_of_entry(entry);
    array->bytes += entry_bytes(entry);
}

/* Index of the first slot whose id is not less; used: none. */
static uint32_t lower_bound(const struct slot_array *array, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = array->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slot_id(array->slot[middle]) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The slot of that id; NULL: none. First where it is if no id is missing behind it: each entry that a search
 * looks at is likely to be in no cache. */
static uint64_t *slot_find(const struct slots *slots, uint64_t id)
{
    struct slot_array *array = slots->array;
    uint64_t last = array == NULL ? 0 : slot_id(array->slot[array->used - 1]);
    if (array == NULL || id > last)
        return NULL;
    uint32_t at = last - id < array->used ? array->used - 1 - (uint32_t)(last - id) : 0;
    if (slot_id(array->slot[at]) != id)
        at = lower_bound(array, id);
    uint64_t *slot = &array->slot[at];
    return slot_is_hole(*slot) || slot_id(*slot) != id ? NULL : slot;
}

struct entry *slots_find(const struct slots *slots, uint64_t id)
{
    const uint64_t *slot = slot_find(slots, id);
    return slot == NULL ? NULL : slot_entry(*slot);
}

struct entry *slots_swap_take(struct slots *slots, struct entry *entry)
{
    uint64_t *slot = slot_find(slots, entry->id);
    if (slot == NULL)
        return NULL;
    struct entry *old = slot_entry(*slot);
    *slot = slot_of_entry(entry);
    slots->array->bytes += entry_bytes(entry);
    slots->array->bytes -= entry_bytes(old);
    return old;
}

static void close_holes(struct slots *slots)
{
    struct slot_array *array = slots->array;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < array->used; i++)
        if (!slot_is_hole(array->slot[i]))
            array->slot[kept++] = array->slot[i];
    array->used = kept;
    array->holes = 0;
    if (array->room > ROOM_FIRST && kept < array->room / 4)
        set_room(slots, kept * 2 > ROOM_FIRST ? kept * 2 : ROOM_FIRST);
}

struct entry *slots_remove(struct slots *slots, uint64_t id)
{
    struct slot_array *array = slots->array;
    uint64_t *slot = slot_find(slots, id);
    if (slot == NULL)
        return NULL;
    struct entry *entry = slot_entry(*slot);
    *slot = id << 1 | 1;
    array->bytes -= entry_bytes(entry);
    array->holes++;
    if (array->holes == array->used)
        slots_forget(slots);
    else if (array->holes >= array->used - array->holes)
        close_holes(slots);
    return entry;
}

uint32_t slots_after(const struct slots *slots, uint64_t id)
{
    return slots->array == NULL ? 0 : lower_bound(slots->array, id + 1);
}
