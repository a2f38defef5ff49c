// plugin.cpp: The one symbol of libreel_wan.so.
#include "actors/worker/wan/wan_renderer.hpp"

extern "C" __attribute__((visibility("default"))) reel::renderer*
reel_make_wan_renderer(const reel::renderer_options& options) {
  return reel::wan::make_wan_renderer(options).release();
}
