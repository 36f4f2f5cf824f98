/* The folder of value files: one file per key, replaced atomically. Blocking; used by the workers' threads,
 * and by the loop thread at start and stop. No shared state but the lock: threads may call it at once for
 * different names.
 *
 *   name            a value, visible only when it is whole
 *   .tmp-<number>   a value on its way; what a crash leaves is removed by files_open
 *   .journal-...    store/segment.h
 */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include "base/buf.h"
#include "base/slice.h"
#include "store/fs.h"

#include <limits.h>
#include <uv.h>

enum { FILES_NAME_ROOM = 256, FILES_PATH_ROOM = PATH_MAX + FILES_NAME_ROOM };

struct files {
    struct fs fs;
    char *folder;          /* path */
    size_t value_size_max; /* of a value, read or written */
    uv_mutex_t lock;       /* protects lock_fd */
    int lock_fd;           /* the folder, locked */
};

/* Creates the folder if need be, locks it, removes temporaries, tries it by writing.
 * Errors: ERR_LOCKED, negative errno. */
int files_open(struct files *files, const char *folder, size_t value_size_max, struct fs fs);
/* For reading alone: the folder has to be there, it is locked as well, nothing in it is changed.
 * Errors: ERR_LOCKED, negative errno. */
int files_open_to_read(struct files *files, const char *folder, size_t value_size_max, struct fs fs);
void files_close(struct files *files);

/* The folder may have been replaced under us: locks the new one before anything is written to it.
 * Errors: -ENOENT (it is gone), ERR_LOCKED (somebody else has it), negative errno. */
int files_check(struct files *files);

/* Errors: as fs_read_file; ERR_NOT_FOUND also when the folder itself is gone (files_check tells). */
int files_read(const struct files *files, const char *name, struct buf *value);

/* First half of a replacement: writes and syncs the temporary of that number, which nobody else uses now. */
int files_prepare(const struct files *files, uint64_t id, struct slice value);
/* The same without the sync: of many temporaries at once, then files_sync_all. */
int files_prepare_unsynced(const struct files *files, uint64_t id, struct slice value);
int files_sync_all(struct files *files);
/* Takes a first half back. */
void files_discard(const struct files *files, uint64_t id);
/* Second half: gives it its name. Durable after files_sync. */
int files_publish(const struct files *files, uint64_t id, const char *name);
/* Both halves, for a file of the folder that is no value and has no size limit. */
int files_write(const struct files *files, uint64_t id, const char *name, struct slice bytes);
/* The same as files_publish for a removal. */
int files_remove(const struct files *files, const char *name);
int files_sync(const struct files *files);

/* Gives the file another name that no key has, %aside.<Unix time>.<id>.<name, cut>: appended to aside with a
 * NUL. id: of this call alone, so that nothing set aside before is overwritten. Durable after files_sync.
 * Errors: ERR_NOT_FOUND, negative errno. */
int files_set_aside(const struct files *files, uint64_t id, const char *name, struct buf *aside);

/* Gives the file that other name too: it keeps its own, unless it cannot have two and is moved. Otherwise as
 * files_set_aside. */
int files_copy_aside(const struct files *files, uint64_t id, const char *name, struct buf *aside);

/* Of an error of files_publish or files_remove: another name would do better, for it is about what is there
 * under this one (a folder, a file that may not be replaced). */
bool files_is_of_the_name(int status);

/* That other name. */
void files_aside_name(uint64_t id, const char *name, char aside[FILES_NAME_ROOM]);

/* Appends the names of all values, each with a NUL. */
int files_names(const struct files *files, struct buf *names);

/* The same of what begins with .journal- */
int files_journals(const struct files *files, struct buf *names);

/* Where a file of the folder is, for the functions of fs.h. */
void files_path(const struct files *files, const char *name, char path[FILES_PATH_ROOM]);

#endif
