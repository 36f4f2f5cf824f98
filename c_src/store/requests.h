/* Requests that wait for an answer, in the order they came. */
#ifndef STORE_REQUESTS_H
#define STORE_REQUESTS_H

#include "store/store.h"

struct requests {
    struct store_request *first;
    struct store_request *last;
};

static inline void requests_add(struct requests *requests, struct store_request *request)
{
    request->next = NULL;
    if (requests->last != NULL)
        requests->last->next = request;
    else
        requests->first = request;
    requests->last = request;
}

/* The oldest, taken out; NULL if there is none. */
static inline struct store_request *requests_take(struct requests *requests)
{
    struct store_request *request = requests->first;
    if (request == NULL)
        return NULL;
    requests->first = request->next;
    if (requests->first == NULL)
        requests->last = NULL;
    return request;
}

/* Answers all that are there now. */
static inline void requests_answer(struct requests *requests, int status, struct slice value)
{
    struct requests now = *requests;
    struct store_request *request;
    *requests = (struct requests){NULL, NULL};
    while ((request = requests_take(&now)) != NULL)
        request->done(request, status, value);
}

#endif
