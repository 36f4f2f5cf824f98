/* Finds waiting calls by their alias. Knows no message. */
#include "runtime/waiting.h"

#include "base/mem.h"
#include "runtime/mailbox.h"
#include "runtime/node.h"

#include <utlist.h>

static struct waiting_key key_of(const struct ref *alias)
{
    struct waiting_key key = {.words = alias->words};
    memcpy(key.word, alias->word, sizeof key.word);
    return key;
}

static struct slice table_key(const struct table_link *link)
{
    const struct waiting *waiting = (const struct waiting *)link;
    return slice_of(&waiting->key, sizeof waiting->key);
}

void waiting_init(struct peer *peer)
{
    table_init(&peer->waiting_by_alias, table_key);
}

void waiting_release(struct peer *peer)
{
    table_release(&peer->waiting_by_alias);
}

static struct waiting *find(struct peer *peer, const struct waiting_key *key)
{
    return TABLE_RECORD(table_find(&peer->waiting_by_alias, slice_of(key, sizeof *key)), struct waiting,
                        link);
}

static void forget(struct peer *peer, struct waiting *waiting)
{
    table_remove(&peer->waiting_by_alias, &waiting->link);
    DL_DELETE(peer->waiting, waiting);
    mem_free(waiting);
}

static void cancel(struct peer *peer, struct waiting *waiting)
{
    if (waiting->message == NULL)
        return;
    mailbox_cancel(&waiting->process->mailbox, waiting->message);
    peer->node->cancelled++;
}

/* A call that was offered leaves its record behind: nobody looks for it then. For each new record two old
 * ones are looked at in turn, so there are never many more records than calls that wait. */
static void tidy(struct peer *peer)
{
    for (int i = 0; i < 2 && peer->waiting != NULL; i++) {
        struct waiting *oldest = peer->waiting;
        if (oldest->message == NULL) {
            forget(peer, oldest);
        } else {
            DL_DELETE(peer->waiting, oldest);
            DL_APPEND(peer->waiting, oldest);
        }
    }
}

void waiting_hold(struct peer *peer, const struct ref *alias, struct process *process,
                  struct message *message)
{
    struct waiting_key key = key_of(alias);
    tidy(peer);
    struct waiting *waiting = find(peer, &key);
    if (waiting == NULL) {
        waiting = mem_zalloc(sizeof *waiting);
        waiting->key = key;
        table_add(&peer->waiting_by_alias, &waiting->link);
        DL_APPEND(peer->waiting, waiting);
    }
    if (waiting->message != NULL)
        return;
    waiting->process = process;
    message_hold(message, &waiting->message);
}

void waiting_cancel(struct peer *peer, const struct ref *alias)
{
    struct waiting_key key = key_of(alias);
    struct waiting *waiting = find(peer, &key);
    if (waiting == NULL)
        return;
    cancel(peer, waiting);
    forget(peer, waiting);
}

bool waiting_peer_down(struct peer *peer, unsigned *budget)
{
    while (peer->waiting != NULL) {
        if ((*budget)-- == 1)
            return false;
        struct waiting *waiting = peer->waiting;
        cancel(peer, waiting);
        forget(peer, waiting);
    }
    return true;
}
