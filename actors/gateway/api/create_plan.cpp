#include <algorithm>
#include <charconv>
#include <cmath>
#include <sodium.h>

#include "actors/gateway/api/create_video.hpp"

namespace reel {

namespace {

/// Feeds "name=LENGTH:value;" for every field that is there.
class meaning {
public:
  explicit meaning(std::string_view what) : text_{what} {}

  void add(std::string_view name, std::string_view value) {
    ((text_ += name) += '=') += std::to_string(value.size());
    ((text_ += ':') += value) += ';';
  }
  void add_given(std::string_view name, const std::optional<std::string>& value) {
    if (value) add(name, std::string_view{*value});
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void add_given(std::string_view name, const std::optional<Number>& value) {
    if (!value) return;
    char digits[40];
    auto end = std::to_chars(digits, digits + sizeof digits, *value).ptr;
    add(name, std::string_view{digits, static_cast<std::size_t>(end - digits)});
  }

  sha256_digest hash() const {
    sha256_digest d;
    crypto_hash_sha256(d.bytes.data(), reinterpret_cast<const unsigned char*>(text_.data()), text_.size());
    return d;
  }

private:
  std::string text_;
};

void add_deadline(meaning& m, const create_video& c) {
  if (!c.deadline) return;
  if (auto* moment = std::get_if<wall_time>(&*c.deadline))
    m.add("deadline", "at " + std::to_string(moment->time_since_epoch().count()));
  else
    m.add("deadline", "in " + std::to_string(std::get<std::chrono::milliseconds>(*c.deadline).count()));
}

failed<api_error> refused(std::string_view field, std::string_view value, std::string_view allowed) {
  return {invalid_value(field, value, allowed)};
}

outcome<const gateway_model*, api_error> find_model(const std::string& name, const std::vector<gateway_model>& models) {
  std::string known;
  for (const auto& m : models) {
    if (m.profile.id.value == name) return &m;
    (known += known.empty() ? "" : ", ") += m.profile.id.value;
  }
  return refused("model", shown(name), known);
}

std::optional<api_error> problem_of(frame_size size, std::int64_t steps, const model_profile& p) {
  if (!fits(p, size)) return invalid_value("size", to_string(size), allowed_sizes(p));
  if (steps <= p.steps_max) return {};
  return invalid_value("num_inference_steps", std::to_string(steps), "1 to " + std::to_string(p.steps_max));
}

outcome<std::int32_t, api_error> frames_of(const create_video& c, const model_profile& p, std::int32_t fps) {
  auto most = std::to_string(p.frames_max);
  if (c.num_frames) {
    if (*c.num_frames > p.frames_max || *c.num_frames % 4 != 1)
      return refused("num_frames", std::to_string(*c.num_frames), "4n+1 from 1 to " + most);
    return static_cast<std::int32_t>(*c.num_frames);
  }
  if (!c.seconds) return p.frames_default;
  auto frames = nearest_frames(*c.seconds * fps);
  if (frames <= p.frames_max) return frames;
  return refused("seconds", std::to_string(*c.seconds),
                 "at most " + most + " frames at " + std::to_string(fps) + " frames a second");
}

outcome<job_class, api_error> class_of(const create_video& c, const tenant& who) {
  auto cls = c.cls.value_or(who.default_class);
  if (auto closed = class_problem(cls, who)) return failed{std::move(*closed)};
  return cls;
}

/// A request with a key may be repeated after its own deadline and is then owed its first answer, which only the ledger
/// knows: a moment that is past is its business as long as it remembers the key. (A new job with such a moment is taken
/// and fails with deadline_exceeded.)
outcome<std::optional<wall_time>, api_error> deadline_of(const create_video& c, wall_time now, bool has_key) {
  if (!c.deadline) return std::optional<wall_time>{};
  auto* from_now = std::get_if<std::chrono::milliseconds>(&*c.deadline);
  auto moment = from_now ? now + *from_now : std::get<wall_time>(*c.deadline);
  if (moment <= (has_key ? now - idempotency_keys_kept : now) || moment > now + deadline_max)
    return refused("deadline", "a time that is past or too far away", "from now to 7 days from now");
  return std::optional{moment};
}

/// Names are looked up only when the webhook is called, and what they then mean is checked there.
std::optional<api_error> webhook_problem(const std::string& url, const job_rules& rules) {
  if (url.empty()) return {};
  if (rules.who.webhook_secret_file.empty())
    return api_error{.status = 422,
                     .code = "no_webhook_secret",
                     .message = "webhook_url: this account has no secret to sign webhooks with; an operator adds one",
                     .param = "webhook_url"};
  const auto address = parse_ip_address(parse_webhook_url(url)->host);
  if (!address || rules.webhooks.may_connect(*address)) return {};
  return invalid_value("webhook_url", shown(url), "a public address, or one of the networks that are configured");
}

std::optional<api_error> no_final_of(const job_record& preview) {
  api_error e{.status = 409, .retry = false};
  if (!preview.request.is_preview) {
    e.code = "not_a_preview";
    e.message = to_string(preview.request.id) + " is no preview: it was not made with quality \"preview\"";
  } else if (preview.state != job_state::succeeded) {
    e.code = "video_not_ready";
    e.message =
        to_string(preview.request.id) + " has not completed: its state is " + std::string{to_string(preview.state)};
  } else
    return {};
  return e;
}

sha256_digest fingerprint_of_final(const job_id& preview, const create_video& wanted) {
  meaning m{"reel-final-1;"};
  m.add("preview", to_string(preview));
  if (wanted.size) m.add("size", to_string(*wanted.size));
  m.add_given("num_inference_steps", wanted.steps);
  return m.hash();
}

outcome<render_params, api_error> params_of(const create_video& c, const model_profile& p, std::uint64_t random_seed) {
  bool preview = c.quality == video_quality::preview;
  auto size = c.size.value_or(preview ? p.size_preview : p.size_default);
  auto steps = c.steps.value_or(preview ? p.steps_preview : p.steps_default);
  if (auto bad = problem_of(size, steps, p)) return failed{std::move(*bad)};
  auto fps = static_cast<std::int32_t>(c.fps.value_or(p.fps_default));
  auto frames = frames_of(c, p, fps);
  if (!frames) return failed{frames.error()};
  auto guidance = [&](const std::optional<double>& own, float otherwise) {
    return static_cast<float>(own ? *own : c.guidance.value_or(otherwise));
  };
  return render_params{.model = p.id,
                       .width = size.width,
                       .height = size.height,
                       .frames = *frames,
                       .fps = fps,
                       .steps = static_cast<std::int32_t>(steps),
                       .sampler = c.sampler.value_or(p.sampler),
                       .guidance_high = guidance(c.guidance_high, p.guidance_high),
                       .guidance_low = guidance(c.guidance_low, p.guidance_low),
                       .flow_shift = static_cast<float>(c.flow_shift.value_or(p.flow_shift)),
                       .seed = c.seed.value_or(random_seed)};
}

} // namespace

std::optional<api_error> class_problem(job_class cls, const tenant& who) {
  if (std::ranges::find(who.allowed_classes, cls) != who.allowed_classes.end()) return {};
  std::string allowed;
  for (auto one : who.allowed_classes) (allowed += allowed.empty() ? "" : ", ") += to_string(one);
  return api_error{.status = 403,
                   .code = "class_not_allowed",
                   .message = "class '" + std::string{to_string(cls)} +
                              "' is not open to this account (allowed: " + allowed + ")",
                   .param = "class"};
}

sha256_digest fingerprint(const create_video& c) {
  meaning m{"reel-create-1;"};
  m.add("prompt", c.prompt);
  m.add_given("model", c.model);
  m.add_given("seconds", c.seconds);
  if (c.size) m.add("size", to_string(*c.size));
  m.add_given("num_frames", c.num_frames);
  m.add_given("fps", c.fps);
  m.add_given("seed", c.seed);
  m.add_given("negative_prompt", c.negative_prompt);
  m.add_given("num_inference_steps", c.steps);
  m.add_given("guidance_scale", c.guidance);
  m.add_given("guidance_scale_high", c.guidance_high);
  m.add_given("guidance_scale_low", c.guidance_low);
  m.add_given("flow_shift", c.flow_shift);
  if (c.sampler) m.add("sampler", to_string(*c.sampler));
  if (c.quality) m.add("quality", c.quality == video_quality::preview ? "preview" : "final");
  if (c.allow_degraded) m.add("allow_degraded", *c.allow_degraded ? "true" : "false");
  if (c.cls) m.add("class", to_string(*c.cls));
  add_deadline(m, c);
  if (!c.webhook_url.empty()) m.add("webhook_url", c.webhook_url);
  auto pairs = c.metadata;
  std::ranges::sort(pairs);
  for (const auto& [key, value] : pairs) {
    m.add("metadata key", key);
    m.add("metadata value", value);
  }
  return m.hash();
}

outcome<planned_job, api_error> plan_job(create_video c, const job_rules& rules) {
  auto model = find_model(c.model.value_or(rules.models.front().profile.id.value), rules.models);
  if (!model) return failed{model.error()};
  const auto& profile = (*model)->profile;
  auto params = params_of(c, profile, rules.random_seed);
  if (!params) return failed{params.error()};
  auto cls = class_of(c, rules.who);
  if (!cls) return failed{cls.error()};
  auto deadline = deadline_of(c, rules.now, rules.has_key);
  if (!deadline) return failed{deadline.error()};
  if (auto bad = webhook_problem(c.webhook_url, rules)) return failed{std::move(*bad)};

  planned_job planned;
  planned.model = *model;
  planned.own_negative_prompt = c.negative_prompt.has_value();
  auto& job = planned.request;
  job.tenant = rules.who.id;
  job.cls = *cls;
  job.created_at = rules.now;
  job.deadline = *deadline;
  job.payload_sha256 = fingerprint(c);
  job.prompt = std::move(c.prompt);
  job.negative_prompt = c.negative_prompt ? std::move(*c.negative_prompt) : profile.negative_prompt;
  job.params = *params;
  job.allow_degraded = c.allow_degraded.value_or(*cls != job_class::vip && rules.who.allow_degraded);
  job.metadata = std::move(c.metadata);
  job.webhook_url = std::move(c.webhook_url);
  job.is_preview = c.quality == video_quality::preview;
  return planned;
}

outcome<job_request, api_error> plan_final(const job_record& preview, const create_video& wanted,
                                           const job_rules& rules) {
  if (auto bad = no_final_of(preview)) return failed{std::move(*bad)};
  auto job = preview.request;
  auto model = find_model(job.params.model.value, rules.models);
  if (!model) return failed{model.error()};
  const auto& profile = (*model)->profile;
  auto size = wanted.size.value_or(full_size(profile, {job.params.width, job.params.height}));
  auto steps = wanted.steps.value_or(profile.steps_default);
  if (auto bad = problem_of(size, steps, profile)) return failed{std::move(*bad)};

  job.final_of = job.id;
  job.is_preview = false;
  if (class_problem(job.cls, rules.who)) job.cls = rules.who.default_class; // what was open may be closed by now
  job.created_at = rules.now;
  job.deadline.reset();
  job.params.width = size.width;
  job.params.height = size.height;
  job.params.steps = static_cast<std::int32_t>(steps);
  job.payload_sha256 = fingerprint_of_final(job.final_of, wanted);
  return job;
}

} // namespace reel
