/* The text of a dump, and what would be imported of it: contents of files that pass the check of a folder. */
#include "fuzz.h"

#include "base/error.h"
#include "tools/items.h"
#include "tools/value.h"

static void check_item(const struct item *item)
{
    struct buf content = BUF_EMPTY;
    struct value value;
    unsigned long line;
    const char *error;
    int status = item_content(item, &content, &line, &error);
    FUZZ_CHECK(status == (error == NULL ? 0 : ERR_BADARG));
    FUZZ_CHECK(status == 0 || line > 0);
    if (status == 0 && content.size > 0) {
        FUZZ_CHECK(value_read(item->name, buf_slice(&content), &value).text == NULL);
        value_release(&value);
    }
    buf_release(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_copy(slice_of(data, size));
    struct items items = {NULL};
    unsigned long line = 0;
    const char *error = NULL;
    int status = items_read_dump(&items, text, &line, &error);
    FUZZ_CHECK(status == (error == NULL ? 0 : ERR_BADARG));
    FUZZ_CHECK(status == 0 || line > 0);
    if (status == 0) {
        for (struct item *item = items.all; item != NULL; item = item->hh.next)
            check_item(item);
    }
    items_release(&items);
    fuzz_free(text);
    return 0;
}
