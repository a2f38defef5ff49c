// drivers.hpp: Faults from outside of a process: signals, frozen and small control groups, networks that drop, disks
// that are full, clocks that jump, syncs that fail. Used by reel-chaos and by tests; each is used on real processes.
//
// Every driver says what was seen of its effect: a fault that cannot be seen to have happened proves nothing. What a
// machine does not allow is skipped with the reason. What a driver changed outlives no driver: destructors undo it.
// One thread at a time. Constructors throw std::runtime_error where their cannot_run() has a reason, or where the
// kernel refuses all the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reel::chaos {

struct shim_page;

struct driver_result {
  bool took_effect = false;
  std::string proof; ///< what was seen, or what was seen instead
  std::optional<std::string> skipped_because;
};

/// Why a driver cannot work on this machine, for people; none: it can.
using obstacle = std::optional<std::string>;

inline driver_result skipped(std::string why) { return {false, {}, std::move(why)}; }

// ---------------------------------------------------------------- processes

driver_result kill_process(int pid); ///< SIGKILL; gone, or a zombie that its parent has not collected
driver_result stop_process(int pid); ///< SIGSTOP; until continue_process()
driver_result continue_process(int pid);

/// Soft limits, so that lift_limits() can take them back. Beyond the file size a write gives EFBIG (where SIGXFSZ is
/// ignored), beyond the count open() gives EMFILE. The proof is what the kernel says of the process.
driver_result limit_file_size(int pid, std::uint64_t bytes);
driver_result limit_open_files(int pid, std::uint64_t files);
driver_result lift_limits(int pid); ///< both, up to the hard limits

// ---------------------------------------------------------------- control groups

/// A group of processes and all they start, of version 1 or 2, whichever the machine has.
class control_group {
public:
  enum class kind { freezer, memory };
  static obstacle cannot_run(kind k);

  /// `name` is a folder beneath the hierarchy's top.
  control_group(kind k, const std::string& name);
  ~control_group(); ///< thaws, moves what still runs to the top, removes the group
  control_group(const control_group&) = delete;
  control_group& operator=(const control_group&) = delete;

  driver_result add(int pid);
  driver_result freeze(); ///< waits until all of it stands still
  driver_result thaw();
  driver_result limit_memory(std::uint64_t bytes); ///< the kernel kills whoever needs more; see oom_kills()
  std::uint64_t oom_kills() const;

private:
  kind kind_;
  bool v2_ = false;
  std::string top_, folder_;
};

// ---------------------------------------------------------------- networks

/// Hosts 1 to n, each a network namespace with one interface, joined by a bridge on which this machine is as well.
/// Needs root and `ip`; what drops or refuses single packets needs `nft` (Debian: nftables), a bandwidth limit `tc`.
class network {
public:
  static obstacle cannot_run();
  static obstacle cannot_filter(); ///< beyond cannot_run()

  /// `name` begins all names of interfaces and namespaces: at most 6 letters or digits. `subnet` is the third number of
  /// its addresses, 10.77.SUBNET.HOST.
  network(const std::string& name, int hosts, int subnet);
  ~network();
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  std::string address(int host) const;
  std::string address_of_machine() const; ///< of this process, on the bridge
  /// To put before a command that is to run on a host.
  std::vector<std::string> command_on(int host) const;

  driver_result cut_off(int host);   ///< its interface is down: silence, both ways
  driver_result reconnect(int host); ///< up again
  /// Packets of one direction vanish, all or a part of them. Adds to what is dropped already; heal() ends it.
  driver_result drop(int from, int to, double probability = 1);
  driver_result refuse(int from, int to); ///< connections are answered by a reset
  driver_result limit_bandwidth(int host, std::uint64_t bits_per_s);
  std::uint64_t packets_filtered(int to) const; ///< by drop() and refuse() at that host so far
  driver_result heal();                         ///< all of it, cut_off() too; the proof counts what was filtered

private:
  std::string space(int host) const;
  std::string interface(int host) const;
  driver_result add_rule(int from, int to, const std::string& rule);
  void remove();

  std::string name_;
  int hosts_, subnet_;
};

// ---------------------------------------------------------------- disks

/// A small file system of its own (tmpfs) at a folder that exists. Needs root, or enter_private_mounts().
class small_disk {
public:
  static obstacle cannot_run();
  small_disk(const std::string& folder, std::uint64_t bytes);
  ~small_disk(); ///< unmounts; what is in it is lost
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  const std::string& folder() const { return folder_; }

private:
  std::string folder_;
};

/// Writes a file there until the disk is full (ENOSPC seen), and takes it away again. Of a whole machine's disk too:
/// the caller knows what the folder is on.
driver_result fill_disk(const std::string& folder);
driver_result free_disk(const std::string& folder);

/// Mounts of this process and its children are theirs alone from now on, and end with them. Before there are threads.
obstacle enter_private_mounts();

// ---------------------------------------------------------------- clock and fsync

/// Programs that run with command() see a wall clock that this side moves, and syncs that this side lets fail or wait:
/// a small library before libc (LD_PRELOAD), which reads its orders from a page shared by file. The monotonic clock
/// stays as it is. Not for programs with a sanitizer, whose own library must come first.
class shim {
public:
  static obstacle cannot_run();
  /// `page_file` is made; `library` is libreel_shim.so, beside this program if not given.
  explicit shim(const std::string& page_file, const std::string& library = {});
  ~shim(); ///< heals; the file stays
  shim(const shim&) = delete;
  shim& operator=(const shim&) = delete;

  /// To put before a command. Its children get it too.
  std::vector<std::string> command() const;

  void shift_clock(std::chrono::nanoseconds by); ///< in all, not in addition
  void drift_clock(double parts_per_million);    ///< from now on
  /// fsync and fdatasync of files whose path has `path` in it (empty: all) fail with this errno; 0: no more.
  void fail_syncs(int code, const std::string& path = {});
  void delay_syncs(std::chrono::milliseconds by, const std::string& path = {});
  void heal();

  /// What programs saw since the last call: clock readings that were moved, syncs that failed or waited.
  driver_result proof();

private:
  std::string page_file_, library_;
  shim_page* page_ = nullptr;
  std::uint64_t moved_told_ = 0, failed_told_ = 0, delayed_told_ = 0;
};

} // namespace reel::chaos
