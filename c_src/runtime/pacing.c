/* Counts callers. Does not rest itself. */
#include "runtime/pacing.h"

#include "base/buf.h"

enum { PID_NUMBERS_SIZE = 12 }; /* id, serial and creation end a pid (NEW_PID_EXT) */

/* Pids of one node differ in their id, most of them in its low bits. */
static unsigned hash(struct slice pid)
{
    uint32_t id = bytes_u32(pid.data + pid.size - PID_NUMBERS_SIZE);
    return (id * 2654435769u) >> 26;
}

void pacing_request(struct pacing *pacing, struct slice from)
{
    if (from.size < PID_NUMBERS_SIZE)
        return;
    pacing->callers |= (uint64_t)1 << hash(from);
    pacing->requests++;
    pacing->turn++;
}

static void begin_window(struct pacing *pacing, uint64_t now_ns)
{
    pacing->callers = 0;
    pacing->requests = 0;
    pacing->since_ns = now_ns;
}

static void end_window(struct pacing *pacing, uint64_t now_ns)
{
    bool in_time = now_ns - pacing->since_ns <= PACING_WINDOW_NS;
    if (pacing->requests >= PACING_WINDOW)
        pacing->loaded = in_time && __builtin_popcountll(pacing->callers) >= PACING_CALLERS_MIN;
    else if (!in_time)
        pacing->loaded = false;
    else
        return;
    begin_window(pacing, now_ns);
}

bool pacing_turn(struct pacing *pacing, uint64_t (*now_ns)(void))
{
    if (pacing->turn == 0)
        return false; /* something else woke the loop */
    if (pacing->rested && pacing->turn < PACING_REST_REQUESTS_MIN)
        pacing->loaded = false;
    bool enough = pacing->turn >= PACING_TURN_ENOUGH; /* who sends them writes many at a time */
    pacing->turn = 0;
    end_window(pacing, now_ns());
    pacing->rested = pacing->loaded && !enough;
    return pacing->rested;
}
