/* Who has how many bytes of something: by a number that is not 0, few of them at a time. All zero: nobody has
 * any. */
#ifndef RUNTIME_SHARES_H
#define RUNTIME_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share;

struct shares {
    struct share *all; /* in no order */
    uint32_t count;
    uint32_t room; /* allocated */
};

/* owner has so much more, or less: at most what it has. */
void shares_add(struct shares *shares, uint32_t owner, size_t bytes);
void shares_take(struct shares *shares, uint32_t owner, size_t bytes);

/* True if neither any other owner has more than this one, nor what is left of total without all of theirs is
 * more. */
bool shares_is_largest(const struct shares *shares, uint32_t owner, size_t total);

void shares_release(struct shares *shares);

#endif
