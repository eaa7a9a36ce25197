// A preloaded library that changes the environment before the program begins: then `environ` is no longer at its place
// after the arguments.

#include <stdlib.h>

__attribute__((constructor)) static void change(void) {
    setenv("OF_A_LIBRARY", "1", 1);
    unsetenv("HOME");
}
