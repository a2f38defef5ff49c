#include <algorithm>
#include <charconv>
#include <cmath>

#include "actors/gateway/api/create_video.hpp"
#include "actors/gateway/text/utf8.hpp"
#include "runtime/limits.hpp"

namespace reel {

namespace {

using kind = api_field::kind;
using trouble = std::optional<api_error>;

std::string shown_value(const api_field& f) {
  switch (f.what) {
  case kind::null: return "null";
  case kind::boolean: return f.boolean ? "true" : "false";
  case kind::integer:
  case kind::real: return f.text.substr(0, 32);
  case kind::text: return shown(f.text);
  case kind::object: return "an object";
  case kind::array: return "a list";
  case kind::file: return "a file";
  }
  return "?";
}

api_error wrong(const api_field& f, std::string_view allowed) {
  return invalid_value(f.full_name(), shown_value(f), allowed);
}

template <class T> std::optional<T> number_in(std::string_view text) {
  T value{};
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || bad != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// A form has only text; JSON must say number when it means one (except where `text_too`).
std::optional<double> real_of(const api_field& f, bool text_too = false) {
  std::optional<double> value;
  if (f.what == kind::integer || f.what == kind::real)
    value = f.real;
  else if (f.what == kind::text && (f.from_form || text_too))
    value = number_in<double>(f.text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::int64_t> integer_of(const api_field& f) {
  if (f.what == kind::integer) return f.integer;
  if (f.what == kind::text && f.from_form) return number_in<std::int64_t>(f.text);
  return {};
}

std::optional<bool> boolean_of(const api_field& f) {
  if (f.what == kind::boolean) return f.boolean;
  if (f.from_form && (f.text == "true" || f.text == "false")) return f.text == "true";
  return {};
}

trouble read_integer(const api_field& f, std::int64_t least, std::int64_t most, std::optional<std::int64_t>& into) {
  into = integer_of(f);
  if (into && *into >= least && *into <= most) return {};
  return wrong(f, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

trouble read_real(const api_field& f, double least, double most, std::string_view allowed, std::optional<double>& into,
                  bool text_too = false) {
  into = real_of(f, text_too);
  if (into && *into >= least && *into <= most) return {};
  return wrong(f, allowed);
}

trouble read_text(const api_field& f, std::string& into) {
  if (f.what != kind::text) return wrong(f, "a text");
  if (f.text.size() > limits::prompt_bytes_max)
    return invalid_value(f.name, std::to_string(f.text.size()) + " bytes", "at most 8192 bytes of UTF-8");
  if (auto bad = text_problem(f.text); !bad.empty())
    return invalid_value(f.name, bad, "UTF-8 text without control characters other than tab and newline");
  into = f.text;
  return {};
}

trouble read_guidance(const api_field& f, std::optional<double>& into) {
  return read_real(f, 0, 20, "a number from 0 to 20", into);
}

trouble read_prompt(const api_field& f, create_video& c) {
  if (auto bad = read_text(f, c.prompt)) return bad;
  if (c.prompt.find_first_not_of(" \t\n") != std::string::npos) return {};
  return invalid_value("prompt", shown(c.prompt), "a text that is not empty");
}

trouble read_size(const api_field& f, create_video& c) {
  c.size = f.what == kind::text ? parse_frame_size(f.text) : std::nullopt;
  if (c.size) return {};
  return wrong(f, "\"WIDTHxHEIGHT\" in pixels, for example \"832x480\"");
}

trouble read_seed(const api_field& f, create_video& c) {
  std::optional<std::int64_t> value;
  if (auto bad = read_integer(f, 0, seed_max, value)) return bad;
  c.seed = static_cast<std::uint64_t>(*value);
  return {};
}

trouble read_quality(const api_field& f, create_video& c) {
  if (f.text == "preview")
    c.quality = video_quality::preview;
  else if (f.text == "final")
    c.quality = video_quality::final;
  else
    return wrong(f, "\"preview\" or \"final\"");
  return {};
}

trouble read_deadline(const api_field& f, create_video& c) {
  using std::chrono::milliseconds;
  constexpr double seconds_max = std::chrono::duration<double>{deadline_max}.count();
  if (auto seconds = real_of(f); seconds && *seconds >= 1 && *seconds <= seconds_max)
    c.deadline = milliseconds{std::llround(*seconds * 1000)};
  else if (auto moment = f.what == kind::text ? parse_rfc3339(f.text) : std::nullopt)
    c.deadline = *moment;
  else
    return wrong(f, "seconds from 1 to 604800, or an RFC 3339 time like \"2026-01-31T18:00:00Z\"");
  return {};
}

trouble read_metadata(const api_field& f, create_video& c) {
  if (!f.key && f.what == kind::object) return {}; // its members follow
  constexpr std::string_view allowed =
      "up to 16 pairs of texts, keys of 1 to 512 bytes without [ and ], values of at most 512 bytes";
  bool bad = !f.key || f.key->empty() || f.what != kind::text || f.key->size() > limits::metadata_text_max ||
             f.text.size() > limits::metadata_text_max || c.metadata.size() == limits::metadata_pairs_max;
  bad = bad || f.key->find_first_of("[]") != std::string::npos; // a form would read it as a path
  if (bad || !text_problem(*f.key).empty() || !text_problem(f.text).empty()) {
    auto value = f.key ? shown(*f.key) + ": " + shown_value(f) : shown_value(f);
    return invalid_value("metadata", value, allowed);
  }
  c.metadata.emplace_back(*f.key, f.text);
  return {};
}

trouble read_webhook_url(const api_field& f, create_video& c) {
  if (f.what == kind::text && f.text.size() <= limits::webhook_url_bytes_max && parse_webhook_url(f.text)) {
    c.webhook_url = f.text;
    return {};
  }
  return wrong(f, "an http or https URL of at most 2048 characters, without user and fragment");
}

api_error refused(std::string_view field, std::string_view code, std::string message) {
  return {.status = 422, .code = std::string{code}, .message = std::move(message), .param = std::string{field}};
}

struct field_rule {
  std::string_view name;
  trouble (*read)(const api_field& f, create_video& c);
};

constexpr field_rule rules[] = {
    {"prompt", read_prompt},
    {"model",
     [](const api_field& f, create_video& c) -> trouble {
       if (f.what != kind::text) return wrong(f, "a text");
       c.model = f.text;
       return {};
     }},
    {"seconds",
     [](const api_field& f, create_video& c) {
       return read_real(f, 0.001, 3600, "a number of seconds above 0, as number or text", c.seconds, true);
     }},
    {"size", read_size},
    {"num_frames", [](const api_field& f, create_video& c) { return read_integer(f, 1, 16385, c.num_frames); }},
    {"fps", [](const api_field& f, create_video& c) { return read_integer(f, 1, fps_max, c.fps); }},
    {"seed", read_seed},
    {"negative_prompt", [](const api_field& f, create_video& c) { return read_text(f, c.negative_prompt.emplace()); }},
    {"num_inference_steps", [](const api_field& f, create_video& c) { return read_integer(f, 1, 1000, c.steps); }},
    {"guidance_scale", [](const api_field& f, create_video& c) { return read_guidance(f, c.guidance); }},
    {"guidance_scale_high", [](const api_field& f, create_video& c) { return read_guidance(f, c.guidance_high); }},
    {"guidance_scale_low", [](const api_field& f, create_video& c) { return read_guidance(f, c.guidance_low); }},
    {"guidance_scale_2",
     [](const api_field&, create_video&) -> trouble {
       return refused("guidance_scale_2", "ambiguous_field",
                      "guidance_scale_2 means different experts in different servers: use guidance_scale_high "
                      "and guidance_scale_low");
     }},
    {"flow_shift",
     [](const api_field& f, create_video& c) {
       return read_real(f, 0.001, 100, "a number above 0, at most 100", c.flow_shift);
     }},
    {"sampler",
     [](const api_field& f, create_video& c) -> trouble {
       c.sampler = f.what == kind::text ? parse_sampler(f.text) : std::nullopt;
       if (c.sampler) return {};
       return wrong(f, "\"unipc\", \"dpm++\" or \"euler\"");
     }},
    {"quality", read_quality},
    {"allow_degraded",
     [](const api_field& f, create_video& c) -> trouble {
       c.allow_degraded = boolean_of(f);
       if (c.allow_degraded) return {};
       return wrong(f, "true or false");
     }},
    {"class",
     [](const api_field& f, create_video& c) -> trouble {
       c.cls = f.what == kind::text ? parse_job_class(f.text) : std::nullopt;
       if (c.cls) return {};
       return wrong(f, "\"urgent\", \"vip\", \"standard\" or \"free\"");
     }},
    {"deadline", read_deadline},
    {"metadata", read_metadata},
    {"input_reference",
     [](const api_field&, create_video&) -> trouble {
       return refused("input_reference", "unsupported", "input_reference: the models here make videos from text only");
     }},
    {"webhook_url", read_webhook_url},
};

bool may_have_members(std::string_view name) { return name == "metadata" || name == "input_reference"; }

} // namespace

outcome<create_video, api_error> parse_create(const api_fields& fields) {
  create_video c;
  bool has_prompt = false;
  for (const auto& f : fields) {
    auto rule = std::ranges::find(rules, std::string_view{f.name}, &field_rule::name);
    if (rule == std::end(rules))
      return failed{refused(f.name, "unknown_field", "unknown field " + shown(f.full_name()))};
    if (f.key && !may_have_members(f.name)) {
      if (!f.from_form) continue; // its object was refused before
      return failed{refused(f.name, "unknown_field", "unknown field " + shown(f.full_name()))};
    }
    if (f.what == kind::null && !f.key) continue; // as good as not there
    if (auto bad = rule->read(f, c)) return failed{std::move(*bad)};
    has_prompt |= f.name == "prompt";
  }
  if (!has_prompt) return failed{refused("prompt", "missing_field", "missing field 'prompt'")};
  if (c.seconds && c.num_frames)
    return failed{refused("num_frames", "invalid_value", "give either seconds or num_frames, not both")};
  return c;
}

outcome<create_video, api_error> parse_final(const api_fields& fields) {
  create_video c;
  for (const auto& f : fields) {
    auto rule = std::ranges::find(rules, std::string_view{f.name}, &field_rule::name);
    if ((f.name != "size" && f.name != "num_inference_steps") || f.key)
      return failed{refused(f.name, "unknown_field",
                            "unknown field " + shown(f.full_name()) + " (allowed: size, num_inference_steps)")};
    if (f.what == kind::null) continue;
    if (auto bad = rule->read(f, c)) return failed{std::move(*bad)};
  }
  return c;
}

} // namespace reel
