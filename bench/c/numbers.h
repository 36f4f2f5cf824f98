/* Numbers of a command line, and times. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only. False, number untouched, for anything else and for what is not from min to max. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_ns(void);

#endif
