/* Order and hash of terms: three of them, one after another in the input, and their canonical forms. */
#include "fuzz.h"

#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_compare.h"
#include "wire/phash2.h"

enum { DEPTH_MAX = 1000, TERMS = 3 };

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void check_one(struct slice term, struct slice canonical)
{
    FUZZ_CHECK(etf_compare(term, term) == 0);
    FUZZ_CHECK(etf_compare(term, canonical) == 0);
    FUZZ_CHECK(phash2(term, UINT32_MAX) == phash2(canonical, UINT32_MAX));
    FUZZ_CHECK(phash2(term, 1) == 0);
    FUZZ_CHECK(phash2(term, 7) < 7);
}

/* Equal terms, and only they, have the same canonical bytes. */
static void check_two(const struct slice *terms, const struct slice *canonical, unsigned i, unsigned j)
{
    int order = sign(etf_compare(terms[i], terms[j]));
    FUZZ_CHECK(order == -sign(etf_compare(terms[j], terms[i])));
    FUZZ_CHECK(order == sign(etf_compare(canonical[i], terms[j])));
    FUZZ_CHECK(order == sign(etf_compare(terms[i], canonical[j])));
    FUZZ_CHECK((order == 0) == etf_equal(terms[i], terms[j]));
    FUZZ_CHECK((order == 0) == slice_equal(canonical[i], canonical[j]));
    if (order == 0)
        FUZZ_CHECK(phash2(terms[i], UINT32_MAX) == phash2(terms[j], UINT32_MAX));
}

static void check_three(struct slice a, struct slice b, struct slice c)
{
    if (etf_compare(a, b) <= 0 && etf_compare(b, c) <= 0)
        FUZZ_CHECK(etf_compare(a, c) <= 0);
}

static void check_all(const struct slice *terms, const struct slice *canonical)
{
    for (unsigned i = 0; i < TERMS; i++)
        check_one(terms[i], canonical[i]);
    for (unsigned i = 0; i < TERMS; i++) {
        for (unsigned j = 0; j < TERMS; j++) {
            check_two(terms, canonical, i, j);
            for (unsigned k = 0; k < TERMS; k++)
                check_three(terms[i], terms[j], terms[k]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), terms[TERMS], canonical[TERMS];
    struct buf bufs[TERMS] = {BUF_EMPTY, BUF_EMPTY, BUF_EMPTY};
    unsigned count = 0;
    while (count < TERMS && etf_check(rest, DEPTH_MAX, &terms[count]) == 0 &&
           etf_canonical(terms[count], &bufs[count]) == 0) {
        fuzz_take(&rest, terms[count].size);
        canonical[count] = buf_slice(&bufs[count]);
        count++;
    }
    if (count == TERMS)
        check_all(terms, canonical);
    for (unsigned i = 0; i < TERMS; i++)
        buf_release(&bufs[i]);
    return 0;
}
