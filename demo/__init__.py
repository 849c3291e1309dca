"""`./dev demo`: a real Milvus is replicated to a real target, before your eyes, and then compared row by row."""
