/* The command import. What a dump means is items', what a CSV file means is csv's. */
#include "tools/import.h"

#include "base/error.h"
#include "todo/key.h"
#include "todo/list_term.h"
#include "tools/csv.h"
#include "tools/folder.h"
#include "tools/items.h"
#include "tools/journals.h"
#include "tools/problems.h"
#include "tools/value.h"
#include "wire/etf_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_VALUES = 1024, ROUND_SIZE = 16 << 20 };

struct import {
    const struct import_config *config; /* borrowed */
    struct folder folder;               /* locked while it is written to */
    struct items items;                 /* what is to be imported */
    struct problems problems;           /* on stderr */
    struct progress progress;           /* in items */
    struct item *round[ROUND_VALUES];   /* whose temporaries are written, numbered by their place here */
    size_t round_count;
    size_t round_size; /* bytes of their contents */
    uint64_t imported; /* values that are durable */
};

/* ---- reading */

static bool tell_line(struct import *import, unsigned long line, const char *error)
{
    problems_tell(&import->problems, import->config->file, "line %lu: %s", line, error);
    return false;
}

/* The name of a list whose entries are in that file. */
static struct slice list_name(const struct import_config *config)
{
    const char *slash = strrchr(config->file, '/');
    const char *base = slash == NULL ? config->file : slash + 1;
    const char *dot = strrchr(base, '.');
    if (config->list != NULL)
        return slice_of_text(config->list);
    return slice_of(base, dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

static bool read_csv(struct import *import, struct slice text)
{
    struct todo_list list;
    struct buf key = BUF_EMPTY;
    struct buf content = BUF_EMPTY;
    unsigned long line;
    const char *error;
    char name[KEY_NAME_ROOM];
    list_init(&list);
    etf_write_binary(&key, list_name(import->config));
    bool read = csv_read(text, &list, &line, &error) == 0 || tell_line(import, line, error);
    if (read && key.size > KEY_SIZE_MAX) {
        problems_tell(&import->problems, import->config->file, "the name of the list is too long");
        read = false;
    }
    if (read) {
        list_write_value(&list, buf_slice(&key), &content);
        key_file_name(buf_slice(&key), name);
        items_add(&import->items, name, &content);
    }
    list_release(&list);
    buf_release(&key);
    return read;
}

static bool read_dump(struct import *import, struct slice text)
{
    unsigned long line;
    const char *error;
    return items_read_dump(&import->items, text, &line, &error) == 0 || tell_line(import, line, error);
}

static bool is_csv(const struct import_config *config)
{
    const char *dot = strrchr(config->file, '.');
    return config->list != NULL || (dot != NULL && strcmp(dot, ".csv") == 0);
}

static bool check_items(struct import *import)
{
    struct buf content = BUF_EMPTY;
    struct item *item, *next;
    unsigned long line;
    const char *error;
    progress_begin(&import->progress, "read", HASH_COUNT(import->items.all));
    HASH_ITER(hh, import->items.all, item, next)
    {
        if (item_content(item, &content, &line, &error) != 0)
            tell_line(import, line, error);
        progress_step(&import->progress);
    }
    progress_erase(&import->progress);
    buf_release(&content);
    return import->problems.count == 0;
}

static bool check_not_there(struct import *import)
{
    struct item *item, *next;
    HASH_ITER(hh, import->items.all, item, next)
    {
        if (!import->config->replace && folder_has(&import->folder, item->name))
            problems_tell(&import->problems, item->name, "is there already (--replace replaces it)");
    }
    return import->problems.count == 0;
}

/* ---- writing */

/* Makes the temporaries durable and gives them their names; takes them away where status is an error already,
 * or something fails. */
static int end_round(struct import *import, int status)
{
    struct files *files = &import->folder.files;
    size_t published = 0;
    if (status == 0 && import->round_count > 0)
        status = files_sync_all(files);
    while (status == 0 && published < import->round_count) {
        status = files_publish(files, published, import->round[published]->name);
        published += status == 0;
    }
    for (size_t i = published; i < import->round_count; i++)
        files_discard(files, i);
    if (status == 0)
        status = files_sync(files);
    if (status == 0)
        import->imported += import->round_count;
    import->round_count = 0;
    import->round_size = 0;
    return status;
}

static int write_item(struct import *import, struct item *item, struct buf *content)
{
    unsigned long line;
    const char *error;
    int status = item_content(item, content, &line, &error);
    if (status == 0 && content->size == 0) /* its last record deletes it */
        return files_remove(&import->folder.files, item->name);
    if (status == 0)
        status = files_prepare_unsynced(&import->folder.files, import->round_count, buf_slice(content));
    if (status == 0) {
        import->round[import->round_count++] = item;
        import->round_size += content->size;
    }
    return status;
}

static bool round_is_full(const struct import *import)
{
    return import->round_count == ROUND_VALUES || import->round_size >= ROUND_SIZE;
}

static void write_items(struct import *import)
{
    struct buf content = BUF_EMPTY;
    struct item *item, *next;
    int status = 0;
    progress_begin(&import->progress, "import", HASH_COUNT(import->items.all));
    HASH_ITER(hh, import->items.all, item, next)
    {
        if (status == 0)
            status = write_item(import, item, &content);
        if (status != 0 || round_is_full(import))
            status = end_round(import, status);
        progress_step(&import->progress);
    }
    status = end_round(import, status);
    if (status != 0)
        problems_tell(&import->problems, import->config->folder, "%s", error_text(status));
    progress_erase(&import->progress);
    buf_release(&content);
}

static enum tool_status import_into(struct import *import)
{
    if (journals_exist(&import->folder.files)) {
        problems_tell(&import->problems, import->config->folder,
                      "holds journals: start a node on it and stop it, then import");
        return TOOL_FOLDER;
    }
    if (check_not_there(import))
        write_items(import);
    fprintf(stderr, "import: %" PRIu64 " values of %u\n", import->imported, HASH_COUNT(import->items.all));
    return import->problems.count == 0 ? TOOL_OK : TOOL_PROBLEMS;
}

static enum tool_status import_text(struct import *import, struct slice text)
{
    bool read = is_csv(import->config) ? read_csv(import, text) : read_dump(import, text);
    enum tool_status status = TOOL_PROBLEMS;
    if (read && check_items(import)) {
        status = TOOL_FOLDER;
        if (folder_open_to_write(&import->folder, import->config->folder)) {
            status = import_into(import);
            folder_close(&import->folder);
        }
    }
    items_release(&import->items);
    return status;
}

/* A link to the file is as good as the file. */
static int read_file(const char *path, struct buf *text)
{
    const struct fs fs = {0};
    char *real = realpath(path, NULL);
    int status = real == NULL ? -errno : fs_read_file(&fs, real, SIZE_MAX, text);
    free(real);
    return status;
}

enum tool_status import_run(const struct import_config *config)
{
    struct import import = {.config = config, .problems = {.out = stderr, .progress = &import.progress}};
    struct buf text = BUF_EMPTY;
    int status = read_file(config->file, &text);
    enum tool_status result = TOOL_PROBLEMS;
    if (status == 0)
        result = import_text(&import, buf_slice(&text));
    else
        problems_tell(&import.problems, config->file, "cannot be read: %s", error_text(status));
    buf_release(&text);
    return result;
}
