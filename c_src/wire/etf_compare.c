/* Order of whole terms: walks two terms in step until they differ. Copies and allocates nothing but its stack
 * and the order of the maps' keys.
 */
#include "wire/etf_compare.h"

#include "wire/etf_leaf.h"
#include "wire/etf_maps.h"
#include "wire/etf_read.h"
#include "wire/etf_walk.h"

enum { NESTING_INLINE = 32 };

/* The elements to come in one run of a list: a LIST_EXT, which a tail follows, or a STRING_EXT. */
struct run {
    uint32_t left;  /* elements to come */
    bool is_string; /* they are bare bytes */
    bool at_end;    /* a STRING_EXT is over: the tail is [], and no bytes stand for it */
};

/* One of the two terms. */
struct side {
    const struct etf_maps *maps; /* of the whole term, in order */
    struct etf_place place;      /* what is compared next */
};

enum open_kind { OPEN_TERMS, OPEN_LIST, OPEN_MAP };

/* Two terms whose heads are equal and whose children are being compared. */
struct open_pair {
    enum open_kind kind;
    uint32_t left;  /* OPEN_TERMS: children to come; OPEN_MAP: first keys, then values to come */
    struct run a;   /* OPEN_LIST */
    struct run b;   /* OPEN_LIST */
    uint32_t a_map; /* OPEN_MAP: its number */
    uint32_t b_map; /* OPEN_MAP: its number */
};

static const uint8_t *at(const struct side *side)
{
    return side->maps->start + side->place.offset;
}

static void skip_empty_lists(struct side *side)
{
    side->place.offset = (uint32_t)(etf_proper(at(side)) - side->maps->start);
}

/* Over the head of what is no map. */
static void step(struct side *side)
{
    uint64_t children;
    side->place.offset += (uint32_t)etf_head(at(side), &children);
}

static struct open_pair *open_push(struct spill *open, enum open_kind kind, uint32_t left)
{
    struct open_pair *pair = spill_push(open);
    *pair = (struct open_pair){.kind = kind, .left = left};
    return pair;
}

static enum term_type type_at(const struct side *side)
{
    return etf_type(slice_of(at(side), 1));
}

/* Reads the head of the list or string there. False if there is no list but [] or another tail. */
static bool run_begin(struct side *side, struct run *run)
{
    skip_empty_lists(side);
    const uint8_t *p = at(side);
    if (p[0] == ETF_LIST)
        *run = (struct run){.left = bytes_u32(p + 1)};
    else if (p[0] == ETF_STRING && bytes_u16(p + 1) > 0)
        *run = (struct run){.left = bytes_u16(p + 1), .is_string = true};
    else
        return false;
    side->place.offset += p[0] == ETF_LIST ? 5 : 3;
    return true;
}

/* True if an element comes next; false if the tail does, which is no list. */
static bool run_has_element(struct side *side, struct run *run)
{
    if (run->left > 0)
        return true;
    if (run->is_string)
        run->at_end = true;
    return !run->at_end && run_begin(side, run);
}

static int compare_byte(uint8_t byte, const struct side *side)
{
    const uint8_t *p = etf_proper(at(side));
    const uint8_t as_term[2] = {ETF_SMALL_INTEGER, byte};
    return etf_type(slice_of(p, 1)) != TERM_INTEGER ? -1 : etf_leaf_compare(as_term, p);
}

/* Both have an element next and at least one stands as a bare byte. */
static int compare_bytes(struct side *a, struct open_pair *list, struct side *b)
{
    int result;
    if (list->a.is_string && list->b.is_string) {
        result = *at(a) - *at(b);
    } else if (list->a.is_string) {
        result = compare_byte(*at(a), b);
    } else {
        result = -compare_byte(*at(b), a);
    }
    if (result != 0)
        return result;
    for (int i = 0; i < 2; i++) {
        struct side *side = i == 0 ? a : b;
        bool is_string = i == 0 ? list->a.is_string : list->b.is_string;
        if (is_string) {
            side->place.offset++;
        } else {
            skip_empty_lists(side);
            step(side);
        }
    }
    return 0;
}

static enum term_type tail_type(const struct side *side, const struct run *run)
{
    return run->at_end ? TERM_NIL : type_at(side);
}

/* Both lists have come to their tails, one of them or both to a string's. */
static int compare_string_tails(struct side *a, const struct open_pair *list, struct side *b)
{
    int result = (int)tail_type(a, &list->a) - (int)tail_type(b, &list->b);
    if (result == 0 && !list->a.at_end)
        step(a);
    if (result == 0 && !list->b.at_end)
        step(b);
    return result;
}

/* Goes on with the lists on top of open. descend: out, true if two elements or tails are to be compared now.
 */
static int continue_list(struct side *a, struct side *b, struct spill *open, bool *descend)
{
    struct open_pair *list = spill_top(open);
    bool a_element = run_has_element(a, &list->a);
    bool b_element = run_has_element(b, &list->b);
    if (a_element != b_element) {
        /* a list against what is none */
        enum term_type a_type = a_element ? TERM_LIST : tail_type(a, &list->a);
        enum term_type b_type = b_element ? TERM_LIST : tail_type(b, &list->b);
        return (int)a_type - (int)b_type;
    }
    if (!a_element) {
        bool by_string = list->a.at_end || list->b.at_end;
        int result = by_string ? compare_string_tails(a, list, b) : 0;
        spill_pop(open);
        *descend = !by_string;
        return result;
    }
    list->a.left--;
    list->b.left--;
    if (list->a.is_string || list->b.is_string)
        return compare_bytes(a, list, b);
    *descend = true;
    return 0;
}

