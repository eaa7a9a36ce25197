#define _GNU_SOURCE 1
#define NCURSES_WIDECHAR 1

#include "CNcurses.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

int cncurses_set_locale(int is_utf8) {
    setlocale(LC_CTYPE, "");
    if (is_utf8 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

// ---- The end --------------------------------------------------------------------------------------------------------

// The sequence that restores the terminal, and its old settings: written before `is_on` is set. A signal handler may
// not call curses.
static char last_words[256];
static size_t last_words_length;
static struct termios settings;
static int is_on;

static void say_at_the_end(const char *capability) {
    const char *text = tigetstr(capability);
    if (text == NULL || text == (const char *)-1) return;
    // Padding ($<5>) is for terminals of the seventies: skipped.
    for (; *text != 0 && last_words_length < sizeof last_words; text++) {
        if (text[0] == '$' && text[1] == '<') {
            while (*text != 0 && *text != '>') text++;
            if (*text == 0) return;
            continue;
        }
        last_words[last_words_length++] = *text;
    }
}

void cncurses_restore(void) {
    if (__atomic_exchange_n(&is_on, 0, __ATOMIC_ACQ_REL) == 0) return;
    int saved = errno;
    if (write(STDOUT_FILENO, last_words, last_words_length) < 0) {}
    tcsetattr(STDIN_FILENO, TCSANOW, &settings);
    errno = saved;
}

void cncurses_end(void) {
    if (__atomic_exchange_n(&is_on, 0, __ATOMIC_ACQ_REL) == 0) return;
    // A terminal without an alternate screen keeps this one: the shell writes into its last row.
    move(LINES - 1, 0);
    clrtoeol();
    refresh();
    endwin();
}

// The previous action for each signal: Swift's runtime may want to print a backtrace.
static struct sigaction before[65];

// When this returns, the signal is raised again, with the previous action.
static void end_by_signal(int number) {
    cncurses_restore();
    sigaction(number, &before[number], NULL);
    raise(number);
}

// SIGUSR1 is not among them: it does not end a command.
static void catch_ends(void) {
    static const int numbers[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGALRM,
                                  SIGUSR2, SIGSYS};
    for (unsigned int i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &before[numbers[i]]) != 0) continue;
        action = before[numbers[i]];
        if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN) continue;
        action.sa_handler = end_by_signal;
        action.sa_flags &= SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
}

// ---- The beginning --------------------------------------------------------------------------------------------------

static int has_colours;

int cncurses_begin(int uses_colour) {
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &settings) != 0) return -ENOTTY;
    int problem = 0;
    if (setupterm(NULL, STDOUT_FILENO, &problem) != OK) return -ENOENT;
    // Without these there is no screen to draw on.
    if (tigetstr("cup") == NULL || tigetstr("clear") == NULL) return -ENOENT;
    for (const char *const *name = (const char *const[]){"sgr0", "rmkx", "rmcup", "cnorm", NULL}; *name != NULL; name++)
        say_at_the_end(*name);
    catch_ends();
    atexit(cncurses_end);
    __atomic_store_n(&is_on, 1, __ATOMIC_RELEASE);
    // ESC is a key by itself: half a second is a long wait for a following character.
    set_escdelay(25);
    initscr();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    // Sequences that terminals and multiplexers send even if TERM defines others.
    define_key("\033[1~", KEY_HOME);
    define_key("\033[H", KEY_HOME);
    define_key("\033[4~", KEY_END);
    define_key("\033[F", KEY_END);
    leaveok(stdscr, FALSE);
    curs_set(0);
    has_colours = uses_colour && has_colors();
    if (has_colours) {
        start_color();
        int background = use_default_colors() == OK ? -1 : COLOR_BLACK;
        init_pair(CNCURSES_ACCENT, COLOR_CYAN, (short)background);
        init_pair(CNCURSES_WARNING, COLOR_RED, (short)background);
        init_pair(CNCURSES_BAR, COLOR_CYAN, (short)background);
    }
    return 0;
}

int cncurses_rows(void) { return getmaxy(stdscr); }
int cncurses_columns(void) { return getmaxx(stdscr); }

// ---- Drawing --------------------------------------------------------------------------------------------------------

void cncurses_erase(void) { erase(); }

static attr_t attributes(int style) {
    switch (style) {
    case CNCURSES_DIM: return A_DIM;
    case CNCURSES_STRONG: return A_BOLD;
    case CNCURSES_ACCENT: return A_BOLD | (has_colours ? (attr_t)COLOR_PAIR(CNCURSES_ACCENT) : 0);
    case CNCURSES_WARNING: return A_BOLD | (has_colours ? (attr_t)COLOR_PAIR(CNCURSES_WARNING) : 0);
    case CNCURSES_BAR: return has_colours ? (attr_t)COLOR_PAIR(CNCURSES_BAR) : A_NORMAL;
    default: return A_NORMAL;
    }
}

void cncurses_put(int row, int column, const char *text, int length, int style) {
    // Colours under reverse video are hard to read on some terminals.
    attrset(style & CNCURSES_SELECTED ? A_REVERSE | (style & ~CNCURSES_SELECTED ? A_BOLD : 0) : attributes(style));
    mvaddnstr(row, column, text, length);
    attrset(A_NORMAL);
}

void cncurses_show(void) { refresh(); }

// ---- Keys -----------------------------------------------------------------------------------------------------------

void cncurses_forget_keys(void) { flushinp(); }

int cncurses_key(int milliseconds) {
    timeout(milliseconds);
    int key = getch();
    switch (key) {
    case ERR: return -1;
    case KEY_UP: return CNCURSES_KEY_UP;
    case KEY_DOWN: return CNCURSES_KEY_DOWN;
    case KEY_LEFT: return CNCURSES_KEY_LEFT;
    case KEY_RIGHT: return CNCURSES_KEY_RIGHT;
    case KEY_HOME: return CNCURSES_KEY_HOME;
    case KEY_END: return CNCURSES_KEY_END;
    case KEY_PPAGE: return CNCURSES_KEY_PAGE_UP;
    case KEY_NPAGE: return CNCURSES_KEY_PAGE_DOWN;
    case KEY_ENTER:
    case '\r':
    case '\n': return CNCURSES_KEY_ENTER;
    case KEY_BACKSPACE:
    case 0x7F:
    case 0x08: return CNCURSES_KEY_BACKSPACE;
    case KEY_RESIZE: return CNCURSES_KEY_RESIZED;
    default: return key < 0x100 ? key : CNCURSES_KEY_UNKNOWN;
    }
}
