/* Opens folders for the commands. Knows names, not what is in the files. */
#include "tools/folder.h"

#include "base/error.h"
#include "base/mem.h"
#include "todo/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(struct folder *folder)
{
    size_t i = 0;
    for (size_t at = 0; at < folder->names.size; at++)
        folder->count += folder->names.data[at] == '\0';
    folder->sorted = mem_alloc((folder->count + 1) * sizeof *folder->sorted);
    for (size_t at = 0; at < folder->names.size; at += strlen(folder->sorted[i++]) + 1)
        folder->sorted[i] = (const char *)folder->names.data + at;
    qsort(folder->sorted, folder->count, sizeof *folder->sorted, compare_names);
}

static bool finish_open(struct folder *folder, const char *path, int status)
{
    folder->names = BUF_EMPTY;
    folder->sorted = NULL;
    folder->count = 0;
    if (status == 0) {
        status = files_names(&folder->files, &folder->names);
        sort_names(folder);
        if (status != 0)
            folder_close(folder);
    }
    if (status != 0)
        fprintf(stderr, "todo_node: %s: %s\n", path, error_text(status));
    return status == 0;
}

bool folder_open_to_read(struct folder *folder, const char *path)
{
    const struct fs fs = {0};
    return finish_open(folder, path, files_open_to_read(&folder->files, path, DATABASE_VALUE_MAX, fs));
}

bool folder_open_to_write(struct folder *folder, const char *path)
{
    const struct fs fs = {0};
    return finish_open(folder, path, files_open(&folder->files, path, DATABASE_VALUE_MAX, fs));
}

void folder_close(struct folder *folder)
{
    files_close(&folder->files);
    buf_release(&folder->names);
    mem_free(folder->sorted);
}

bool folder_has(const struct folder *folder, const char *name)
{
    return bsearch(&name, folder->sorted, folder->count, sizeof *folder->sorted, compare_names) != NULL;
}

bool folder_name_is_aside(const char *name)
{
    static const char prefix[] = "%aside.";
    return strncmp(name, prefix, sizeof prefix - 1) == 0;
}
