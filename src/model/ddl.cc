#include "model/ddl.h"

namespace cdc {
namespace {

std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

struct Describer {
  std::string operator()(const CreateDatabase& d) const { return "create database " + d.name; }
  std::string operator()(const DropDatabase& d) const { return "drop database " + d.name; }
  std::string operator()(const AlterDatabase& d) const { return "alter database " + d.name; }
  std::string operator()(const CreateCollection& d) const {
    return "create collection " + d.name.ToString();
  }
  std::string operator()(const DropCollection& d) const {
    return "drop collection " + d.name.ToString();
  }
  std::string operator()(const RenameCollection& d) const {
    return "rename collection " + d.from.ToString() + " to " + d.to.ToString();
  }
  std::string operator()(const AlterCollection& d) const {
    return "alter collection " + d.name.ToString();
  }
  std::string operator()(const SetAlias& d) const {
    return "set alias " + d.alias + " of " + d.name.ToString();
  }
  std::string operator()(const DropAlias& d) const {
    return "drop alias " + d.alias + " of " + d.name.ToString();
  }
  std::string operator()(const CreatePartition& d) const {
    return "create partition " + d.partition + " of " + d.name.ToString();
  }
  std::string operator()(const DropPartition& d) const {
    return "drop partition " + d.partition + " of " + d.name.ToString();
  }
  std::string operator()(const CreateIndex& d) const {
    return "create index " + d.index + " on " + d.name.ToString() + "." + d.field;
  }
  std::string operator()(const DropIndex& d) const {
    return "drop index " + d.index + " on " + d.name.ToString() + "." + d.field;
  }
  std::string operator()(const LoadCollection& d) const {
    return "load collection " + d.name.ToString();
  }
  std::string operator()(const ReleaseCollection& d) const {
    return "release collection " + d.name.ToString();
  }
  std::string operator()(const LoadPartitions& d) const {
    return "load partitions " + Join(d.partitions) + " of " + d.name.ToString();
  }
  std::string operator()(const ReleasePartitions& d) const {
    return "release partitions " + Join(d.partitions) + " of " + d.name.ToString();
  }
  std::string operator()(const Flush& d) const { return "flush " + d.name.ToString(); }
};

struct Namer {
  std::string operator()(const CreateDatabase&) const { return "CreateDatabase"; }
  std::string operator()(const DropDatabase&) const { return "DropDatabase"; }
  std::string operator()(const AlterDatabase&) const { return "AlterDatabase"; }
  std::string operator()(const CreateCollection&) const { return "CreateCollection"; }
  std::string operator()(const DropCollection&) const { return "DropCollection"; }
  std::string operator()(const RenameCollection&) const { return "RenameCollection"; }
  std::string operator()(const AlterCollection&) const { return "AlterCollection"; }
  std::string operator()(const SetAlias&) const { return "SetAlias"; }
  std::string operator()(const DropAlias&) const { return "DropAlias"; }
  std::string operator()(const CreatePartition&) const { return "CreatePartition"; }
  std::string operator()(const DropPartition&) const { return "DropPartition"; }
  std::string operator()(const CreateIndex&) const { return "CreateIndex"; }
  std::string operator()(const DropIndex&) const { return "DropIndex"; }
  std::string operator()(const LoadCollection&) const { return "LoadCollection"; }
  std::string operator()(const ReleaseCollection&) const { return "ReleaseCollection"; }
  std::string operator()(const LoadPartitions&) const { return "LoadPartitions"; }
  std::string operator()(const ReleasePartitions&) const { return "ReleasePartitions"; }
  std::string operator()(const Flush&) const { return "Flush"; }
};

}  // namespace

std::string Describe(const Ddl& ddl) { return std::visit(Describer{}, ddl); }
std::string KindName(const Ddl& ddl) { return std::visit(Namer{}, ddl); }

}  // namespace cdc
