/* A function that other nodes may have run here, as the tables of rpc_functions.c hold it. */
#ifndef RUNTIME_FUNCTION_H
#define RUNTIME_FUNCTION_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct process;
struct activity;

enum { FUNCTION_ARITY_MAX = 3 };

struct function {
    const char *module; /* UTF-8 */
    const char *name;
    unsigned arity;
    /* Appends what it returns, one term. False: badarg. self: who runs it; arguments: arity terms. Must not
     * wait. */
    bool (*call)(struct process *self, const struct slice *arguments, struct buf *out);
    const char *bif; /* the BIF of module erlang that it is only another name for; NULL: itself */
    /* Instead of call, for what takes longer: begins it, and goes on in the callbacks that it sets, until
     * activity_return or activity_exit. False: badarg. */
    bool (*begin)(struct activity *self, const struct slice *arguments);
};

/* Rows of a table. */
#define FUNCTION(module_text, name_text, arity_number, function)                                             \
    {                                                                                                        \
        .module = (module_text), .name = (name_text), .arity = (arity_number), .call = (function)            \
    }
#define FUNCTION_OF_BIF(module_text, name_text, arity_number, function, bif_text)                            \
    {                                                                                                        \
        .module = (module_text), .name = (name_text), .arity = (arity_number), .call = (function),           \
        .bif = (bif_text)                                                                                    \
    }
#define FUNCTION_BEGUN(module_text, name_text, arity_number, function)                                       \
    {                                                                                                        \
        .module = (module_text), .name = (name_text), .arity = (arity_number), .begin = (function)           \
    }

/* Functions of one file. */
struct function_table {
    const struct function *functions;
    size_t count;
};

#define FUNCTION_TABLE(array)                                                                                \
    {                                                                                                        \
        (array), sizeof(array) / sizeof *(array)                                                             \
    }

#endif
