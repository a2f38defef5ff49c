// plugin.cpp: The one symbol of libreel_wan.so.
#include "actors/worker/wan/parity/parity.hpp"
#include "actors/worker/wan/wan_renderer.hpp"

namespace reel::wan {
namespace {

class plugin final : public wan_plugin {
public:
  std::unique_ptr<renderer> make_renderer(const renderer_options& options) const override {
    return make_wan_renderer(options);
  }
  parity_report compare(const renderer_options& options, const std::string& reference,
                        const std::function<void(const parity_line&)>& done) const override {
    return compare_with_reference(options, reference, done);
  }
};

} // namespace
} // namespace reel::wan

extern "C" __attribute__((visibility("default"))) const reel::wan_plugin* reel_wan_plugin() {
  static const reel::wan::plugin one;
  return &one;
}
