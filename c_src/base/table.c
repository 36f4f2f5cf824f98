/* Linear hashing (W. Litwin, 1980) over chains. Knows nothing of the records but their link and their key. */
#include "base/table.h"

#include "base/mem.h"

#include <assert.h>
#include <stddef.h>

void table_init(struct table *table, table_key_of *key)
{
    *table = (struct table){.key = key};
    hash_key_init(&table->seed);
}

void table_release(struct table *table)
{
    for (int i = 0; i < TABLE_SEGMENTS; i++) {
        mem_free(table->segment[i]);
        table->segment[i] = NULL;
    }
    table->count = 0;
    table->used = 0;
}

static unsigned top_bit(uint32_t n)
{
    return 31U - (unsigned)__builtin_clz(n);
}

/* The segment of a bucket, and how many buckets lie before that segment. */
static unsigned segment_of(uint32_t bucket, uint32_t *before)
{
    if (bucket < TABLE_BUCKETS_MIN) {
        *before = 0;
        return 0;
    }
    unsigned bit = top_bit(bucket);
    *before = UINT32_C(1) << bit;
    return bit - top_bit(TABLE_BUCKETS_MIN) + 1;
}

static struct table_link **bucket_at(const struct table *table, uint32_t bucket)
{
    uint32_t before;
    unsigned segment = segment_of(bucket, &before);
    return &table->segment[segment][bucket - before];
}

/* Buckets from half on have not all been split off yet: who falls beyond the last one is in the one that will
 * be split. */
static uint32_t bucket_of(const struct table *table, struct slice key)
{
    uint32_t half = UINT32_C(1) << top_bit(table->used);
    uint64_t hash = hash_bytes(&table->seed, key);
    uint32_t bucket = (uint32_t)(hash & ((uint64_t)half * 2 - 1));
    return bucket < table->used ? bucket : bucket - half;
}

static void push(struct table_link **bucket, struct table_link *link)
{
    link->next = *bucket;
    *bucket = link;
}

/* One bucket more, with what belongs there from the one that is split. */
static void grow(struct table *table)
{
    uint32_t added = table->used;
    uint32_t before;
    unsigned segment = segment_of(added, &before);
    if (added == before) {
        size_t size = segment == 0 ? TABLE_BUCKETS_MIN : before;
        table->segment[segment] = mem_zalloc(size * sizeof(struct table_link *));
    }
    table->used++;
    struct table_link **from = bucket_at(table, added - (UINT32_C(1) << top_bit(added)));
    struct table_link **to = bucket_at(table, added);
    while (*from != NULL) {
        struct table_link *link = *from;
        if (bucket_of(table, table->key(link)) != added) {
            from = &link->next;
            continue;
        }
        *from = link->next;
        push(to, link);
        table->moved++;
    }
}

/* The last bucket goes back to where it was split from. */
static void shrink(struct table *table)
{
    uint32_t last = table->used - 1;
    uint32_t before;
    unsigned segment = segment_of(last, &before);
    struct table_link **to = bucket_at(table, last - (UINT32_C(1) << top_bit(last)));
    struct table_link **from = bucket_at(table, last);
    while (*from != NULL) {
        struct table_link *link = *from;
        *from = link->next;
        push(to, link);
        table->moved++;
    }
    table->used = last;
    if (last == before) {
        mem_free(table->segment[segment]);
        table->segment[segment] = NULL;
    }
}

/* Where the link to the record of that key stands in its bucket, or NULL at the bucket's end. */
static struct table_link **place_of(const struct table *table, struct table_link **bucket, struct slice key)
{
    struct table_link **place = bucket;
    while (*place != NULL && !slice_equal(table->key(*place), key))
        place = &(*place)->next;
    return place;
}

struct table_link *table_find(const struct table *table, struct slice key)
{
    if (table->count == 0)
        return NULL;
    return *place_of(table, bucket_at(table, bucket_of(table, key)), key);
}

static void add(struct table *table, struct table_link **bucket, struct table_link *link)
{
    assert(table->count < UINT32_MAX / 2);
    push(bucket, link);
    if (++table->count > table->used)
        grow(table);
}

static struct table_link **bucket_for(struct table *table, const struct table_link *link)
{
    if (table->used == 0) {
        table->segment[0] = mem_zalloc(TABLE_BUCKETS_MIN * sizeof(struct table_link *));
        table->used = TABLE_BUCKETS_MIN;
    }
    return bucket_at(table, bucket_of(table, table->key(link)));
}

void table_add(struct table *table, struct table_link *link)
{
    add(table, bucket_for(table, link), link);
}

struct table_link *table_add_new(struct table *table, struct table_link *link)
{
    struct table_link **bucket = bucket_for(table, link);
    struct table_link *present = *place_of(table, bucket, table->key(link));
    if (present == NULL)
        add(table, bucket, link);
    return present;
}

static void remove_at(struct table *table, struct table_link **place)
{
    *place = (*place)->next;
    table->count--;
    for (int i = 0; i < 2 && table->used > TABLE_BUCKETS_MIN && table->count < table->used / 2; i++)
        shrink(table);
}

void table_remove(struct table *table, struct table_link *link)
{
    assert(table->count > 0);
    struct table_link **place = bucket_at(table, bucket_of(table, table->key(link)));
    while (*place != link)
        place = &(*place)->next;
    remove_at(table, place);
}

struct table_link *table_take(struct table *table, struct slice key)
{
    if (table->count == 0)
        return NULL;
    struct table_link **place = place_of(table, bucket_at(table, bucket_of(table, key)), key);
    struct table_link *link = *place;
    if (link != NULL)
        remove_at(table, place);
    return link;
}

struct table_link *table_next(const struct table *table, struct table_walk *walk)
{
    while (walk->next == NULL && walk->bucket < table->used)
        walk->next = *bucket_at(table, walk->bucket++);
    struct table_link *link = walk->next;
    if (link != NULL)
        walk->next = link->next;
    return link;
}
