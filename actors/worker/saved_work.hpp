// saved_work.hpp: Work of a renderer is begun from saved runs, and saved for others to go on with. Used by the render
// thread. What goes wrong with a saved run costs time, never a job.
#pragma once

#include <set>

#include "actors/worker/render_thread.hpp"

namespace reel {

/// One bad saved run does not cost the others theirs. `from_start`: whose saved run is not used.
std::unique_ptr<render_batch> begin_work(renderer& model, const run_batch& b, saved_states states,
                                         std::set<std::size_t>& from_start);

/// Null where the run cannot be saved: its jobs then begin from the start, and nothing is lost but time.
std::shared_ptr<const packed_run> save_work(const run_batch& b, const render_batch& work);

} // namespace reel
