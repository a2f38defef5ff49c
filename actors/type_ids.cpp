#define REEL_MESSAGE_CODE // here it is
#include "actors/type_ids.hpp"
