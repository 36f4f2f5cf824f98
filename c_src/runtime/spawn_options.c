/* Reads spawn options. Knows no process. */
#include "runtime/spawn_options.h"

#include "wire/etf_list.h"
#include "wire/etf_read.h"

#include <stdint.h>

static const int64_t MIN_HEAP_SIZE = 233;         /* of a BEAM process, in words */
static const int64_t SMALL_MAX = (1LL << 59) - 1; /* of a BEAM of 64 bits */
static const int64_t SMALL_MIN = -(1LL << 59);

struct heap_sizes {
    int64_t min;
    int64_t max; /* 0: no limit */
};

static bool is_one_of(struct slice term, const char *const *atoms)
{
    for (; *atoms != NULL; atoms++) {
        if (etf_is_atom(term, *atoms))
            return true;
    }
    return false;
}

static bool read_small(struct slice term, int64_t *value)
{
    return etf_read_int64(&term, value) && *value >= SMALL_MIN && *value <= SMALL_MAX;
}

static bool is_size(struct slice term)
{
    int64_t value;
    return read_small(term, &value) && value >= 0;
}

static bool is_bool_or_absent(struct slice map, const char *key)
{
    static const char *const bools[] = {"true", "false", NULL};
    struct slice value;
    return !etf_map_get(map, key, &value) || is_one_of(value, bools);
}

/* Words, or a map with size, kill and error_logger. */
static bool read_max_heap_size(struct slice term, int64_t *size)
{
    struct slice value = term;
    if (etf_type(term) == TERM_MAP &&
        (!etf_map_get(term, "size", &value) || !is_bool_or_absent(term, "kill") ||
         !is_bool_or_absent(term, "error_logger")))
        return false;
    if (!read_small(value, size) || *size < 0)
        return false;
    return *size == 0 || *size >= MIN_HEAP_SIZE;
}

/* {tag, Term} or {alias, How} */
static bool is_monitor_option(struct slice term)
{
    static const char *const aliases[] = {"explicit_unalias", "demonitor", "reply_demonitor", NULL};
    struct slice alias = term;
    if (etf_read_tagged(&alias, "alias", 2))
        return is_one_of(alias, aliases);
    return etf_read_tagged(&term, "tag", 2);
}

static bool are_monitor_options(struct slice term)
{
    struct etf_list list;
    struct slice option;
    etf_list_begin(&list, term);
    while (etf_list_next(&list, &option)) {
        if (!is_monitor_option(option))
            return false;
    }
    return list.proper;
}

static bool read_pair(struct slice pair, struct spawn_options *options, struct heap_sizes *sizes)
{
    static const char *const priorities[] = {"max", "high", "normal", "low", NULL};
    static const char *const queues[] = {"on_heap", "off_heap", NULL};
    int64_t scheduler;
    struct slice value = pair;
    if (etf_read_tagged(&value, "monitor", 2)) {
        options->monitor = true;
        return are_monitor_options(value);
    }
    if (etf_read_tagged(&value, "priority", 2))
        return is_one_of(value, priorities);
    if (etf_read_tagged(&value, "message_queue_data", 2))
        return is_one_of(value, queues);
    if (etf_read_tagged(&value, "min_heap_size", 2))
        return read_small(value, &sizes->min) && sizes->min >= 0;
    if (etf_read_tagged(&value, "max_heap_size", 2))
        return read_max_heap_size(value, &sizes->max);
    if (etf_read_tagged(&value, "min_bin_vheap_size", 2) || etf_read_tagged(&value, "fullsweep_after", 2))
        return is_size(value);
    /* There is one scheduler; 0 leaves the choice to the node. */
    return etf_read_tagged(&value, "scheduler", 2) && read_small(value, &scheduler) && scheduler >= 0 &&
           scheduler <= 1;
}

bool spawn_options_read(struct slice term, struct spawn_options *options)
{
    struct etf_list list;
    struct slice option;
    struct heap_sizes sizes = {.min = MIN_HEAP_SIZE};
    struct spawn_options read = {0};
    etf_list_begin(&list, term);
    while (etf_list_next(&list, &option)) {
        if (etf_is_atom(option, "link"))
            read.link = true;
        else if (etf_is_atom(option, "monitor"))
            read.monitor = true;
        else if (!read_pair(option, &read, &sizes))
            return false;
    }
    if (sizes.max != 0 && sizes.max < sizes.min)
        return false;
    *options = read;
    return true;
}
