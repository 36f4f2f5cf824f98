/* Calls as GenServer.call of OTP 25 makes them, written from templates: MONITOR_P, SEND_SENDER with an alias,
 * and after the answer DEMONITOR_P; and the answers. Each caller is a process of its own.
 */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/pid.h"

#include <stdbool.h>
#include <stdint.h>

enum { REQUESTS_CALLERS_MAX = 1 << 18 }; /* what the first word of a reference holds */

/* One call: becomes the reference that is monitor, alias and tag. */
struct request_id {
    uint32_t caller;   /* which process asks, < REQUESTS_CALLERS_MAX */
    uint32_t sequence; /* tells its calls apart */
};

/* What of a list's pid differs from that of others on its node. */
struct target {
    uint32_t id;     /* as in struct pid */
    uint32_t serial; /* likewise */
};

struct requests {
    struct buf self;      /* our node's name, an atom term */
    uint32_t creation;    /* ours */
    size_t target_size;   /* of a pid of the node that is asked */
    struct buf call;      /* template of MONITOR_P and SEND_SENDER */
    struct buf demonitor; /* template of DEMONITOR_P */
    struct buf tag;       /* template of [alias | Ref] */
    struct buf scratch;   /* terms while frames are made */
};

/* self: our full name. */
void requests_init(struct requests *requests, const char *self, uint32_t creation);
void requests_release(struct requests *requests);

/* Makes the templates. pid: any process of the node that will be asked. request: a term. */
void requests_prepare(struct requests *requests, const struct pid *pid, struct slice request);

/* Precondition: prepared. Appends a call to a process of that node; its end. */
void requests_call(const struct requests *requests, struct buf *out, struct request_id id,
                   struct target target);
void requests_demonitor(const struct requests *requests, struct buf *out, struct request_id id,
                        struct target target);

/* Appends a call to a registered name; its end. No templates are needed. */
void requests_call_name(struct requests *requests, struct buf *out, struct request_id id, const char *name,
                        struct slice request);
void requests_demonitor_name(struct requests *requests, struct buf *out, struct request_id id,
                             const char *name);

/* Appends MONITOR_P alone. */
void requests_monitor(const struct requests *requests, struct buf *out, struct request_id id,
                      struct target target);

/* What a frame is to us. */
enum request_frame {
    REQUEST_ANSWER,  /* *id and *answer (all bytes of it) are set */
    REQUEST_DOWN,    /* a monitored process has ended */
    REQUEST_FOREIGN, /* an answer that no call of ours is tagged for, or no frame at all */
    REQUEST_OTHER    /* anything else */
};

enum request_frame requests_frame(const struct requests *requests, struct slice frame, struct request_id *id,
                                  struct slice *answer);

#endif
