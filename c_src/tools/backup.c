/* The command backup. How files are copied is store/copy's, how the node is reached runtime/guest's; what
 * they have to know of each other is here: the database's request hold_journals (docs/protocol.md). */
#include "tools/backup.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/cookie.h"
#include "runtime/guest.h"
#include "runtime/host.h"
#include "store/copy.h"
#include "tools/progress.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 60000 };

struct backup {
    const struct backup_config *config;
    char node[HOST_NODE_NAME_MAX];
    char *from; /* the node's folder; NULL: not known yet */
    struct progress progress;
    struct copy_config copy_config;
    struct copy *copy;       /* NULL: not begun */
    enum tool_status status; /* of the copying; TOOL_OK only if that is done */
    atomic_bool stop;        /* copying is to end */
};

static enum tool_status fail(enum tool_status status, const char *subject, const char *text)
{
    fprintf(stderr, "todo_node: %s: %s\n", subject, text);
    return status;
}

/* ---- what the guest calls */

/* {hold_journals, Self} */
static void write_request(void *ctx, struct slice self, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "hold_journals");
    etf_write_term(out, self);
}

/* {ok, Folder} */
static bool answered(void *ctx, struct slice term)
{
    struct backup *backup = ctx;
    struct slice folder;
    if (!etf_read_tagged(&term, "ok", 2) || !etf_read_binary(&term, &folder) || folder.size == 0 ||
        memchr(folder.data, '\0', folder.size) != NULL)
        return false;
    backup->from = mem_zalloc(folder.size + 1);
    memcpy(backup->from, folder.data, folder.size);
    return true;
}

static bool on_step(void *ctx, uint64_t total)
{
    struct backup *backup = ctx;
    if (backup->progress.what == NULL)
        progress_begin(&backup->progress, "backup", total);
    backup->progress.total = total;
    progress_step(&backup->progress);
    return !atomic_load(&backup->stop);
}

static const char *copy_text(int status)
{
    if (status == ERR_CONFLICT)
        return "is in the node's own folder";
    return error_text(status);
}

static enum tool_status tell_copy(struct backup *backup, int status)
{
    const char *subject = copy_done(backup->copy)->failed;
    progress_erase(&backup->progress);
    if (status == 0)
        return TOOL_OK;
    if (status == ERR_STOPPED)
        return TOOL_PROBLEMS;
    return fail(strcmp(subject, backup->config->folder) == 0 ? TOOL_FOLDER : TOOL_PROBLEMS, subject,
                copy_text(status));
}

/* On another machine there may be such a folder too, but the node has not locked it. */
static enum tool_status check_source(const struct backup *backup)
{
    const struct fs fs = {0};
    int fd;
    int status = fs_lock_folder(&fs, backup->from, &fd);
    if (status == ERR_LOCKED)
        return TOOL_OK;
    if (status == 0)
        fs_close(fd);
    fprintf(stderr, "todo_node: %s: the folder of %s is not on this machine: %s\n", backup->from,
            backup->node, status == 0 ? "no node uses it" : error_text(status));
    return TOOL_FOLDER;
}

static void work(void *ctx)
{
    struct backup *backup = ctx;
    backup->status = check_source(backup);
    if (backup->status != TOOL_OK)
        return;
    backup->copy_config = (struct copy_config){
        .from = backup->from, .to = backup->config->folder, .step = on_step, .ctx = backup};
    backup->copy = copy_new(&backup->copy_config);
    backup->status = tell_copy(backup, copy_run(backup->copy));
}

static void stop(void *ctx)
{
    atomic_store(&((struct backup *)ctx)->stop, true);
}

/* ---- before and after */

static enum tool_status check_folder(const char *folder)
{
    const struct fs fs = {0};
    int status = copy_check_target(&fs, folder);
    return status == 0 ? TOOL_OK : fail(TOOL_FOLDER, folder, error_text(status));
}

