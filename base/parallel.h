// Loops over tiles on a persistent pool of threads.
//
// The caller cuts its work into tiles whose number and borders depend on the problem only, never on
// NumThreads(). A tile computes all of its outputs by itself; then results are the same bytes for
// any number of threads.
#ifndef BASE_PARALLEL_H_
#define BASE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace g4c {

// How many threads ParallelFor may use, the calling one included; at least 1. Takes effect at the
// next loop. Not to be called while a loop runs. The default is the number of CPUs this process may
// run on.
void SetNumThreads(int threads);
int NumThreads();

// Calls tile(0) .. tile(tiles - 1), each once, in any order and on any thread, and returns when all
// have returned. A call from inside a tile, or while another thread's loop runs, runs its tiles in
// order on the calling thread. `tile` must not throw.
void ParallelFor(int64_t tiles, absl::FunctionRef<void(int64_t tile)> tile);

// The same over [0, count) in ranges of `grain` elements, the last one shorter: body(begin, end).
void ParallelForRange(int64_t count, int64_t grain,
                      absl::FunctionRef<void(int64_t begin, int64_t end)> body);

}  // namespace g4c

#endif  // BASE_PARALLEL_H_
