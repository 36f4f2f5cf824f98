#include "fake_journal.h"

#include "fake_disk.h"
#include "store/replay.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void batch_add(struct buf *batch, uint64_t lsn, enum record_kind kind, const char *key, const char *change)
{
    struct record record = {
        .lsn = lsn, .kind = kind, .key = slice_of_text(key), .change = slice_of_text(change)};
    record_append(batch, &record);
}

void add_lsn(struct buf *lsns, uint64_t lsn)
{
    char text[32];
    snprintf(text, sizeof text, "%llu ", (unsigned long long)lsn);
    buf_append(lsns, text, strlen(text));
}

void found_release(struct found *found)
{
    buf_release(&found->lsns);
}

void find_all(const struct files *files, struct found *found)
{
    struct replay replay;
    struct replay_journal journal;
    found_release(found);
    *found = (struct found){0};
    assert_int_equal(replay_open(&replay, files), 0);
    for (size_t i = 0; i < replay.count; i = journal.next) {
        replay_journal(&replay, i, &journal);
        for (size_t n = 0; n < journal.count; n++)
            add_lsn(&found->lsns, journal.records[n].lsn);
        buf_append(&found->lsns, "|", 1);
        found->damages += (unsigned)journal.damage_count;
        found->bad_heads += journal.bad_heads;
        found->torn += journal.torn != NULL;
        replay_journal_release(&journal);
    }
    replay_close(&replay);
}

void overwrite(struct fake_disk *disk, const char *name, size_t offset, const void *bytes, size_t size)
{
    int fd = open(fake_disk_path(disk, name), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), size);
    close(fd);
}

void flip(struct fake_disk *disk, const char *name, size_t offset, uint8_t bits)
{
    uint8_t byte;
    int fd = open(fake_disk_path(disk, name), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= bits;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

void cut(struct fake_disk *disk, const char *name, size_t size)
{
    assert_int_equal(truncate(fake_disk_path(disk, name), (off_t)size), 0);
}

size_t size_of_file(struct fake_disk *disk, const char *name)
{
    struct stat info;
    assert_int_equal(stat(fake_disk_path(disk, name), &info), 0);
    return (size_t)info.st_size;
}
