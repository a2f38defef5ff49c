#include "actors/worker/null_renderer.hpp"
#include "actors/worker/wan_plugin.hpp"

namespace reel {

std::unique_ptr<renderer> make_renderer(const renderer_options& options) {
  if (options.kind == "null") return std::make_unique<null_renderer>(options);
  if (options.kind == "wan") return open_wan_plugin().make_renderer(options);
  throw render_error{errc::unsupported, "model " + options.model.value + ": kind \"" + options.kind +
                                            "\"; allowed are \"wan\" and \"null\""};
}

} // namespace reel
