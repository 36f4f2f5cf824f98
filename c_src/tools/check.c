/* The command check. What is wrong with a value or a journal is told by value and journals. */
#include "tools/check.h"

#include "base/error.h"
#include "tools/folder.h"
#include "tools/journals.h"
#include "tools/problems.h"
#include "tools/value.h"

#include <inttypes.h>
#include <stdio.h>

struct check {
    struct folder folder;           /* locked meanwhile */
    struct problems problems;       /* on stdout */
    struct progress progress;       /* in value files */
    struct journals_found journals; /* what there is of them */
    uint64_t values;                /* files that are to be values */
    uint64_t aside;                 /* files that were set aside */
};

static void check_content(struct check *check, const char *name, struct slice content)
{
    struct value value;
    struct value_fault fault = value_read(name, content, &value);
    if (fault.text != NULL && fault.offset > 0)
        problems_tell_at(&check->problems, name, fault.offset, fault.text);
    else if (fault.text != NULL)
        problems_tell(&check->problems, name, "%s", fault.text);
    value_release(&value);
}

static void check_file(struct check *check, const char *name)
{
    struct buf content = BUF_EMPTY;
    if (folder_name_is_aside(name)) {
        check->aside++;
        return;
    }
    check->values++;
    int status = files_read(&check->folder.files, name, &content);
    if (status == 0)
        check_content(check, name, buf_slice(&content));
    else
        problems_tell(&check->problems, name, "cannot be read: %s", error_text(status));
    buf_release(&content);
}

static void print_summary(const struct check *check)
{
    fprintf(stderr,
            "check: %" PRIu64 " values, %" PRIu64 " records in %" PRIu64 " journal segments (%" PRIu64
            " torn), %" PRIu64 " set aside, %" PRIu64 " problems\n",
            check->values, check->journals.records, check->journals.segments, check->journals.torn,
            check->aside, check->problems.count);
}

enum tool_status check_run(const char *path)
{
    struct check check = {.problems = {.out = stdout, .progress = &check.progress}};
    if (!folder_open_to_read(&check.folder, path))
        return TOOL_FOLDER;
    progress_begin(&check.progress, "check", check.folder.count);
    for (size_t i = 0; i < check.folder.count; i++) {
        check_file(&check, check.folder.sorted[i]);
        progress_step(&check.progress);
    }
    journals_read(&check.folder.files, &check.problems, &check.journals, NULL, NULL);
    progress_erase(&check.progress);
    folder_close(&check.folder);
    print_summary(&check);
    return check.problems.count == 0 ? TOOL_OK : TOOL_PROBLEMS;
}
