/* Text to numbers, the system's clock to one number. */
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value < min || value > max)
        return false;
    *number = value;
    return true;
}

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
