/* The course's CSV files. */
#include "fuzz.h"

#include "base/error.h"
#include "todo/list_term.h"
#include "tools/csv.h"
#include "wire/etf_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_copy(slice_of(data, size)), term;
    struct todo_list list;
    struct buf out = BUF_EMPTY;
    unsigned long line = 0;
    const char *error = NULL;
    list_init(&list);
    int status = csv_read(text, &list, &line, &error);
    FUZZ_CHECK(status == 0 || (status == ERR_BADARG && error != NULL && line > 0));
    list_write(&list, &out);
    FUZZ_CHECK(etf_check(buf_slice(&out), LIST_DEPTH_MAX, &term) == 0 && term.size == out.size);
    buf_release(&out);
    list_release(&list);
    fuzz_free(text);
    return 0;
}
