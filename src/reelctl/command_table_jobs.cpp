// The commands that make jobs and wait for them: over HTTP, with a tenant's key.
#include "src/reelctl/command_table.hpp"

namespace reel::ctl {

namespace {

constexpr const char* jobs_group = "Make videos (with a tenant's key)";

void add_submit(CLI::App& app, command_line& l) {
  auto& o = l.submit;
  auto* c = app.add_subcommand("submit", "Submit one prompt");
  c->group(jobs_group);
  c->add_option("prompt", o.prompt, "What the video shows")->required();
  c->add_option("--model", o.model, "Model; default: the cluster's first")->type_name("MODEL");
  c->add_option("--size", o.size, "WIDTHxHEIGHT in pixels");
  c->add_option("--seconds", o.seconds, "Length; or --frames");
  c->add_option("--frames", o.frames, "Frames, 4n+1");
  c->add_option("--fps", o.fps, "Frames per second");
  c->add_option("--steps", o.steps, "Denoise steps");
  c->add_option("--guidance", o.guidance, "Guidance scale of both experts");
  c->add_option("--sampler", o.sampler, "unipc, dpm++ or euler");
  c->add_option("--seed", o.seed, "Same seed, same video; default: random, and reported");
  c->add_option("--negative", o.negative_prompt, "What it must not show");
  c->add_option("--class", o.job_class, "vip, standard or free, as the tenant may");
  c->add_option("--quality", o.quality, "preview: small and quick; final");
  c->add_option("--idempotency-key", o.idempotency_key, "Repeating the command with the same key makes no second job");
  c->add_flag("--wait", o.wait, "Wait for the end, showing progress");
  c->add_option("--out", o.out, "Wait, and save the video to this .mp4 or into this folder");
  c->callback([&l] { l.run = [&l] { return submit(l.common, l.submit); }; });
}

void add_batch(CLI::App& app, command_line& l) {
  auto* c = app.add_subcommand("batch", "Submit a file of requests");
  c->group(jobs_group);
  c->add_option("file", l.batch.file,
                "JSON Lines, each as POST /v1/videos takes it; repeating the command makes no second jobs")
      ->required();
  c->add_flag("--wait", l.batch.wait, "Wait for the end, showing progress");
  c->add_option("--out", l.batch.out, "Wait, and save videos and thumbnails into this folder");
  c->callback([&l] { l.run = [&l] { return batch(l.common, l.batch); }; });
}

void add_waiting(CLI::App& app, command_line& l) {
  auto* wait_c = app.add_subcommand("wait", "Wait for jobs, showing progress");
  wait_c->group(jobs_group);
  wait_c->add_option("id", l.ids, "video_...")->required()->type_name("JOB");
  wait_c->add_option("--out", l.out, "Save videos and thumbnails into this folder");
  wait_c->callback([&l] { l.run = [&l] { return wait(l.common, l.ids, l.out); }; });

  auto* quota_c = app.add_subcommand("quota", "Show what is used of a tenant's limits");
  quota_c->group(jobs_group);
  quota_c->add_option("tenant", l.tenant_name, "Another one's, with an operator's key")->type_name("TENANT");
  quota_c->callback([&l] { l.run = [&l] { return quota(l.common, l.tenant_name); }; });

  auto* f = app.add_subcommand("final", "Make a preview again in full: same prompt and seed, its tenant's next turn");
  f->group(jobs_group);
  f->add_option("id", l.final_of.id, "video_...")->required()->type_name("JOB");
  f->add_option("--size", l.final_of.size, "WIDTHxHEIGHT in pixels; default: the model's");
  f->add_option("--steps", l.final_of.steps, "Denoise steps; default: the model's");
  f->callback([&l] { l.run = [&l] { return final_video(l.common, l.final_of); }; });
}

} // namespace

void add_job_commands(CLI::App& app, command_line& l) {
  add_submit(app, l);
  add_batch(app, l);
  add_waiting(app, l);
}

} // namespace reel::ctl
