/* What the store's threads are given to do (store/worker.h). */
#ifndef STORE_TASK_H
#define STORE_TASK_H

#include "store/worker.h"

struct task {
    struct job job; /* first */
    /* On the thread. folder: 0, or why the folder cannot be used (files_check). */
    void (*work)(struct task *task, int folder);
    /* Back on the loop thread; the task is the callee's again. */
    void (*done)(struct task *task);
};

#endif
