/* cmocka with the headers it needs, in the order it needs them. Every test program includes this one. */
#ifndef TEST_C_UNIT_H
#define TEST_C_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
