/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Changing stacks by the rules of the platforms' calling conventions: System V
 * AMD64 ABI 1.0, 3.2.1 (rbx, rbp, r12 to r15, the control words of x87 and SSE) and
 * AAPCS64, 6.1 (x19 to x30, d8 to d15).
 */
#include "coroutine_switch.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(COROUTINE_UCONTEXT)

__asm__(".text\n"
	".globl coroutine_switch\n"
	".hidden coroutine_switch\n"
	".type coroutine_switch, @function\n"
	"coroutine_switch:\n"
	"	.cfi_startproc\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size coroutine_switch, .-coroutine_switch\n");

struct frame {
	uint32_t mxcsr;
	uint16_t x87, unused;
	void *saved[6];
	void (*entry)(void);
	void *no_caller; /* a debugger's walk ends here; and the stack is aligned as after a call */
};

void *coroutine_prepare(char *stack, size_t size, void (*entry)(void))
{
	struct frame *frame = (struct frame *)(stack + size) - 1;

	memset(frame, 0, sizeof(*frame));
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(frame->mxcsr), "=m"(frame->x87));
	frame->entry = entry;
	return frame;
}

#elif defined(__aarch64__) && !defined(COROUTINE_UCONTEXT)

__asm__(".text\n"
	".globl coroutine_switch\n"
	".hidden coroutine_switch\n"
	".type coroutine_switch, %function\n"
	"coroutine_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size coroutine_switch, .-coroutine_switch\n");

struct frame {
	void *general[10]; /* x19 to x28 */
	void *frame_pointer;
	void (*entry)(void); /* x30: where ret goes */
	uint64_t vector[8];
};

void *coroutine_prepare(char *stack, size_t size, void (*entry)(void))
{
	struct frame *frame = (struct frame *)(stack + size) - 1;

	memset(frame, 0, sizeof(*frame));
	frame->entry = entry;
	return frame;
}

#else

#include <ucontext.h>

/* The prepared context lies at the top of its stack, that of a switch on the stack it leaves. */
void coroutine_switch(void **from, void *to)
{
	ucontext_t here;

	*from = &here;
	swapcontext(&here, to);
}

void *coroutine_prepare(char *stack, size_t size, void (*entry)(void))
{
	size_t room = (sizeof(ucontext_t) + 63) / 64 * 64;
	ucontext_t *context = (ucontext_t *)(stack + size - room);

	getcontext(context);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = size - room;
	context->uc_link = NULL;
	makecontext(context, entry, 0);
	return context;
}

#endif
