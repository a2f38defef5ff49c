// make_evolution_data.cpp: Wrote tests/data/wire/older_*.bin and newer_*.bin, once; they are committed and
// never change, because they stand for bytes of other releases. A new case gets a new file here and in
// evolution_test.cpp:
//
//   cmake --build build/release --target make_evolution_data && build/release/bin/make_evolution_data
#include <capnp/message.h>
#include <fstream>
#include <string>

#include "tests/messages/wire/evolution/newer.capnp.h"
#include "tests/messages/wire/evolution/older.capnp.h"

namespace {

using namespace reel::wire;

template <class Struct, class Fill> void make(const std::string& name, Fill fill) {
  capnp::MallocMessageBuilder builder{1 << 16};
  fill(builder.initRoot<Struct>());
  const auto bytes = builder.getSegmentsForOutput()[0].asBytes();
  std::ofstream{REEL_SOURCE_DIR "/tests/data/wire/" + name, std::ios::binary}.write(
      reinterpret_cast<const char*>(bytes.begin()), static_cast<std::streamsize>(bytes.size()));
}

template <class Builder> void set_id(Builder b, std::uint64_t high, std::uint64_t low) {
  b.setHigh(high);
  b.setLow(low);
}

void make_older() {
  make<older::AcceptJobs>("older_accept_jobs.bin", [](older::AcceptJobs::Builder b) {
    auto job = b.initJobs(2)[0]; // the second one stays empty
    set_id(job.initId(), 0x0123456789abcdef, 0xfedcba9876543210);
    job.setTenant("acme");
    job.setCls(older::JobClass::VIP);
    job.setCreatedAtMs(1'700'000'000'000);
    job.getDeadline().setUnixMs(1'700'000'600'000);
    job.setPrompt("a fox in the snow");
    job.setNegativePrompt("blurry");
    job.setPromptTokens({5, 6, 7});
    job.setNegativeTokens({8});
    auto params = job.initParams();
    params.setModel("wan-small");
    params.setWidth(832);
    params.setHeight(480);
    params.setFrames(81);
    params.setFps(16);
  });
  make<older::EndBatch>("older_end_batch.bin", [](older::EndBatch::Builder b) {
    b.setTerm(7);
    set_id(b.initBatch(), 1, 2);
    auto outcome = b.initOutcomes(1)[0];
    set_id(outcome.initId(), 3, 4);
    outcome.setFence(5);
  });
  make<older::AcceptAnswers>("older_accept_answers.bin", [](older::AcceptAnswers::Builder b) {
    auto answers = b.initAnswers(2); // the second one stays empty
    answers[0].setCode(10);
    set_id(answers[0].initId(), 3, 4);
  });
  make<older::RunBatch>("older_run_batch.bin", [](older::RunBatch::Builder b) {
    set_id(b.initBatch(), 1, 2);
    b.setWorker("workers-1/0");
    b.setLeaseTtlMs(30'000);
    auto job = b.initJobs(2)[0]; // the second one stays empty
    set_id(job.initId(), 3, 4);
    job.setFence(5);
    job.setPromptTokens({6, 7});
    job.setObjectPrefix("t/acme/j/3/g1/f5");
  });
  make<older::StopJobs>("older_stop_jobs.bin", [](older::StopJobs::Builder b) {
    set_id(b.initBatch(), 1, 2);
    b.setWorker("workers-1/0");
    set_id(b.initJobs(1)[0], 3, 4);
  });
  make<older::WorkersReport>("older_workers_report.bin", [](older::WorkersReport::Builder b) {
    b.setNode("workers-1");
    b.setEpoch(99);
    b.setDraining(true);
    auto worker = b.initWorkers(1)[0];
    worker.setId("workers-1/0");
    worker.setState(older::WorkerState::READY);
    worker.setPid(4711);
    worker.setRestarts(2);
    worker.setModels({"wan-small", "wan-large"});
  });
  make<older::QueueView>("older_queue_view.bin", [](older::QueueView::Builder b) {
    b.setWaitingVip(2);
    b.setRunning(3);
    b.setTerm(4);
    b.setRecovering(false);
  });
}

void make_newer() {
  make<newer::GrantBatch>("newer_grant_batch.bin", [](newer::GrantBatch::Builder b) {
    b.setTerm(7);
    set_id(b.initBatch(), 1, 2);
    b.setWorker("workers-1/0");
    b.setServedModel("wan-small");
    auto jobs = b.initJobs(3);
    for (unsigned i = 0; i < 3; ++i) {
      set_id(jobs[i], 10 + i, 20 + i);
      jobs[i].setRealm(77);
    }
    b.setPriority(0.5);
    b.initPlaces(1)[0].initWithin().initWithin().setRack("r7");
  });
  make<newer::WorkersReport>("newer_workers_report.bin", [](newer::WorkersReport::Builder b) {
    b.setNode("workers-1");
    b.setEpoch(99);
    b.setHot(true);
    b.initPlace().setRack("r1");
    auto worker = b.initWorkers(2)[0];
    worker.setId("workers-1/0");
    worker.setState(newer::WorkerState::DOWN);
    worker.setModels({"wan-small"});
    worker.setDevice("cpu");
    worker.setMemoryBytes(1 << 30);
    worker.setCredits(2);
    set_id(worker.initBatches(1)[0], 1, 2);
    worker.setMessage("too hot");
    worker.setTemperature(99);
    worker.initPlace().initWithin().setRack("r2");
    worker.setHistogram({1, 2, 3});
    const kj::byte firmware[] = {0, 255, 1};
    worker.setFirmware({firmware, sizeof firmware});
    b.getWorkers()[1].setState(newer::WorkerState::READY);
  });
  make<newer::WorkersReport>("newer_enumerant.bin", [](newer::WorkersReport::Builder b) {
    b.initWorkers(1)[0].setState(newer::WorkerState::HIBERNATING);
  });
  make<newer::Done>("newer_done.bin", [](newer::Done::Builder b) {
    b.setTookMs(3);
    b.setRemark("with pleasure");
  });
}

} // namespace

int main() {
  make_older();
  make_newer();
}
