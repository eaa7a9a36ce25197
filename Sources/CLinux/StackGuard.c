// Prints a message before a stack overflow ends the process.
//
// The guard page below a thread's stack makes it fault; without this handler the only message is "segmentation fault".
// The handler needs a stack of its own, at the top of the thread's stack, in a frame that stays for as long as the
// thread runs.
//
// SIGSEGV belongs to the process: an existing handler (the program's, Swift's backtracer, a sanitizer) stays.

#include "CLinux.h"

#include <signal.h>
#include <stdio.h>

// For the calling thread: the addresses that mean overflow, and the message.
static _Thread_local uintptr_t guard_low, guard_high;
static _Thread_local const char *guard_sentence;

static void overflowed(int number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    if (guard_sentence != NULL && info->si_code > 0 && address >= guard_low && address < guard_high)
        if (write(STDERR_FILENO, guard_sentence, strlen(guard_sentence)) < 0) {}
    // The faulting access is repeated when this returns, and ends the process as without a handler.
    signal(number, SIG_DFL);
    if (info->si_code <= 0) raise(number);
}

static void install(void) {
    struct sigaction action;
    if (sigaction(SIGSEGV, NULL, &action) != 0 || (action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_DFL) return;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = overflowed;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, NULL);
}

void clinux_with_stack_guard(void (*body)(void *), void *argument) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    // More than a handler needs with all registers of any current processor.
    char alternate[32 << 10], sentence[200];
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0, guard = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &low, &size);
        pthread_attr_getguardsize(&attributes, &guard);
        pthread_attr_destroy(&attributes);
    }
    stack_t mine = {.ss_sp = alternate, .ss_size = sizeof alternate}, before;
    if (size == 0 || sigaltstack(&mine, &before) != 0) return body(argument);
    // C libraries differ on whether the guard is below the stack or its lowest part.
    guard_low = (uintptr_t)low - guard;
    guard_high = (uintptr_t)low + guard;
    snprintf(sentence, sizeof sentence,
             "Fatal error: the stack of a worker overflowed, %zu KiB: recursion that is too deep, or without end. "
             "`Scheduler(stackSize:)` sets its size.\n", size >> 10);
    guard_sentence = sentence;
    pthread_once(&once, install);
    body(argument);
    guard_sentence = NULL;
    sigaltstack(&before, NULL);
}
