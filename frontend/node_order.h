// The order in which a list of nodes can be imported, and what is wrong with the list.
#ifndef FRONTEND_NODE_ORDER_H_
#define FRONTEND_NODE_ORDER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "onnx.pb.h"

namespace g4c::frontend {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

struct NodeOrder {
  // Producers before readers, else as in the file. Nodes on a cycle or behind one are missing.
  std::vector<int> order;
  // The nodes of one cycle, each one reading a result of the one before, the first one of the last;
  // begins with the one that stands first in the file.
  std::vector<int> cycle;

  struct Dangling {
    std::string name;
    int reader;  // the first one
  };
  // Names that nodes read (not those that only their subgraphs read) and nothing gives.
  std::vector<Dangling> dangling;

  struct Duplicate {
    std::string name;
    int first;  // -1: given from outside
    int second;
  };
  std::vector<Duplicate> duplicates;
};

// `given`: the names that the graph itself defines besides the nodes' results (inputs,
// initializers), which no node may define again. `visible`: whether a name exists in `given` or in
// a graph around this one. Linear but for a heap of the nodes that are ready.
NodeOrder OrderNodes(const Nodes& nodes, absl::FunctionRef<bool(const std::string&)> given,
                     absl::FunctionRef<bool(const std::string&)> visible);

// The names that a node reads from around it: its inputs, and what its subgraphs read but do not
// define. Subgraphs are nested at most kMaxNesting deep (wire_scan.h).
std::vector<std::string> NamesRead(const onnx::NodeProto& node);

}  // namespace g4c::frontend

#endif  // FRONTEND_NODE_ORDER_H_
