/* Keys and the names of their files, both ways. The first byte chooses: a term that may be a key, a name, or
 * the content of a file with a trailer. */
#include "fuzz.h"

#include "base/error.h"
#include "todo/key.h"
#include "wire/etf_check.h"
#include "wire/etf_write.h"

enum { DEPTH_MAX = 1000, EXPANDED_MAX = 1 << 20 };

static void check_name(const char *name)
{
    struct slice text = slice_of_text(name);
    FUZZ_CHECK(text.size >= 1 && text.size <= KEY_NAME_MAX);
    FUZZ_CHECK(name[0] != '.' && strchr(name, '/') == NULL);
    for (size_t i = 0; i < text.size; i++)
        FUZZ_CHECK(text.data[i] >= ' ' && text.data[i] != 0x7f);
}

/* The key of a file with that content is the one that its trailer names. */
static void check_trailer(struct slice key, const char *name)
{
    struct buf content = BUF_EMPTY, found = BUF_EMPTY;
    etf_write_version(&content);
    etf_write_nil(&content);
    key_trailer_append(key, &content);
    FUZZ_CHECK(key_from_file(name, buf_slice(&content), EXPANDED_MAX, &found) == 0);
    FUZZ_CHECK(slice_equal(buf_slice(&found), key));
    buf_release(&content);
    buf_release(&found);
}

/* key: canonical. */
static void check_key(struct slice key)
{
    char name[KEY_NAME_ROOM];
    struct buf found = BUF_EMPTY;
    key_file_name(key, name);
    check_name(name);
    int status = key_of_file_name(name, &found);
    FUZZ_CHECK(status == (key_is_long(key) ? ERR_TOO_LARGE : 0));
    FUZZ_CHECK(status != 0 ? found.size == 0 : slice_equal(buf_slice(&found), key));
    if (status != 0)
        check_trailer(key, name);
    buf_release(&found);
}

static void try_term(struct slice bytes)
{
    struct buf key = BUF_EMPTY, again = BUF_EMPTY;
    struct slice term;
    if (etf_check(bytes, DEPTH_MAX, &term) == 0) {
        int status = key_canonical(term, &key);
        FUZZ_CHECK(status == 0 || key.size == 0);
        FUZZ_CHECK(status == ERR_BADARG || key_is_valid(term));
        if (status == 0) {
            FUZZ_CHECK(key_canonical(buf_slice(&key), &again) == 0);
            FUZZ_CHECK(slice_equal(buf_slice(&key), buf_slice(&again)));
            check_key(buf_slice(&key));
        }
    }
    buf_release(&key);
    buf_release(&again);
}

static void try_name(struct slice bytes)
{
    char back[KEY_NAME_ROOM];
    struct buf name = BUF_EMPTY, key = BUF_EMPTY;
    struct slice term;
    buf_append_slice(&name, bytes);
    buf_append_u8(&name, '\0');
    if (key_of_file_name((const char *)name.data, &key) == 0) {
        FUZZ_CHECK(etf_check(buf_slice(&key), DEPTH_MAX, &term) == 0 && term.size == key.size);
        key_file_name(buf_slice(&key), back);
        FUZZ_CHECK(strcmp(back, (const char *)name.data) == 0);
        check_key(buf_slice(&key));
    } else {
        FUZZ_CHECK(key.size == 0);
    }
    buf_release(&name);
    buf_release(&key);
}

static void try_content(struct slice content)
{
    struct buf key = BUF_EMPTY;
    FUZZ_CHECK(key_from_file("x", content, EXPANDED_MAX, &key) == 0 || key.size == 0);
    buf_clear(&key);
    if (key_trailer_read(content, &key))
        check_key(buf_slice(&key));
    buf_release(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    uint8_t choice = fuzz_take_u8(&input);
    struct slice copy = fuzz_copy(input);
    if (choice % 3 == 0)
        try_term(copy);
    else if (choice % 3 == 1)
        try_name(copy);
    else
        try_content(copy);
    fuzz_free(copy);
    return 0;
}
