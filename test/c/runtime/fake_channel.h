/* Channels without anything above them, and the other end of one of their sockets, which a test holds itself.
 * Nothing happens in between but what the test makes happen: ticks are sent and output is flushed when it
 * says so, and times are set, not waited for.
 */
#ifndef TEST_C_RUNTIME_FAKE_CHANNEL_H
#define TEST_C_RUNTIME_FAKE_CHANNEL_H

#include "base/buf.h"
#include "runtime/channel.h"
#include "runtime/tls_session.h"

#include <stdbool.h>

#define LINE_COOKIE "OPENSESAME"
#define LINE_OURS   "us@localhost"
#define LINE_THEIRS "them@localhost"

enum { LINE_ENDS_MAX = 8 };

/* The node with its channels, and what their owner was told. */
struct line {
    uv_loop_t loop;
    struct node node; /* its process echo sends {Pid, Term} back to Pid as Term */
    struct channels channels;
    enum handshake_status status; /* what check_name answers */
    char checked[300];            /* the name it was asked about last */
    unsigned up;                  /* calls */
    unsigned ended;               /* calls */
    int errors[LINE_ENDS_MAX];    /* of those that ended, in order */
    unsigned echoed;              /* messages that echo got */
};

/* The other end of a channel. */
struct line_end {
    struct line *line;
    struct channel *channel; /* gone when line->ended says so */
    int fd;                  /* never blocks */
    bool closed;             /* the channel's side has ended it */
    struct tls_session *tls; /* what it speaks; NULL: no TLS. Freed by line_hang_up */
    int tls_status;          /* of tls when it was fed last */
    struct buf in;           /* received, not taken yet */
    struct buf packet;       /* taken last */
};

/* Limits not set are large; a tick each hour. */
void line_open(struct line *line, struct connections_config config);
/* Closes what is left; the loop must be empty then. */
void line_close(struct line *line);

/* A turn of the loop that waits for nothing, and of the node; writes what was woken. */
void line_turn(struct line *line);
/* Turns until reached(ctx); fails the test after a while. */
void line_await(struct line *line, bool (*reached)(struct line *line, const void *ctx), const void *ctx);
void line_await_ended(struct line *line, unsigned count);

/* An accepted channel over a pair of sockets, nothing said yet; and one that is up. */
void line_accept(struct line *line, struct line_end *end);
void line_join(struct line *line, struct line_end *end, const char *name);
void line_hang_up(struct line_end *end);

/* The same with TLS: who is certified by these files. Nothing said yet but, where end connects, the first
 * word. */
void line_accept_tls(struct line *line, struct line_end *end, const struct tls *tls);

/* What the socket gets, TLS or not, turning while it is full. */
void line_send_raw(struct line_end *end, struct slice bytes);
/* Sends all of it; with TLS hands are shaken before. */
void line_send(struct line_end *end, struct slice bytes);
/* Waits until so many bytes stand in end->in, or the other side has ended; false then. */
bool line_receive(struct line_end *end, size_t size);
void line_receive_all(struct line_end *end);

/* The other side's part of a handshake; false if it was refused. line_shake_hands_by: in pieces of so many
 * bytes. */
bool line_shake_hands(struct line_end *end, const char *name, const char *cookie);
bool line_shake_hands_by(struct line_end *end, const char *name, const char *cookie, size_t piece);
/* The same where the channel has connected. */
bool line_answer_hands(struct line_end *end, const char *name, const char *cookie);
/* The next packet of the handshake, or the next frame, without its length: in end->packet until the next
 * call. False: the other side has ended. */
bool line_packet(struct line_end *end);
bool line_frame(struct line_end *end);

/* Appends the frame of {Pid, binary of size bytes} to echo. */
void line_write_echo(struct buf *out, const char *name, size_t size);
/* The next frame must be echo's answer of that size. */
void line_expect_echo(struct line_end *end, size_t size);

#endif
