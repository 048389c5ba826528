#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.h"

namespace g4c {
namespace {

using Tile = absl::FunctionRef<void(int64_t)>;

thread_local bool inside_tile = false;

// One loop at a time. Its tiles are handed out by an atomic counter, to the calling thread as well.
class Pool {
 public:
  Pool() : wanted_(AvailableCpus()) {}

  int threads() const { return wanted_; }

  void set_threads(int threads) {
    G4C_CHECK(threads >= 1 && !inside_tile);
    std::lock_guard<std::mutex> loop(loop_mutex_);
    wanted_ = threads;
  }

  void Run(int64_t tiles, Tile tile) {
    // A second thread that starts a loop while one runs does its own alone.
    const std::unique_lock<std::mutex> loop(loop_mutex_, std::try_to_lock);
    if (!loop.owns_lock() || wanted_ == 1 || tiles == 1) {
      Drain(tiles, tile, /*shared=*/false);
      return;
    }
    EnsureWorkers(wanted_ - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      next_ = 0;
      tiles_ = tiles;
      tile_ = &tile;
      busy_ = static_cast<int>(workers_.size());
      ++generation_;
    }
    start_.notify_all();
    Drain(tiles, tile, /*shared=*/true);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    tile_ = nullptr;
  }

 private:
  static int AvailableCpus() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1u, std::thread::hardware_concurrency());
  }

  void Drain(int64_t tiles, Tile tile, bool shared) {
    inside_tile = true;
    if (shared) {
      for (int64_t i; (i = next_.fetch_add(1)) < tiles;) tile(i);
    } else {
      for (int64_t i = 0; i < tiles; ++i) tile(i);
    }
    inside_tile = false;
  }

  void EnsureWorkers(int count) {
    if (static_cast<int>(workers_.size()) == count) return;
    StopWorkers();
    stop_ = false;
    for (int i = 0; i < count; ++i) {
      workers_.emplace_back([this, seen = generation_] { Work(seen); });
    }
  }

  void StopWorkers() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    start_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  void Work(int64_t seen) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      start_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      const Tile tile = *tile_;
      const int64_t tiles = tiles_;
      lock.unlock();
      Drain(tiles, tile, /*shared=*/true);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex loop_mutex_;  // held by the thread whose loop runs
  std::atomic<int> wanted_;
  std::vector<std::thread> workers_;  // guarded by loop_mutex_

  std::mutex mutex_;  // guards what follows
  std::condition_variable start_;
  std::condition_variable done_;
  int64_t generation_ = 0;
  int64_t tiles_ = 0;
  const Tile* tile_ = nullptr;
  int busy_ = 0;
  bool stop_ = false;
  std::atomic<int64_t> next_ = 0;
};

Pool& ThePool() {
  static Pool& pool = *new Pool;  // never destroyed: exit() must not wait for a loop
  return pool;
}

}  // namespace

void SetNumThreads(int threads) { ThePool().set_threads(threads); }
int NumThreads() { return ThePool().threads(); }

void ParallelFor(int64_t tiles, Tile tile) {
  if (tiles <= 0) return;
  if (inside_tile) {
    for (int64_t i = 0; i < tiles; ++i) tile(i);
    return;
  }
  ThePool().Run(tiles, tile);
}

void ParallelForRange(int64_t count, int64_t grain,
                      absl::FunctionRef<void(int64_t begin, int64_t end)> body) {
  G4C_CHECK(grain > 0);
  if (count <= 0) return;
  ParallelFor((count - 1) / grain + 1, [&](int64_t tile) {
    const int64_t begin = tile * grain;
    body(begin, count - begin > grain ? begin + grain : count);
  });
}

}  // namespace g4c