static enum tool_status tell_unreached(const struct backup *backup, int error)
{
    if (error == ERR_NOT_FOUND)
        return fail(TOOL_PROBLEMS, backup->node, "no node of this name is running");
    if (error == ERR_BAD_COOKIE)
        return fail(TOOL_COOKIE, backup->node,
                    backup->config->tls.cert != NULL
                        ? "it does not have our cookie"
                        : "it does not have our cookie, or wants TLS (--tls-cert)");
    fprintf(stderr, "todo_node: %s: no connection: %s\n", backup->node, error_text(error));
    return TOOL_PROBLEMS;
}

static enum tool_status tell_done(const struct backup *backup)
{
    const struct copied *done = copy_done(backup->copy);
    printf("backup: %" PRIu64 " files, %" PRIu64 " journal segments, %" PRIu64 " bytes\n", done->values,
           done->segments, done->bytes);
    return fflush(stdout) == 0 ? TOOL_OK : fail(TOOL_PROBLEMS, "stdout", "cannot be written");
}

static enum tool_status tell(const struct backup *backup, enum guest_outcome outcome, int error)
{
    switch (outcome) {
    case GUEST_DONE:
        return backup->status == TOOL_OK ? tell_done(backup) : backup->status;
    case GUEST_UNREACHED:
        return tell_unreached(backup, error);
    case GUEST_NO_SERVER:
    case GUEST_NOT_WANTED:
        return fail(TOOL_PROBLEMS, backup->node, "it has no database that could be backed up");
    case GUEST_NO_ANSWER:
        return fail(TOOL_PROBLEMS, backup->node, "it does not answer");
    case GUEST_LOST:
        return fail(TOOL_PROBLEMS, backup->node, "the connection was lost before the end: no backup");
    case GUEST_INTERRUPTED:
        return fail(TOOL_PROBLEMS, backup->config->folder, "interrupted: no backup");
    case GUEST_FAILED:
        break;
    }
    return fail(TOOL_PROBLEMS, "cannot start", error_text(error));
}

static enum tool_status run(struct backup *backup, struct slice cookie, struct tls *tls)
{
    const struct guest_config config = {.node = backup->node,
                                        .prefix = "todo_backup",
                                        .cookie = cookie,
                                        .tls = tls,
                                        .net_ticktime_s = backup->config->net_ticktime_s,
                                        .answer_ms = ANSWER_MS,
                                        .server = "Elixir.Todo.Database",
                                        .write_request = write_request,
                                        .answered = answered,
                                        .work = work,
                                        .stop = stop,
                                        .ctx = backup};
    int error;
    enum guest_outcome outcome = guest_run(&config, &error);
    enum tool_status status = tell(backup, outcome, error);
    /* Also a copy that is whole is none if the journals may have been let go before. */
    if (status != TOOL_OK && backup->copy != NULL)
        copy_undo(backup->copy);
    if (backup->copy != NULL)
        copy_free(backup->copy);
    mem_free(backup->from);
    return status;
}

/* With what it takes to be let in. */
static enum tool_status run_known(struct backup *backup)
{
    struct buf cookie = BUF_EMPTY;
    struct tls *tls;
    char message[512];
    if (cookie_read(backup->config->cookie_file, &cookie, message) != 0) {
        fprintf(stderr, "todo_node: %s\n", message);
        return TOOL_COOKIE;
    }
    enum tool_status status = TOOL_TLS;
    if (tls_new(&tls, &backup->config->tls, message) == 0) {
        status = run(backup, buf_slice(&cookie), tls);
        tls_free(tls);
    } else {
        fprintf(stderr, "todo_node: %s\n", message);
    }
    explicit_bzero(cookie.data, cookie.size);
    buf_release(&cookie);
    return status;
}

enum tool_status backup_run(const struct backup_config *config)
{
    struct backup backup = {.config = config, .status = TOOL_PROBLEMS};
    if (host_node_name(config->node, strchr(config->node, '.') != NULL, backup.node) != 0)
        return fail(TOOL_USAGE, config->node, "not a node name (NAME, or NAME@HOST)");
    enum tool_status status = check_folder(config->folder);
    return status == TOOL_OK ? run_known(&backup) : status;
}
