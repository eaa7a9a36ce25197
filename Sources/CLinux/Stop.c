// SIGHUP, SIGINT and SIGTERM stop the scan, which then still writes its report.
//
// The handler may interrupt any code, so it only stores integers and makes system calls that are on the list of
// signal-safety(7): no locks, no allocation. Several threads may be in it at once, which is why everything is atomic.

#include "CLinux.h"

#include <signal.h>

int clinux_stop_signal_number;

// Bit n is set once signal n arrived: the second one finds it set.
static unsigned int seen;

// Set by `clinux_remove_when_stopped`. The name is stored before the directory and read after it.
static int doomed_directory = -1;
static const char *doomed_name;

static void remove_doomed(void) {
    int directory = __atomic_load_n(&doomed_directory, __ATOMIC_ACQUIRE);
    if (directory >= 0) unlinkat(directory, doomed_name, 0);
}

// Set by `clinux_call_at_abrupt_end`.
static void (*last_call)(void);

void clinux_call_at_abrupt_end(void (*function)(void)) { __atomic_store_n(&last_call, function, __ATOMIC_RELEASE); }

static void call_last(void) {
    void (*function)(void) = __atomic_load_n(&last_call, __ATOMIC_ACQUIRE);
    if (function != NULL) function();
}

static void stop(int number) {
    int saved = errno;
    int none = 0;
    __atomic_compare_exchange_n(&clinux_stop_signal_number, &none, number, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    if (__atomic_fetch_or(&seen, 1u << number, __ATOMIC_RELAXED) & (1u << number)) {
        remove_doomed();
        call_last();
        // The signal is blocked in its own handler: the raised one ends the process when this returns.
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = saved;
}

void clinux_install_stop_handler(void) {
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    for (unsigned int i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) != 0 || action.sa_handler == SIG_IGN) continue;
        action.sa_handler = stop;
        action.sa_flags = 0;
        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
}

uint32_t clinux_progress_events;

static void ask_for_progress(int number) {
    (void)number;
    int saved = errno;
    clinux_tell_progress();
    errno = saved;
}

void clinux_install_progress_handler(void) {
    struct sigaction action;
    if (sigaction(SIGUSR1, NULL, &action) != 0 || action.sa_handler != SIG_DFL) return;
    action.sa_handler = ask_for_progress;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

void clinux_remove_when_stopped(int directory, const char *name) {
    if (directory >= 0) doomed_name = name;
    __atomic_store_n(&doomed_directory, directory, __ATOMIC_RELEASE);
}

void clinux_end_out_of_memory(void) {
    static const char message[] = "fsscan: out of memory\n";
    static int is_ending;
    // Other threads will soon run out of memory, too: only one reports it.
    if (__atomic_exchange_n(&is_ending, 1, __ATOMIC_ACQ_REL) != 0)
        for (;;) pause();
    remove_doomed();
    call_last();
    if (write(STDERR_FILENO, message, sizeof message - 1) < 0) {}
    _exit(71);
}
