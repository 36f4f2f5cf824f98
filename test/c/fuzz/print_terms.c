/* What our own reading makes of files that hold terms, for a BEAM to compare with its own: one line per file,
 *
 *   NAME refused ATOM                 etf_check's error
 *   NAME duplicate SIZE               a map with two equal keys; SIZE: bytes of the term
 *   NAME term SIZE PHASH2 HEX TEXT    phash2(Term, 2^32 - 1), the canonical form, etf_text in hex
 */
#include "base/buf.h"
#include "base/error.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_text.h"
#include "wire/phash2.h"

#include <stdio.h>
#include <string.h>

static void print_hex(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        printf("%02X", bytes.data[i]);
}

static void print_term(struct slice term)
{
    struct buf canonical = BUF_EMPTY, text = BUF_EMPTY;
    if (etf_canonical(term, &canonical) != 0) {
        printf("duplicate %zu\n", term.size);
    } else {
        etf_text(term, &text);
        printf("term %zu %lu ", term.size, (unsigned long)phash2(term, UINT32_MAX));
        print_hex(buf_slice(&canonical));
        printf(" ");
        print_hex(buf_slice(&text));
        printf("\n");
    }
    buf_release(&canonical);
    buf_release(&text);
}

static int print_file(const char *path)
{
    uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");
    const char *slash = strrchr(path, '/');
    struct slice term;
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    printf("%s ", slash == NULL ? path : slash + 1);
    int status = etf_check(slice_of(bytes, size), ETF_DEPTH_MAX_DEFAULT, &term);
    if (status == 0)
        print_term(term);
    else
        printf("refused %s\n", error_atom(status));
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc && status == 0; i++)
        status = print_file(argv[i]);
    return status;
}
