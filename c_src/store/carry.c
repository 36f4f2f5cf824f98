/* Values from the front of a journal to its end. Knows no files.
 *
 * A record of the value comes behind all changes that are in it, in the same journal, so it fails with them
 * or is durable after them; only then the key's older records are given up. A journal that has not grown is
 * left as it is.
 */
#include "store/carry.h"

#include "base/log.h"
#include "store/store_state.h"

#include <utlist.h>

enum { TURN_NS_MAX = 2 * 1000 * 1000 }; /* of the loop */

/* What is durable by now counts in place of the older records. True if something is still on its way. */
static bool settle(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    struct key *key, *next;
    bool waits = false;
    DL_FOREACH_SAFE(store->keys.dirty, key, next)
    {
        if (!checkpoint_in_pass(checkpoint, key))
            break;
        if (key->carried_lsn == 0)
            continue;
        if (key->carried_lsn > store->commits[key->worker].durable) {
            waits = true;
            continue;
        }
        checkpoint->carried[key->worker] += key->carried_size;
        keys_carried(&store->keys, key);
    }
    return waits;
}

static void carry(struct store *store, struct key *key)
{
    struct buf value = BUF_EMPTY;
    bool there = store_value_now(store, key, &value);
    struct record record = {.lsn = ++store->lsn,
                            .kind = there ? RECORD_PUT : RECORD_DELETE,
                            .key = key_bytes(key),
                            .change = buf_slice(&value)};
    commit_add(&store->commits[key->worker], &record);
    key->stuck = false;
    key->carried_lsn = record.lsn;
    key->carried_size = record_size(&record);
    buf_release(&value);
}

static bool is_to_be_carried(const struct checkpoint *checkpoint, const struct key *key)
{
    const struct commit *commit = &checkpoint->store->commits[key->worker];
    return key->stuck && key->place != VALUE_IN_JOURNAL && !key->setting_aside &&
           checkpoint_has_grown(checkpoint, commit) && (checkpoint->store->holds == 0);
}

bool carry_over(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    uint64_t deadline_ns = uv_hrtime() + TURN_NS_MAX;
    unsigned count = 0;
    struct key *key;
    if (settle(checkpoint))
        return false;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (!checkpoint_in_pass(checkpoint, key) || (count > 0 && uv_hrtime() > deadline_ns))
            break;
        if (!is_to_be_carried(checkpoint, key))
            continue;
        carry(store, key);
        count++;
    }
    if (count == 0)
        return true;
    log_write(LOG_INFO, "store", "carried_over", "keys=%u", count);
    store_wake(store);
    return false;
}
