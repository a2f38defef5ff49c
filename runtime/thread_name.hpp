// thread_name.hpp: Names for threads, as `top -H`, debuggers and core dumps show them. At most 15 characters.
#pragma once

#include <pthread.h>

namespace reel {

inline void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

} // namespace reel
