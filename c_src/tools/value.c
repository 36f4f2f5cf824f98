/* Checks contents of value files. Knows no folder. */
#include "tools/value.h"

#include "base/error.h"
#include "todo/database.h"
#include "todo/key.h"
#include "todo/list.h"
#include "todo/list_term.h"
#include "wire/etf_canonical.h"
#include "wire/etf_external.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <string.h>

static struct value_fault fault(const char *text)
{
    return (struct value_fault){.text = text};
}

static struct value_fault no_fault(void)
{
    return fault(NULL);
}

struct value_fault value_check_term(struct slice term)
{
    struct slice name;
    struct todo_list list;
    if (!etf_map_get(term, "__struct__", &name) || !etf_is_atom(name, "Elixir.Todo.List"))
        return no_fault();
    if (list_from_term(term, &list) != 0)
        return fault("it says it is a to-do list, and is none");
    list_release(&list);
    return no_fault();
}

static struct value_fault read_term(struct slice content, struct buf *out, struct slice *rest)
{
    struct buf scratch = BUF_EMPTY;
    struct slice term;
    struct value_fault found;
    if (content.size == 0)
        return fault("the file is empty");
    int status = etf_external_read(content, LIST_DEPTH_MAX, DATABASE_VALUE_MAX, &scratch, &term, rest);
    if (status != 0)
        found = fault(error_text(status));
    else if (etf_canonical(term, out) != 0)
        found = fault("a map has two equal keys");
    else
        found = value_check_term(buf_slice(out));
    buf_release(&scratch);
    return found;
}

static struct value_fault read_long_key(const char *name, struct slice rest, struct buf *key)
{
    char right[KEY_NAME_ROOM];
    if (!key_trailer_read(rest, key))
        return fault("its key is missing behind the value");
    key_file_name(buf_slice(key), right);
    return strcmp(name, right) == 0 ? no_fault()
                                    : fault("the key behind the value belongs into another file");
}

struct value_fault value_read(const char *name, struct slice content, struct value *value)
{
    struct slice rest = {0};
    *value = (struct value){BUF_EMPTY, BUF_EMPTY};
    int status = key_of_file_name(name, &value->key);
    if (status == ERR_NOT_FOUND)
        return fault("no key has a file of this name");
    struct value_fault found = read_term(content, &value->term, &rest);
    if (found.text == NULL && status == ERR_TOO_LARGE)
        found = read_long_key(name, rest, &value->key);
    else if (found.text == NULL && rest.size > 0)
        return (struct value_fault){"bytes behind the value", content.size - rest.size};
    if (found.text != NULL) {
        buf_clear(&value->key);
        buf_clear(&value->term);
    }
    return found;
}

void value_release(struct value *value)
{
    buf_release(&value->key);
    buf_release(&value->term);
}

void value_write(struct slice key, struct slice term, struct buf *content)
{
    etf_write_version(content);
    etf_write_term(content, term);
    key_trailer_append(key, content);
}
