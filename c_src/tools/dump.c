/* The command dump. How a term looks as text is wire/etf_text's. */
#include "tools/dump.h"

#include "base/error.h"
#include "base/mem.h"
#include "todo/key.h"
#include "tools/folder.h"
#include "tools/journals.h"
#include "tools/problems.h"
#include "tools/value.h"
#include "wire/etf_text.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record, copied: records come journal by journal and are printed by LSN. */
struct line {
    uint64_t lsn;
    struct buf term; /* {record, Lsn, Key, Change} */
    bool comment;    /* the value that it is about was left out: it would be made of nothing */
};

struct dump {
    struct folder folder;     /* locked meanwhile */
    struct problems problems; /* on stderr */
    struct progress progress; /* in value files */
    const char *name;         /* the only file that is wanted; NULL: all */
    struct buf text;          /* of one line */
    struct buf left_out;      /* names of files, each with a NUL */
    struct line *lines;       /* line_count of them, room for line_room */
    size_t line_count;
    size_t line_room;
    bool found;     /* something of that name */
    bool cut_short; /* stdout took no more */
};

static bool is_wanted(const struct dump *dump, const char *name)
{
    return dump->name == NULL || strcmp(dump->name, name) == 0;
}

static void print_term(struct dump *dump, struct slice term, bool comment)
{
    buf_clear(&dump->text);
    if (comment)
        buf_append(&dump->text, "%% ", 3);
    etf_text(term, &dump->text);
    buf_append(&dump->text, ".\n", 2);
    if (fwrite(dump->text.data, 1, dump->text.size, stdout) != dump->text.size)
        dump->cut_short = true;
    dump->found = true;
}

static void print_value(struct dump *dump, const struct value *value)
{
    struct buf term = BUF_EMPTY;
    etf_write_tuple(&term, 3);
    etf_write_atom(&term, "value");
    etf_write_term(&term, buf_slice(&value->key));
    etf_write_term(&term, buf_slice(&value->term));
    print_term(dump, buf_slice(&term), false);
    buf_release(&term);
}

static void leave_out(struct dump *dump, const char *name, const char *why)
{
    problems_tell(&dump->problems, name, "left out: %s", why);
    buf_append(&dump->left_out, name, strlen(name) + 1);
}

static bool is_left_out(const struct dump *dump, const char *name)
{
    const char *names = (const char *)dump->left_out.data;
    for (size_t at = 0; at < dump->left_out.size; at += strlen(names + at) + 1) {
        if (strcmp(names + at, name) == 0)
            return true;
    }
    return false;
}

static void dump_content(struct dump *dump, const char *name, struct slice content)
{
    struct value value;
    struct value_fault fault = value_read(name, content, &value);
    if (fault.text != NULL && fault.offset > 0)
        problems_tell_at(&dump->problems, name, fault.offset, fault.text);
    else if (fault.text != NULL)
        leave_out(dump, name, fault.text);
    if (value.term.size > 0)
        print_value(dump, &value);
    value_release(&value);
}

static void dump_file(struct dump *dump, const char *name)
{
    struct buf content = BUF_EMPTY;
    if (!is_wanted(dump, name) || folder_name_is_aside(name))
        return;
    dump->found = true;
    int status = files_read(&dump->folder.files, name, &content);
    if (status == 0)
        dump_content(dump, name, buf_slice(&content));
    else
        leave_out(dump, name, error_text(status));
    buf_release(&content);
}

/* ---- records */

static void add_record(void *ctx, const struct journal_entry *entry)
{
    struct dump *dump = ctx;
    char name[KEY_NAME_ROOM];
    key_file_name(entry->key, name);
    if (!is_wanted(dump, name))
        return;
    if (dump->line_count == dump->line_room) {
        dump->line_room = dump->line_room == 0 ? 1024 : dump->line_room * 2;
        dump->lines = mem_realloc(dump->lines, dump->line_room * sizeof *dump->lines);
    }
    struct line *line = &dump->lines[dump->line_count++];
    *line = (struct line){entry->lsn, BUF_EMPTY, is_left_out(dump, name)};
    etf_write_tuple(&line->term, 4);
    etf_write_atom(&line->term, "record");
    etf_write_uint64(&line->term, entry->lsn);
    etf_write_term(&line->term, entry->key);
    etf_write_term(&line->term, entry->change);
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *left = a;
    const struct line *right = b;
    return (left->lsn > right->lsn) - (left->lsn < right->lsn);
}

static void dump_records(struct dump *dump)
{
    struct journals_found found;
    journals_read(&dump->folder.files, &dump->problems, &found, add_record, dump);
    if (dump->line_count > 1)
        qsort(dump->lines, dump->line_count, sizeof *dump->lines, compare_lines);
    for (size_t i = 0; i < dump->line_count; i++) {
        print_term(dump, buf_slice(&dump->lines[i].term), dump->lines[i].comment);
        buf_release(&dump->lines[i].term);
    }
    mem_free(dump->lines);
}

static enum tool_status finish(struct dump *dump)
{
    if (dump->name != NULL && !dump->found)
        problems_tell(&dump->problems, dump->name, "there is no such file, and no record of such a key");
    if (fflush(stdout) != 0 || dump->cut_short)
        problems_tell(&dump->problems, "stdout", "cannot be written");
    return dump->problems.count == 0 ? TOOL_OK : TOOL_PROBLEMS;
}

enum tool_status dump_run(const char *path, const char *name)
{
    struct dump dump = {.name = name, .problems = {.out = stderr, .progress = &dump.progress}};
    if (!folder_open_to_read(&dump.folder, path))
        return TOOL_FOLDER;
    puts("%% -*- coding: utf-8 -*-");
    progress_begin(&dump.progress, "dump", dump.folder.count);
    for (size_t i = 0; i < dump.folder.count && !dump.cut_short; i++) {
        dump_file(&dump, dump.folder.sorted[i]);
        progress_step(&dump.progress);
    }
    dump_records(&dump);
    progress_erase(&dump.progress);
    buf_release(&dump.text);
    buf_release(&dump.left_out);
    folder_close(&dump.folder);
    return finish(&dump);
}
