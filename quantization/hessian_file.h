// Hessians in a statistics file (quantization/statistics_file.h).
//
// Behind the JSON: NUL bytes, at least one, to a multiple of 16 bytes; then for each of
// HessianInputs the entries of GramSums::lower() as little-endian integers of 16 bytes.
#ifndef QUANTIZATION_HESSIAN_FILE_H_
#define QUANTIZATION_HESSIAN_FILE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "quantization/gram_sums.h"

namespace g4c::quantization {

// Writes them to a file that already holds the JSON, one after the other.
absl::Status BeginHessians(AtomicFile& file);
absl::Status WriteHessian(AtomicFile& file, const GramSums& sums);

// Those of several files, merged where they are asked for: only one is in memory at a time.
class SavedHessians {
 public:
  // Of files for this graph; no file yet.
  explicit SavedHessians(const ir::Graph& graph);

  // A file whose JSON says that it has Hessians. InvalidInput where the rest of it is not as long
  // as theirs.
  absl::Status Add(std::shared_ptr<const MappedFile> file);

  bool empty() const { return files_.empty(); }
  // Whether value `input` has one in a file.
  bool Has(ir::ValueId input) const;
  // The sums over the samples of all files. Requires Has.
  GramSums Of(ir::ValueId input) const;

 private:
  struct Place {
    ir::ValueId input;
    int64_t columns;
    uint64_t begin;  // in bytes from the first Hessian
  };
  struct File {
    std::shared_ptr<const MappedFile> bytes;
    uint64_t begin;  // of the first Hessian
  };
  const Place* Find(ir::ValueId input) const;

  std::vector<Place> places_;
  uint64_t size_ = 0;  // of all Hessians of a file
  std::vector<File> files_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_HESSIAN_FILE_H_
