/* Growth of a spill. Knows nothing of what the items are. */
#include "wire/spill.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

void spill_release(struct spill *spill)
{
    if (spill->items != spill->first_items)
        mem_free(spill->items);
    spill->items = spill->first_items;
    spill->count = 0;
}

void spill_grow(struct spill *spill, size_t count)
{
    size_t room = spill->room;
    while (room < count)
        room *= 2;
    bool on_heap = spill->items != spill->first_items;
    void *items = mem_realloc(on_heap ? spill->items : NULL, room * spill->item_size);
    if (!on_heap)
        memcpy(items, spill->first_items, spill->count * spill->item_size);
    spill->items = items;
    spill->room = room;
}
