"""`./dev bench`: measures of speed, each beside a reference of the same run. README.md tells what is measured."""
