/* Valid terms of every tag, in the forms in which a peer may send them. */
#ifndef TEST_C_WIRE_TERMS_CORPUS_H
#define TEST_C_WIRE_TERMS_CORPUS_H

#include "base/slice.h"

#define BYTES(...)                                                                                           \
    {                                                                                                        \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                               \
    }
#define NODE 119, 1, 'n' /* the atom of a node */

static const struct {
    const char *text;   /* for people */
    struct slice bytes; /* the term */
} corpus[] = {
    {"0", BYTES(97, 0)},
    {"-1", BYTES(98, 255, 255, 255, 255)},
    {"small big without digits", BYTES(110, 0, 0)},
    {"small big", BYTES(110, 3, 1, 1, 2, 3)},
    {"small big, sign byte 7", BYTES(110, 1, 7, 9)},
    {"large big", BYTES(111, 0, 0, 0, 2, 0, 1, 0)},
    {"1.5", BYTES(70, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)},
    {"largest float", BYTES(70, 0x7f, 0xef, 255, 255, 255, 255, 255, 255)},
    {"float text", BYTES(99, '1', '.', '5', 'e', '+', '0', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                         0, 0, 0, 0, 0, 0, 0, 0, 0)},
    {"float text, negative", BYTES(99, '-', '1', '.', '5', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
    {"float text, comma", BYTES(99, '+', '1', ',', '5', 'E', '3', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
    {"'', old", BYTES(100, 0, 0)},
    {"latin-1 atom", BYTES(100, 0, 2, 0xe4, 'b')},
    {"small latin-1 atom", BYTES(115, 1, 0xff)},
    {"utf-8 atom", BYTES(118, 0, 2, 0xc3, 0xa4)},
    {"small utf-8 atom", BYTES(119, 2, 'o', 'k')},
    {"utf-8 of 3 bytes", BYTES(119, 3, 0xe2, 0x82, 0xac)},
    {"last before the surrogates", BYTES(119, 3, 0xed, 0x9f, 0xbf)},
    {"U+10FFFF", BYTES(119, 4, 0xf4, 0x8f, 0xbf, 0xbf)},
    {"U+FFFF", BYTES(119, 3, 0xef, 0xbf, 0xbf)},
    {"{}", BYTES(104, 0)},
    {"{a}", BYTES(104, 1, 119, 1, 'a')},
    {"large tuple", BYTES(105, 0, 0, 0, 2, 106, 104, 1, 106)},
    {"[]", BYTES(106)},
    {"\"ab\"", BYTES(107, 0, 2, 'a', 'b')},
    {"string of no bytes", BYTES(107, 0, 0)},
    {"[1]", BYTES(108, 0, 0, 0, 1, 97, 1, 106)},
    {"[1|2]", BYTES(108, 0, 0, 0, 1, 97, 1, 97, 2)},
    {"list of no elements", BYTES(108, 0, 0, 0, 0, 97, 1)},
    {"<<>>", BYTES(109, 0, 0, 0, 0)},
    {"<<1, 2>>", BYTES(109, 0, 0, 0, 2, 1, 2)},
    {"<<1:1>>", BYTES(77, 0, 0, 0, 1, 1, 255)},
    {"<<255>> as bits", BYTES(77, 0, 0, 0, 1, 8, 255)},
    {"<<>> as bits", BYTES(77, 0, 0, 0, 0, 0)},
    {"#{}", BYTES(116, 0, 0, 0, 0)},
    {"#{1 => []}", BYTES(116, 0, 0, 0, 1, 97, 1, 106)},
    {"#{b => 1, a => 2}", BYTES(116, 0, 0, 0, 2, 119, 1, 'b', 97, 1, 119, 1, 'a', 97, 2)},
    {"pid", BYTES(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3)},
    {"old pid", BYTES(103, 100, 0, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 2, 3)},
    {"v4 port", BYTES(120, NODE, 255, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3)},
    {"new port", BYTES(89, NODE, 0, 0, 0, 2, 0, 0, 0, 3)},
    {"old port", BYTES(102, NODE, 0, 0, 0, 2, 3)},
    {"reference of 1 word", BYTES(90, 0, 1, NODE, 0, 0, 0, 2, 255, 255, 255, 255)},
    {"reference of 2 words", BYTES(90, 0, 2, NODE, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2)},
    {"new reference", BYTES(114, 0, 1, NODE, 3, 0, 3, 255, 255)},
    {"old reference", BYTES(101, NODE, 0, 3, 255, 255, 0)},
    {"fun m:f/1", BYTES(113, 119, 1, 'm', 119, 1, 'f', 97, 1)},
    {"fun m:f/1, arity as a big", BYTES(113, 119, 1, 'm', 119, 1, 'f', 110, 4, 0, 1, 0, 0, 0)},
    {"fun m:f/1, arity behind an empty list", BYTES(113, 119, 1, 'm', 119, 1, 'f', 108, 0, 0, 0, 0, 97, 1)},
    {"fun with a free variable", BYTES(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                       16, 0, 0, 0, 3, 0, 0, 0, 1, 119, 1, 'm', 97, 0, 98, 255, 0, 0, 0, 88,
                                       NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 107, 0, 1, 'e')},
    {"mixed", BYTES(116, 0, 0, 0, 2, 119, 1, 'k', 104, 2, 109, 0, 0, 0, 1, 9, 108, 0, 0, 0, 2, 97, 1, 119, 1,
                    'x', 106, 97, 5, 116, 0, 0, 0, 1, 97, 1, 107, 0, 2, 'h', 'i')},
};

enum { CORPUS_COUNT = sizeof corpus / sizeof corpus[0] };

#endif
