/* Drives a node as the program does: messages, then one turn of the loop, until what was waited for is there
 * or the deadline has passed. Knows neither lists nor the cache. */
#include "fake_node.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fake_terms.h"
#include "runtime/monitors.h"
#include "runtime/registry.h"
#include "unit.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000 };

struct probe {
    struct process process;
    struct fake *f;
};

/* A monitor of the probe. */
struct fake_watch {
    struct fake_watch *next;
    unsigned tag;
    struct ref ref;
};

/* ---- the probe ---- */

static void keep(struct fake *f, unsigned tag, struct slice term)
{
    assert_true(tag < f->tags);
    assert_int_equal(f->answers[tag].size, 0); /* answered once */
    buf_append_slice(&f->answers[tag], term);
    f->order[tag] = ++f->answered;
}

static void keep_down(struct fake *f, struct slice message)
{
    struct ref ref;
    assert_true(ref_read(&message, &ref));
    etf_take(&message);
    etf_take(&message);
    struct fake_watch *watch = f->watches;
    while (watch != NULL && memcmp(watch->ref.word, ref.word, sizeof ref.word) != 0)
        watch = watch->next;
    assert_non_null(watch);
    keep(f, watch->tag, message);
}

static enum receive probe_receive(struct process *self, struct slice message)
{
    struct fake *f = ((struct probe *)self)->f;
    struct slice rest = message;
    uint32_t arity;
    uint64_t tag;
    if (etf_read_tagged(&rest, "DOWN", 5))
        keep_down(f, rest);
    else if (etf_read_tagged(&rest, "EXIT", 3))
        f->exits++;
    else if (etf_read_tuple(&rest, &arity) && arity == 2 && etf_read_uint64(&rest, &tag))
        keep(f, (unsigned)tag, rest);
    else
        fail_msg("the probe got what nobody should send it");
    return RECEIVE_TAKEN;
}

static const struct process_type probe_type = {
    .module = "probe", .size = sizeof(struct probe), .receive = probe_receive};

/* ---- the disk ---- */

static int disk_fault(void *ctx, enum fs_call call, const char *path)
{
    struct fake_disk *disk = ctx;
    uv_mutex_lock(&disk->lock);
    disk->count[call]++;
    disk->waiting++;
    uv_cond_broadcast(&disk->changed);
    while (disk->held[call])
        uv_cond_wait(&disk->changed, &disk->lock);
    disk->waiting--;
    int status = disk->status[call];
    uv_mutex_unlock(&disk->lock);
    return status;
}

void fake_disk_hold(struct fake *f, enum fs_call call)
{
    uv_mutex_lock(&f->disk.lock);
    f->disk.held[call] = true;
    uv_mutex_unlock(&f->disk.lock);
}

/* True if a thread waits; else after a moment. */
static bool is_waiting(struct fake_disk *disk)
{
    uv_mutex_lock(&disk->lock);
    if (disk->waiting == 0)
        uv_cond_timedwait(&disk->changed, &disk->lock, 1000000);
    bool waiting = disk->waiting > 0;
    uv_mutex_unlock(&disk->lock);
    return waiting;
}

void fake_disk_await(struct fake *f)
{
    uint64_t end = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (!is_waiting(&f->disk)) {
        node_run(&f->node);
        uv_run(&f->loop, UV_RUN_NOWAIT);
        if (uv_hrtime() > end)
            fail_msg("nobody came to the disk");
    }
}

void fake_disk_go(struct fake *f)
{
    uv_mutex_lock(&f->disk.lock);
    memset(f->disk.held, 0, sizeof f->disk.held);
    uv_cond_broadcast(&f->disk.changed);
    uv_mutex_unlock(&f->disk.lock);
}

void fake_disk_fail(struct fake *f, enum fs_call call, int status)
{
    uv_mutex_lock(&f->disk.lock);
    f->disk.status[call] = status;
    uv_mutex_unlock(&f->disk.lock);
}

unsigned fake_disk_count(struct fake *f, enum fs_call call)
{
    uv_mutex_lock(&f->disk.lock);
    unsigned count = f->disk.count[call];
    uv_mutex_unlock(&f->disk.lock);
    return count;
}

/* ---- the loop ---- */

static void on_deadline(uv_timer_t *timer)
{
    ((struct fake *)timer->data)->late = true;
}

void fake_until(struct fake *f, bool (*done)(struct fake *f, void *argument), void *argument,
                const char *what)
{
    f->late = false;
    uv_timer_start(&f->deadline, on_deadline, DEADLINE_MS, 0);
    for (;;) {
        while (node_run(&f->node))
            ;
        if (done(f, argument))
            break;
        if (f->late)
            fail_msg("in vain: %s", what);
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&f->deadline);
}

