/* What a power failure leaves of the folder of a fake disk: all that was synced, and of the rest by chance
 * something, nothing or everything. In memory that outlives the crash of a child.
 *
 *   a file     the bytes of its last fsync, fdatasync or syncfs are there; of what was written since, any
 *              sectors of 512 bytes are, the others are as before (zeros where nothing was). Its size is the
 *              old one, the new one or one between.
 *   the folder what its last fsync or a syncfs found is there; of what came since (creations, renames,
 * removals), any part, in its order: a rename is done or not, never by half. No order is assumed between what
 * is done and what is not.
 *
 * More than file systems do, but what POSIX lets them. A sync counts from the moment it begins.
 */
#ifndef TEST_C_STORE_FAKE_POWER_H
#define TEST_C_STORE_FAKE_POWER_H

#include "store/fs.h"

#include <stdint.h>

struct fake_power;

/* root: of the disk; its folder root/persist need not be there yet. What is there is durable. */
struct fake_power *fake_power_new(const char *root);
void fake_power_free(struct fake_power *power);

/* Before each call, with the lock of the disk. succeeds: it is not made to fail. */
void fake_power_call(struct fake_power *power, enum fs_call call, const char *path, bool succeeds);

/* The power fails: the folder becomes as it is found afterwards, which is durable. Nobody uses it now. */
void fake_power_cut(struct fake_power *power, uint64_t *seed);

/* From a seed that is not 0, which becomes the next one. */
unsigned next_random(uint64_t *seed);

#endif
