// lexicon_english.hpp: Private to lexicon.cpp. A table.
#pragma once

#include "src/world/lexicon.hpp"

namespace reel::world {

inline void add_english_names(lexicon& l) {
  l.colours = {{"red", "scarlet"},
               {"orange"},
               {"yellow", "golden"},
               {"green", "lime green"},
               {"cyan", "turquoise", "aqua"},
               {"blue", "royal blue"},
               {"purple", "violet"},
               {"pink"},
               {"white", "snow white"}};
  l.shapes = {{"circle", "disc", "disk", "ball", "dot"}, {"square", "box", "block"},
              {"triangle", "triangular shape"},          {"star", "five-pointed star", "star shape"},
              {"cross", "plus sign", "cross shape"},     {"ring", "hoop", "donut"}};
  l.tones = {{"black"}, {"grey", "gray"}, {"red", "maroon"},     {"brown"},
             {"green"}, {"teal"},         {"blue", "navy blue"}, {"purple"}};
  l.sizes = {{"small", "little", "tiny"}, {"large", "big"}};
  l.speeds = {{"slowly", "gently"}, {"quickly", "rapidly", "fast", "swiftly"}};
  l.places = {{},
              {"on the left", "on the left side", "at the left", "in the left half"},
              {"on the right", "on the right side", "at the right", "in the right half"},
              {"at the top", "in the top half", "in the upper half", "in the upper part"},
              {"at the bottom", "in the bottom half", "in the lower half", "in the lower part"}};
}

inline void add_english_motions(lexicon& l) {
  l.verbs_of_motion = {{"moves", "moving"},       {"slides", "sliding"}, {"glides", "gliding"}, {"drifts", "drifting"},
                       {"travels", "travelling"}, {"goes", "going"},     {"floats", "floating"}};
  l.motions = {
      {{},
       {},
       {{"stays still", "staying still"},
        {"does not move", "not moving"},
        {"is motionless", "motionless"},
        {"is at rest", "at rest"},
        {"stands still", "standing still"},
        {"stays in place", "staying in place"},
        {"remains still", "remaining still"}}},
      {{"left", "to the left", "leftwards", "leftward", "from right to left", "toward the left", "to the left side",
        "straight to the left"},
       {"toward the left side", "straight left"},
       {}},
      {{"right", "to the right", "rightwards", "rightward", "from left to right", "toward the right",
        "to the right side", "straight to the right"},
       {"toward the right side", "straight right"},
       {}},
      {{"up", "upwards", "upward", "to the top", "from bottom to top", "toward the top"},
       {"straight up", "straight to the top"},
       {{"rises", "rising"}, {"climbs", "climbing"}}},
      {{"down", "downwards", "downward", "to the bottom", "from top to bottom", "toward the bottom"},
       {"straight down", "straight to the bottom"},
       {{"falls", "falling"}, {"sinks", "sinking"}, {"descends", "descending"}}},
      {{"up and to the left", "diagonally up and left", "up-left", "to the upper left", "toward the upper left corner"},
       {"diagonally to the upper left", "to the upper left corner"},
       {}},
      {{"up and to the right", "diagonally up and right", "up-right", "to the upper right",
        "toward the upper right corner"},
       {"diagonally to the upper right", "to the upper right corner"},
       {}},
      {{"down and to the left", "diagonally down and left", "down-left", "to the lower left",
        "toward the lower left corner"},
       {"diagonally to the lower left", "to the lower left corner"},
       {}},
      {{"down and to the right", "diagonally down and right", "down-right", "to the lower right",
        "toward the lower right corner"},
       {"diagonally to the lower right", "to the lower right corner"},
       {}},
      {{"in a circle", "round in a circle", "around in a circle", "along a circular path"},
       {"around along a circular path"},
       {{"circles", "circling"}, {"orbits", "orbiting"}, {"circles around", "circling around"}}},
      {{},
       {},
       {{"grows", "growing"},
        {"gets bigger", "getting bigger"},
        {"becomes larger", "becoming larger"},
        {"grows bigger", "growing bigger"},
        {"expands", "expanding"},
        {"gets larger", "getting larger"}}},
      {{},
       {},
       {{"shrinks", "shrinking"},
        {"gets smaller", "getting smaller"},
        {"becomes smaller", "becoming smaller"},
        {"contracts", "contracting"}}}};
}

inline lexicon english_lexicon() {
  lexicon l;
  add_english_names(l);
  add_english_motions(l);
  l.gradient_words = {"gradient", "fading", "blending"};
  l.stripes_words = {"striped", "stripes"};
  l.both_words = {"both"};
  return l;
}

} // namespace reel::world