void fake_turns(struct fake *f)
{
    for (int i = 0; i < 20; i++) {
        node_run(&f->node);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

/* ---- opening and closing ---- */

void fake_open(struct fake *f)
{
    log_set_level(LOG_NONE);
    *f = (struct fake){.folder = "/tmp/todo_test_XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->deadline);
    f->deadline.data = f;
    uv_mutex_init(&f->disk.lock);
    uv_cond_init(&f->disk.changed);
    node_init(&f->node, &f->loop, "todo@host", 4);
    f->probe = process_new(&f->node, &probe_type);
    f->probe->trap_exit = true;
    ((struct probe *)f->probe)->f = f;
    f->database.node = &f->node;
}

void fake_open_store(struct fake *f, unsigned workers)
{
    const struct store_config config = {.folder = f->folder,
                                        .workers = workers,
                                        .value_size_max = DATABASE_VALUE_MAX,
                                        .ops = database_store_ops(),
                                        .loop = &f->loop,
                                        .fs = {.fault = disk_fault, .ctx = &f->disk}};
    assert_int_equal(store_open(&f->database.store, &config), 0);
    f->database.workers = workers;
    f->alone.database = &f->database;
}

static void on_store_closed(void *ctx, int status)
{
    *(bool *)ctx = true;
}

static bool is_true(struct fake *f, void *argument)
{
    return *(bool *)argument;
}

static void close_store(struct fake *f)
{
    bool closed = false;
    if (f->database.store == NULL)
        return;
    fake_disk_go(f);
    store_close(f->database.store, on_store_closed, &closed);
    fake_until(f, is_true, &closed, "the store closes");
    store_free(f->database.store);
    buf_release(&f->database.change);
}

static void remove_folder(struct fake *f)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
}

void fake_close(struct fake *f)
{
    for (uint32_t i = 1; i < f->node.slot_used; i++) {
        if (f->node.slots[i].process != NULL)
            process_exit_atom(f->node.slots[i].process, "shutdown");
    }
    close_store(f);
    uv_close((uv_handle_t *)&f->deadline, NULL);
    while (uv_run(&f->loop, UV_RUN_ONCE) != 0)
        ;
    node_release(&f->node);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (unsigned i = 0; i < f->tags; i++)
        buf_release(&f->answers[i]);
    while (f->watches != NULL) {
        struct fake_watch *next = f->watches->next;
        mem_free(f->watches);
        f->watches = next;
    }
    mem_free(f->answers);
    mem_free(f->order);
    uv_mutex_destroy(&f->disk.lock);
    uv_cond_destroy(&f->disk.changed);
    remove_folder(f);
}

/* ---- messages ---- */

unsigned fake_tag(struct fake *f)
{
    if (f->tags == f->room) {
        f->room = f->room * 2 + 16;
        f->answers = mem_realloc(f->answers, f->room * sizeof *f->answers);
        f->order = mem_realloc(f->order, f->room * sizeof *f->order);
    }
    f->answers[f->tags] = BUF_EMPTY;
    f->order[f->tags] = 0;
    return f->tags++;
}

/* {What, {Probe, Tag}, Request} */
static unsigned send_call(struct fake *f, struct process *process, const char *what, struct slice request)
{
    struct buf message = BUF_EMPTY;
    unsigned tag = fake_tag(f);
    etf_write_tuple(&message, 3);
    etf_write_atom(&message, what);
    etf_write_tuple(&message, 2);
    process_write_pid(f->probe, &message);
    etf_write_uint64(&message, tag);
    etf_write_term(&message, request);
    process_deliver(process, 0, buf_slice(&message), slice_of(NULL, 0));
    buf_release(&message);
    return tag;
}

unsigned fake_call_term(struct fake *f, struct process *process, struct slice request)
{
    return send_call(f, process, "$gen_call", request);
}

unsigned fake_call(struct fake *f, struct process *process, const char *request)
{
    struct slice term = fake_term(request);
    unsigned tag = send_call(f, process, "$gen_call", term);
    fake_free(term);
    return tag;
}

unsigned fake_system(struct fake *f, struct process *process, const char *command)
{
    struct slice term = fake_term(command);
    unsigned tag = send_call(f, process, "system", term);
    fake_free(term);
    return tag;
}

void fake_send(struct fake *f, struct process *process, const char *message)
{
    struct slice term = fake_term(message);
    process_deliver(process, 0, term, slice_of(NULL, 0));
    fake_free(term);
}

void fake_cast(struct fake *f, struct process *process, const char *request)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "$gen_cast");
    fake_term_append(&message, request);
    process_deliver(process, 0, buf_slice(&message), slice_of(NULL, 0));
    buf_release(&message);
}

