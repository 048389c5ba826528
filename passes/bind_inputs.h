// Bound graph inputs become constants: from files, or position ids and mask from a grid of patches.
#ifndef PASSES_BIND_INPUTS_H_
#define PASSES_BIND_INPUTS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/graph.h"
#include "passes/report.h"

namespace g4c::passes {

// Patches of an image: height x width, row-major.
struct Grid {
  int64_t height;
  int64_t width;
};

// A deployment's grid and its number of patch slots.
struct Profile {
  std::string name;
  Grid grid;
  int64_t seq_len;
};
// e2b_66x36_264 and e2b_57x42_266 (width x height and soft tokens in the name).
absl::Span<const Profile> BuiltinProfiles();
// InvalidInput lists the names.
absl::StatusOr<Profile> BuiltinProfile(absl::string_view name);

struct Bindings {
  std::vector<std::pair<std::string, ir::Dims>> shapes;     // --shape
  std::vector<std::pair<std::string, ir::Tensor>> tensors;  // --bind
  absl::optional<Grid> grid;                                // --grid or --profile
  absl::optional<int64_t> seq_len;                          // --seq-len or --profile
  // Of each graph input that has any: the symbolic name of each dim, "" for the others.
  std::map<std::string, std::vector<std::string>> dim_names;
  bool require_positions =
      true;  // false: pixel_position_ids may stay an input, for a run that feeds it
};

struct BoundInputs {
  // In the order of binding.
  std::vector<std::string> names;
  // bool [B, S], true where a patch is real: x >= 0. Known once pixel_position_ids is bound,
  // however that was done.
  absl::optional<ir::Tensor> valid;
};

// The input that is `role` (pixel_position_ids, attention_mask): the one of just this name, else
// the only one whose name ends in it; kNoValue where there is none. InvalidInput: several end in
// it.
absl::StatusOr<ir::ValueId> InputFor(const ir::Graph& graph, absl::string_view role);

// In this order:
//   1. the shapes are set; a dim that the graph knows must agree
//   2. the tensors are bound; dtype and every known dim must agree
//   3. from a grid: pixel_position_ids, i64 or i32 [B, S, 2], (x, y) in row-major order, then
//      (-1, -1), and, where the graph has one, attention_mask [B, S], 1 where the patch is real, in
//      that input's dtype. S is the graph's dim, else seq_len
// Before and after the third, a dim whose symbolic name has become known through another input gets
// its extent.
// Afterwards a graph input that is pixel_position_ids must not be left.
//
// InvalidInput names the input, lists the graph's inputs where the name is unknown, and says how to
// bind.
absl::StatusOr<BoundInputs> BindInputs(ir::Graph& graph, const Bindings& bindings);

// InvalidInput where a graph input has an unknown dim: each one, and how to set it.
absl::Status RequireStaticInputs(const ir::Graph& graph);

}  // namespace g4c::passes

#endif  // PASSES_BIND_INPUTS_H_
