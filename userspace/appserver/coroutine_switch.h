/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The change from one stack to another: what a function call must preserve is
 * pushed on the old stack and popped from the new one. In assembler for x86-64
 * and aarch64; elsewhere, or with COROUTINE_UCONTEXT, by swapcontext(3), which
 * costs two system calls.
 */
#ifndef SLUICE_COROUTINE_SWITCH_H
#define SLUICE_COROUTINE_SWITCH_H

#include <stddef.h>

/* Saves the current context at *from and goes on with `to`. */
void coroutine_switch(void **from, void *to);

/* A context that calls entry() on this stack when first switched to. entry() never returns. */
void *coroutine_prepare(char *stack, size_t size, void (*entry)(void));

#endif /* SLUICE_COROUTINE_SWITCH_H */
