/* Writes a supervisor as OTP keeps it. Changes nothing. */
#include "runtime/supervisor_record.h"

#include "runtime/registry.h"
#include "wire/etf_canonical.h"
#include "wire/etf_list.h"
#include "wire/etf_write.h"

#include <assert.h>

/* {local, Name}, or {Pid, Module} of one without a name */
static void write_name(const struct supervisor *self, struct buf *out)
{
    const struct process *process = &self->server.process;
    struct slice name = registry_name(process);
    etf_write_tuple(out, 2);
    if (name.size > 0) {
        etf_write_atom(out, "local");
        etf_write_atom_slice(out, name);
    } else {
        process_write_pid(process, out);
        etf_write_atom(out, process->type->module);
    }
}

static void write_strategy(const struct supervisor *self, struct buf *out)
{
    static const char *const texts[] = {
        [ONE_FOR_ONE] = "one_for_one", [ONE_FOR_ALL] = "one_for_all", [REST_FOR_ONE] = "rest_for_one"};
    etf_write_atom(out, texts[self->spec.strategy]);
}

/* Most recently started first. */
static uint32_t write_ids(const struct supervisor *self, struct buf *out)
{
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (unsigned i = self->spec.child_count; i-- > 0;) {
        if (self->children[i].removed)
            continue;
        child_write_id(&self->children[i], out);
        count++;
    }
    etf_list_close(out, mark, count);
    return count;
}

/* Its keys in the order that a map has. */
static void write_map(struct supervisor *self, uint32_t count, struct buf *out)
{
    struct buf map = BUF_EMPTY;
    etf_write_map(&map, count);
    for (unsigned i = 0; i < self->spec.child_count; i++) {
        if (self->children[i].removed)
            continue;
        child_write_id(&self->children[i], &map);
        child_write_record(&self->children[i], self->server.process.node, &map);
    }
    int status = etf_canonical(buf_slice(&map), out);
    assert(status == 0); /* ids differ */
    (void)status;
    buf_release(&map);
}

/* Those that OTP would not have forgotten: within the period of the newest. */
static void write_restarts(const struct supervisor *self, struct buf *out)
{
    unsigned intensity = self->spec.intensity, at = self->restart_oldest;
    uint32_t count = 0;
    uint64_t newest_s = 0;
    size_t mark = etf_list_open(out);
    for (; count < self->restart_count; count++) {
        at = (at + intensity - 1) % intensity;
        uint64_t at_s = self->restart_ms[at] / 1000;
        if (count == 0)
            newest_s = at_s;
        if (newest_s - at_s > self->spec.period_s)
            break;
        etf_write_uint64(out, at_s);
    }
    etf_list_close(out, mark, count);
}

void supervisor_write_record(struct supervisor *self, struct buf *out)
{
    etf_write_tuple(out, 12);
    etf_write_atom(out, "state");
    write_name(self, out);
    write_strategy(self, out);
    etf_write_tuple(out, 2);
    write_map(self, write_ids(self, out), out);
    etf_write_atom(out, "undefined");
    etf_write_uint64(out, self->spec.intensity);
    etf_write_uint64(out, self->spec.period_s);
    write_restarts(self, out);
    etf_write_uint64(out, 0);
    etf_write_atom(out, "never");
    etf_write_atom(out, self->server.process.type->module);
    etf_write_nil(out);
}