unsigned fake_watch(struct fake *f, struct process *process)
{
    struct fake_watch *watch = mem_zalloc(sizeof *watch);
    struct buf pid = BUF_EMPTY;
    process_write_pid(process, &pid);
    watch->tag = fake_tag(f);
    watch->next = f->watches;
    f->watches = watch;
    monitor_add(f->probe, buf_slice(&pid), &watch->ref);
    buf_release(&pid);
    return watch->tag;
}

void fake_exit(struct fake *f, struct process *process, const char *reason)
{
    struct slice term = fake_term(reason);
    process_send_exit(f->probe, process->id, term);
    fake_free(term);
}

bool fake_replied(struct fake *f, unsigned tag)
{
    return f->answers[tag].size > 0;
}

static bool has_reply(struct fake *f, void *argument)
{
    return fake_replied(f, *(unsigned *)argument);
}

struct slice fake_reply(struct fake *f, unsigned tag)
{
    fake_until(f, has_reply, &tag, "an answer");
    return buf_slice(&f->answers[tag]);
}

static void print_hex(struct slice term)
{
    for (size_t i = 0; i < term.size && i < 400; i++)
        fprintf(stderr, "%02x", term.data[i]);
    fprintf(stderr, "\n");
}

void fake_same(struct slice term, const char *expected)
{
    struct slice wanted = fake_term(expected);
    if (!etf_equal(term, wanted)) {
        print_hex(term);
        fail_msg("not %s", expected);
    }
    fake_free(wanted);
}

void fake_expect(struct fake *f, unsigned tag, const char *expected)
{
    fake_same(fake_reply(f, tag), expected);
}

void fake_ask(struct fake *f, struct process *process, const char *request, const char *expected)
{
    fake_expect(f, fake_call(f, process, request), expected);
}

struct process *fake_process(struct fake *f, unsigned tag)
{
    struct slice term = fake_reply(f, tag);
    struct pid pid;
    if (!pid_read(&term, &pid)) {
        print_hex(term);
        fail_msg("no pid");
    }
    struct process *process = process_find_pid(&f->node, &pid);
    assert_non_null(process);
    return process;
}

struct process *fake_named(struct fake *f, const char *name)
{
    struct process *process = registry_find(&f->node, slice_of_text(name));
    assert_non_null(process);
    return process;
}

/* ---- files ---- */

static void path_of(struct fake *f, const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", f->folder, name);
}

void fake_write_file(struct fake *f, const char *name, struct slice bytes)
{
    char path[512];
    path_of(f, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
}

void fake_put_file(struct fake *f, const char *name, const char *term)
{
    struct buf bytes = BUF_EMPTY;
    etf_write_version(&bytes);
    fake_term_append(&bytes, term);
    fake_write_file(f, name, buf_slice(&bytes));
    buf_release(&bytes);
}

void fake_remove_file(struct fake *f, const char *name)
{
    char path[512];
    path_of(f, name, path);
    assert_int_equal(unlink(path), 0);
}

bool fake_has_file(struct fake *f, const char *name)
{
    char path[512];
    path_of(f, name, path);
    return access(path, F_OK) == 0;
}

struct checkpoint_wait {
    struct store_request request; /* first */
    bool done;
};

static void on_checkpoint(struct store_request *request, int status, struct slice value)
{
    ((struct checkpoint_wait *)request)->done = true;
}

void fake_checkpoint(struct fake *f)
{
    struct checkpoint_wait wait = {.request = {.done = on_checkpoint}};
    if (f->database.store == NULL)
        return;
    store_names(f->database.store, &wait.request);
    fake_until(f, is_true, &wait.done, "a checkpoint");
}

void fake_file(struct fake *f, const char *name, const char *expected)
{
    fake_checkpoint(f);
    fake_file_as_it_is(f, name, expected);
}

void fake_file_as_it_is(struct fake *f, const char *name, const char *expected)
{
    char path[512];
    uint8_t bytes[65536];
    path_of(f, name, path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("no file %s", name);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 1 && bytes[0] == 131);
    struct slice rest = slice_of(bytes + 1, size - 1);
    fake_same(etf_take(&rest), expected);
}

unsigned fake_dot_files(struct fake *f)
{
    unsigned count = 0;
    DIR *folder = opendir(f->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count +=
            entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}
