#include "messages/worker.hpp"

namespace reel {

std::string_view to_string(run_phase p) {
  switch (p) {
  case run_phase::waiting: return "waiting";
  case run_phase::encoding: return "encoding";
  case run_phase::denoising: return "denoising";
  case run_phase::decoding: return "decoding";
  case run_phase::storing: return "storing";
  }
  return "unknown";
}

std::string_view to_string(expert e) {
  switch (e) {
  case expert::none: return "none";
  case expert::high_noise: return "high_noise";
  case expert::low_noise: return "low_noise";
  }
  return "unknown";
}

std::string_view to_string(worker_state s) {
  switch (s) {
  case worker_state::starting: return "starting";
  case worker_state::ready: return "ready";
  case worker_state::down: return "down";
  case worker_state::ejected: return "ejected";
  }
  return "unknown";
}

} // namespace reel
