#include "CLinux.h"

_Thread_local void *clinux_current_worker;
_Thread_local void *clinux_conductor;
