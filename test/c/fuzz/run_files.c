/* The main of a fuzz target without libFuzzer: tries each file that is named, and each file in the folders
 * that are. Says which one it was when one ends the program. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char current[PATH_MAX]; /* for the signal handler */

/* The sanitizers end by abort, too. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static void on_abort(int number)
{
    static const char text[] = "while trying ";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    (void)!write(STDERR_FILENO, current, strlen(current));
    (void)!write(STDERR_FILENO, "\n", 1);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static _Noreturn void fail(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(2);
}

static void try_file(const char *path)
{
    struct buf content = BUF_EMPTY;
    uint8_t bytes[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail(path);
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_append(&content, bytes, n);
    fclose(file);
    snprintf(current, sizeof current, "%s", path);
    struct slice copy = fuzz_copy(buf_slice(&content));
    LLVMFuzzerTestOneInput(copy.data, copy.size);
    fuzz_free(copy);
    buf_release(&content);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* How many. */
static unsigned try_folder(const char *folder)
{
    struct dirent **entries;
    char path[PATH_MAX];
    int count = scandir(folder, &entries, is_visible, alphasort);
    if (count < 0)
        fail(folder);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        try_file(path);
        free(entries[i]);
    }
    free(entries);
    return (unsigned)count;
}

int main(int argc, char **argv)
{
    unsigned inputs = 0;
    signal(SIGABRT, on_abort);
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0)
            fail(argv[i]);
        if (S_ISDIR(info.st_mode))
            inputs += try_folder(argv[i]);
        else
            try_file(argv[i]), inputs++;
    }
    printf("%s: %u inputs\n", argv[0], inputs);
    return 0;
}