/* Goes on with the maps on top of open: all keys first, then the values in the order of their keys. */
static void continue_map(struct side *a, struct side *b, struct spill *open, bool *descend)
{
    struct open_pair *maps = spill_top(open);
    const struct etf_map *a_map = etf_maps_map(a->maps, maps->a_map);
    const struct etf_map *b_map = etf_maps_map(b->maps, maps->b_map);
    if (maps->left == 0) {
        a->place = a_map->behind;
        b->place = b_map->behind;
        spill_pop(open);
        return;
    }
    uint32_t done = 2 * a_map->pairs - maps->left--;
    bool is_key = done < a_map->pairs;
    const struct etf_pair *a_pair = etf_maps_pairs(a->maps, a_map) + (is_key ? done : done - a_map->pairs);
    const struct etf_pair *b_pair = etf_maps_pairs(b->maps, b_map) + (is_key ? done : done - a_map->pairs);
    a->place = is_key ? a_pair->key : a_pair->value;
    b->place = is_key ? b_pair->key : b_pair->value;
    *descend = true;
}

/* Finds the next two terms to compare. more: out, false if all is compared. */
static int advance(struct side *a, struct side *b, struct spill *open, bool *more)
{
    *more = false;
    while (open->count > 0 && !*more) {
        struct open_pair *top = spill_top(open);
        int result = 0;
        if (top->kind == OPEN_LIST) {
            result = continue_list(a, b, open, more);
        } else if (top->kind == OPEN_MAP) {
            continue_map(a, b, open, more);
        } else if (top->left == 0) {
            spill_pop(open);
        } else {
            top->left--;
            *more = true;
        }
        if (result != 0)
            return result;
    }
    return 0;
}

static int open_maps(struct side *a, struct side *b, struct spill *open)
{
    uint32_t pairs = bytes_u32(at(a) + 1);
    uint32_t b_pairs = bytes_u32(at(b) + 1);
    if (pairs != b_pairs)
        return pairs < b_pairs ? -1 : 1;
    struct open_pair *maps = open_push(open, OPEN_MAP, 2 * pairs);
    maps->a_map = a->place.map;
    maps->b_map = b->place.map;
    return 0;
}

/* Tuples, and funs whose heads are equal. */
static int open_terms(struct side *a, struct side *b, struct spill *open)
{
    uint64_t children;
    uint64_t b_children;
    etf_head(at(a), &children);
    etf_head(at(b), &b_children);
    if (children != b_children)
        return children < b_children ? -1 : 1;
    if (children > 0)
        open_push(open, OPEN_TERMS, (uint32_t)children);
    step(a);
    step(b);
    return 0;
}

/* Compares the terms there but for their children, which it opens, and steps over what it compared. */
static int compare_heads(struct side *a, struct side *b, struct spill *open)
{
    skip_empty_lists(a);
    skip_empty_lists(b);
    enum term_type type = type_at(a);
    if (type != type_at(b))
        return (int)type - (int)type_at(b);
    struct open_pair *list;
    int result;
    switch (type) {
    case TERM_LIST:
        list = open_push(open, OPEN_LIST, 0);
        run_begin(a, &list->a);
        run_begin(b, &list->b);
        return 0;
    case TERM_MAP:
        return open_maps(a, b, open);
    case TERM_FUN:
        result = etf_fun_head_compare(at(a), at(b));
        return result != 0 ? result : open_terms(a, b, open);
    case TERM_TUPLE:
        return open_terms(a, b, open);
    default:
        result = etf_leaf_compare(at(a), at(b));
        step(a);
        step(b);
        return result;
    }
}

/* What most keys and names are needs no walk and no order of maps. False: that does not tell. */
static bool compare_leaves(const uint8_t *a, const uint8_t *b, int *result)
{
    a = etf_proper(a);
    b = etf_proper(b);
    enum term_type type = etf_type(slice_of(a, 1));
    *result = (int)type - (int)etf_type(slice_of(b, 1));
    if (*result != 0)
        return true;
    if (type == TERM_LIST || type == TERM_MAP || type == TERM_FUN || type == TERM_TUPLE)
        return false;
    *result = etf_leaf_compare(a, b);
    return true;
}

int etf_compare_places(const struct etf_maps *a_maps, struct etf_place a_place, const struct etf_maps *b_maps,
                       struct etf_place b_place)
{
    struct side a = {a_maps, a_place};
    struct side b = {b_maps, b_place};
    struct open_pair first_open[NESTING_INLINE];
    struct spill open;
    bool more = true;
    int result = 0;
    if (compare_leaves(at(&a), at(&b), &result))
        return result;
    spill_init(&open, first_open, NESTING_INLINE, sizeof first_open[0]);
    while (more && result == 0) {
        result = compare_heads(&a, &b, &open);
        if (result == 0)
            result = advance(&a, &b, &open, &more);
    }
    spill_release(&open);
    return result;
}

int etf_compare(struct slice a, struct slice b)
{
    struct etf_maps a_maps;
    struct etf_maps b_maps;
    int result;
    if (compare_leaves(a.data, b.data, &result))
        return result;
    etf_maps_init(&a_maps, a);
    etf_maps_init(&b_maps, b);
    etf_maps_sort(&a_maps);
    etf_maps_sort(&b_maps);
    result = etf_compare_places(&a_maps, (struct etf_place){0, 0}, &b_maps, (struct etf_place){0, 0});
    etf_maps_release(&a_maps);
    etf_maps_release(&b_maps);
    return result;
}

bool etf_equal(struct slice a, struct slice b)
{
    if (slice_equal(a, b))
        return true;
    bool one_form = a.data[0] == ETF_SMALL_ATOM_UTF8 && b.data[0] == ETF_SMALL_ATOM_UTF8;
    return !one_form && etf_compare(a, b) == 0;
}
