// prompt_reader.hpp: Reads a prompt the way the grammar of captions.hpp speaks: by its words and their order, in
// English or Chinese. No understanding: what it does not know it skips. Pure; any thread.
#pragma once

#include <random>

#include "src/world/expectation.hpp"

namespace reel::world {

/// What the prompt says; fields that it does not say are absent. No objects when none was found.
expectation read_prompt(std::string_view prompt);

/// A scene that shows it; what was not said is drawn, still if no motion was, over black if no background was. Throws
/// std::runtime_error with the reason where the world has no such scene.
scene scene_of(const expectation& e, std::mt19937_64& rng);

} // namespace reel::world
